//! The program to run, and its result.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::network_access::NetworkAccess;

/// Variables that name a file or folder of certificates, which tools need to trust this machine's
/// network. Only a job with network gets them.
pub const CERTIFICATE_VARIABLES: [&str; 7] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
];

/// Variables that name a proxy. Their values may contain a password. Only a job with network gets
/// them.
pub const PROXY_VARIABLES: [&str; 6] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];

/// A program to run in the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The program, which is searched on the job's `PATH`, and its arguments. Never empty.
    pub argv: Vec<String>,
    /// All variables besides those that the sandbox sets itself: `PATH`, `HOME`, `TMPDIR`, `LANG`,
    /// `CI`, `NO_COLOR`, `TERM`. For a job without network, [`CERTIFICATE_VARIABLES`] and
    /// [`PROXY_VARIABLES`] are removed.
    pub env: BTreeMap<String, String>,
    /// The current folder of the job. It has the same path inside and outside, which is absolute
    /// and without symbolic links, so that the path exists inside.
    pub work_dir: PathBuf,
    /// Whether the job may change `work_dir`. Its `HOME` and `TMPDIR` are always temporary and
    /// writable.
    pub writable: bool,
    /// The network access of the job; `None` means no network.
    pub network: Option<NetworkAccess>,
    /// Folders that are visible besides those of the system: the roots of toolchains.
    pub read_only: Vec<PathBuf>,
    /// The first entries of the job's `PATH`.
    pub path_dirs: Vec<PathBuf>,
    /// Whether standard output goes to [`Report::stdout`] and not to [`Report::output`].
    pub separate_stdout: bool,
    /// The limits at which it is stopped.
    pub limits: Limits,
}

/// The limits of a job, for all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Number of processors.
    pub cpus: u32,
    /// Number of processes and threads at the same time.
    pub processes: u32,
    /// Bytes on disk, in the work folder and in the temporary folders.
    pub disk_bytes: u64,
    /// Files and folders there.
    pub files: u64,
    /// Time on the wall; two seconds more to end by itself.
    pub wall_time: Duration,
    /// Bytes written to standard output and standard error, whether they are kept or not.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            cpus: 2,
            processes: 512,
            disk_bytes: 4 << 30,
            files: 250_000,
            wall_time: Duration::from_secs(5 * 60),
            output_bytes: 64 << 20,
        }
    }
}

/// The backend, which isolates a job.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// [`Backend::Bubblewrap`] with [`Backend::Landlock`] inside. It is the default if both work.
    Both,
    /// Namespaces that the program `bwrap` creates, with seccomp.
    Bubblewrap,
    /// Landlock and seccomp of the kernel, with the namespaces that this program can create itself.
    Landlock,
    /// The sandbox of macOS.
    Seatbelt,
}

impl Backend {
    /// The name in commands and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Bubblewrap => "bubblewrap",
            Self::Landlock => "landlock",
            Self::Seatbelt => "seatbelt",
        }
    }
}

/// There is no backend of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a sandbox backend; write both, bubblewrap or landlock, or on macOS seatbelt")]
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

/// The limiter, which enforces the limits for memory, processes and processors.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LimiterKind {
    /// Control groups, version 2.
    CgroupV2,
    /// Control groups, version 1.
    CgroupV1,
    /// The supervisor checks many times a second and kills.
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
    /// All of them, the best first.
    pub const ALL: [Self; 3] = [Self::CgroupV2, Self::CgroupV1, Self::Watchdog];
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// By itself, or by a signal that was not caused by a limit.
    Exited,
    /// It reached [`Limits::wall_time`].
    TimedOut,
    /// It reached [`Limits::memory_bytes`].
    OutOfMemory,
    /// It reached [`Limits::processes`].
    TooManyProcesses,
    /// It reached [`Limits::disk_bytes`], or the disk is nearly full.
    DiskFull,
    /// It made more than [`Limits::files`], or folders too deep in each other to be counted.
    TooManyFiles,
    /// It reached [`Limits::output_bytes`].
    OutputFlood,
    /// The caller cancelled it.
    Cancelled,
}

/// The result of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// 128 + n for signal n, as in shells; `None` when the sandbox stopped the job.
    pub exit_code: Option<i32>,
    /// How it ended.
    pub ended: Ended,
    /// Standard output and standard error together: the first 16 KiB and the last 48 KiB. Bytes
    /// that are not UTF-8 are replaced.
    pub output: String,
    /// Standard output of a job that has it apart, at most 1 MiB and the last 48 KiB; else empty.
    pub stdout: String,
    /// Number of all bytes that were written.
    pub output_bytes: u64,
    /// Whether [`Report::output`] is incomplete.
    pub truncated: bool,
    /// From the start to the end of the last process.
    pub duration_ms: u64,
    /// The job's user id as the supervisor sees it; `None` for a container.
    pub uid: Option<u32>,
    /// Connections that were refused, each with the reason; at most 20.
    pub refused: Vec<String>,
}

impl Report {
    /// Whether the job ended by itself with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.ended == Ended::Exited && self.exit_code == Some(0)
    }
}

/// A job could not be run. This says nothing about the job.
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
    #[error("{runtime}: {reason}")]
    Container { runtime: &'static str, reason: String },
    #[error("the supervisor gave no report: {0}")]
    NoReport(String),
    #[error("{0}")]
    Refused(Refusal),
}

/// Why the supervisor did not start a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The part that does not work.
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
    /// The limiter. Another one may work.
    Limiter,
    /// The backend. Another one may work.
    Backend,
}
