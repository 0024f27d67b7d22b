//! What is to be run, and what came of it.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reach::Reach;

/// Variables that name a file or folder of certificates: how tools trust this machine's network.
/// Only a job with network gets them.
pub const CERTIFICATE_VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
];

/// Variables that say which proxy to use; their values may hold a password. Only a job with network
/// gets them.
pub const PROXY_VARIABLES: [&str; 6] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/// One program to run contained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Program (looked up on the job's `PATH`) and arguments; never empty.
    pub argv: Vec<String>,
    /// The whole environment beside what the sandbox sets itself: `PATH`, `HOME`, `TMPDIR`,
    /// `LANG`, `CI`, `NO_COLOR`, `TERM`. Of a job without network, [`CERTIFICATE_VARIABLES`] and
    /// [`PROXY_VARIABLES`] are removed.
    pub env: BTreeMap<String, String>,
    /// The current folder of the job, at the same path inside and outside: absolute and without
    /// symbolic links, so that what the job is told exists inside.
    pub work_dir: PathBuf,
    /// Whether the job may change `work_dir`. Its `HOME` and `TMPDIR` are scratch either way.
    pub writable: bool,
    /// What the job may reach over the network; `None` leaves it without.
    pub network: Option<Reach>,
    /// Shown beside the system's own folders: the roots of toolchains.
    pub read_only: Vec<PathBuf>,
    /// Come first in the job's `PATH`.
    pub path_dirs: Vec<PathBuf>,
    /// When it is stopped.
    pub limits: Limits,
}

/// How much a job may take, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Processors.
    pub cpus: u32,
    /// Processes and threads at one time.
    pub processes: u32,
    /// Bytes on disk, in the work folder and in scratch.
    pub disk_bytes: u64,
    /// Time on the wall; two seconds more to end by itself.
    pub wall: Duration,
    /// Bytes written to standard output and standard error, kept or not.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            cpus: 2,
            processes: 512,
            disk_bytes: 4 << 30,
            wall: Duration::from_secs(5 * 60),
            output_bytes: 64 << 20,
        }
    }
}

/// What keeps a job from everything else.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// [`Backend::Bubblewrap`] with [`Backend::Landlock`] inside: the default where both work.
    Both,
    /// Namespaces, made by the program `bwrap`, with seccomp.
    Bubblewrap,
    /// The kernel's Landlock and seccomp, with the namespaces that this program may make itself.
    Landlock,
    /// The sandbox of macOS.
    Seatbelt,
}

impl Backend {
    /// As commands and records spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Bubblewrap => "bubblewrap",
            Self::Landlock => "landlock",
            Self::Seatbelt => "seatbelt",
        }
    }
}

/// No backend is called so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no sandbox: it is one of both, bubblewrap, landlock")]
pub struct UnknownBackend(String);

impl std::str::FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(word: &str) -> Result<Self, UnknownBackend> {
        let all = [Self::Both, Self::Bubblewrap, Self::Landlock, Self::Seatbelt];
        all.into_iter()
            .find(|it| it.as_str() == word)
            .ok_or_else(|| UnknownBackend(word.to_owned()))
    }
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What holds a job to its limits of memory, processes and processors.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LimiterKind {
    /// Control groups, version 2.
    CgroupV2,
    /// Control groups, version 1.
    CgroupV1,
    /// The supervisor looks many times a second and kills.
    Watchdog,
}

impl std::fmt::Display for LimiterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CgroupV2 => "control groups (version 2)",
            Self::CgroupV1 => "control groups (version 1)",
            Self::Watchdog => "a watching supervisor",
        })
    }
}

impl LimiterKind {
    /// All, the best first.
    pub const ALL: [Self; 3] = [Self::CgroupV2, Self::CgroupV1, Self::Watchdog];
}

/// How a job came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, or by a signal that no limit sent.
    Exited,
    /// It reached [`Limits::wall`].
    TimedOut,
    /// It reached [`Limits::memory_bytes`].
    OutOfMemory,
    /// It reached [`Limits::processes`].
    TooManyProcesses,
    /// It reached [`Limits::disk_bytes`], or the disk is nearly full.
    DiskFull,
    /// It reached [`Limits::output_bytes`].
    OutputFlood,
    /// The caller wanted no more of it.
    Cancelled,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// 128 + n for signal n, as shells say it; `None` where the sandbox stopped the job.
    pub exit_code: Option<i32>,
    /// How it ended.
    pub ended: Ended,
    /// Standard output and standard error as they came; the first 16 KiB and the last 48 KiB,
    /// what is no UTF-8 replaced.
    pub output: String,
    /// Bytes written in all.
    pub output_bytes: u64,
    /// Whether [`Report::output`] leaves something out.
    pub truncated: bool,
    /// From start to the death of the last process.
    pub duration_ms: u64,
    /// What contained it.
    pub backend: Backend,
    /// What limited it.
    pub limiter: LimiterKind,
    /// The job's user id as the supervisor sees it.
    pub uid: u32,
    /// Connections that were not made, each with the reason; at most 20.
    pub refused: Vec<String>,
}

impl Report {
    /// Whether the job ended by itself and says that all is well.
    pub fn succeeded(&self) -> bool {
        self.ended == Ended::Exited && self.exit_code == Some(0)
    }
}

/// A job could not be run; it says nothing about the job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SandboxError {
    #[error("cannot start the supervisor {program}")]
    Start {
        program: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error("the job cannot be described: {0}")]
    Job(String),
    #[error("the supervisor gave no report: {0}")]
    NoReport(String),
    #[error("{0}")]
    Refused(Refusal),
}

/// Why the supervisor did not start a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What does not work.
    pub part: Part,
    /// Why.
    pub message: String,
}

/// A part of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The machine: disk, pipes, processes.
    Host,
    /// The limiter; another may work.
    Limiter,
    /// The backend; another may work.
    Backend,
}
