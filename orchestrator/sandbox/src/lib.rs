//! A sandbox for untrusted code.
//!
//! Package code runs only through [`Sandbox::run`]; programs of this machine's owner, which run nothing of
//! a package, through [`call()`]. [`Sandbox::detect`] finds what this machine
//! offers by running a probe in it; where nothing works there is no [`Sandbox`].
//!
//! Each job has a supervisor, which is this same program with a hidden subcommand. A program that
//! links this library must call [`hidden_entry`] before anything else.

mod bounded_output;
mod call;
mod check;
pub mod container;
mod group;
mod inspect;
mod job;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod macos;
mod network_access;
pub mod process;
pub mod program;
pub mod seatbelt;
mod streams;
mod temporary;
mod variables;

use std::{ffi::OsString, future::Future, path::PathBuf, process::ExitCode};

pub use call::{Call, CallReport, call};
pub use check::{BackendCheck, Network, Preference, Probe, SandboxCheck};
pub use inspect::{InspectError, inspect};
pub use job::{
    Backend, CERTIFICATE_VARIABLES, Ended, Job, LimiterKind, Limits, PROXY_VARIABLES, Part,
    Refusal, Report, SandboxError, UnknownBackend,
};
#[cfg(target_os = "linux")]
pub use linux::remove_tree;
#[cfg(not(target_os = "linux"))]
pub use macos::remove_tree;
pub use network_access::{Endpoint, NetworkAccess, PUBLIC_PORTS, refusal};
pub use temporary::TemporaryDir;

/// What the sandbox needs from the machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// A program that calls [`hidden_entry`], usually this one.
    pub executable: PathBuf,
    /// The `PATH` on which `bwrap` is searched. An empty one hides it.
    pub path: OsString,
    /// Whether this program may create namespaces itself, if the machine allows it. Without them
    /// the Landlock backend consists of Landlock and seccomp only.
    pub namespaces: bool,
}

/// A sandbox that passed its tests on this machine.
#[derive(Debug, Clone)]
pub struct Sandbox {
    #[cfg(target_os = "linux")]
    executable: PathBuf,
    #[cfg(target_os = "linux")]
    layers: linux::supervise::Layers,
    #[cfg(not(target_os = "linux"))]
    seatbelt: seatbelt::Seatbelt,
    limiter: LimiterKind,
}

impl Sandbox {
    /// The backend.
    pub fn backend(&self) -> Backend {
        #[cfg(target_os = "linux")]
        return self.layers.backend();
        #[cfg(not(target_os = "linux"))]
        Backend::Seatbelt
    }

    /// The limiter.
    pub fn limiter(&self) -> LimiterKind {
        self.limiter
    }

    /// Tests the backends, the strongest first, each with the limiters, until one works. If
    /// `prefer` names one, no other is tested. `None` means that no package code may run on this
    /// machine.
    pub async fn detect(host: &Host, prefer: Preference) -> Option<Self> {
        check::detect(host, prefer).await
    }

    /// Whether [`Self::detect`] may find one: the parts of a backend are on this machine. Its tests are
    /// jobs and take their time; this only looks, so that what works on the machine is not known.
    pub async fn may_work(host: &Host, prefer: Preference) -> bool {
        check::may_work(host, prefer).await
    }

    /// Tests all backends and returns the results, and which one [`Self::detect`] chooses.
    pub async fn check(host: &Host) -> SandboxCheck {
        check::check(host).await
    }

    /// What protects private addresses from a job with network.
    pub fn network(&self) -> Network {
        check::machine::network(self)
    }

    /// Exactly this combination, if a test program runs in it.
    pub async fn open(
        host: &Host,
        backend: Backend,
        limiter: LimiterKind,
    ) -> Result<Self, SandboxError> {
        check::machine::open(host, backend, limiter).await.map(|opened| opened.sandbox)
    }

    /// Runs `job` to its end. If `cancel` completes first, or if this future is dropped, the job is
    /// killed with all its processes. The report says whether a job was cancelled.
    ///
    /// A job that fails is not an error. An error means that nothing is known about the job.
    pub async fn run(
        &self,
        job: &Job,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        if job.argv.is_empty() {
            return Err(SandboxError::Job("it needs a program".to_owned()));
        }
        if job.work_dir.canonicalize().ok().as_ref() != Some(&job.work_dir) {
            let dir = job.work_dir.display();
            let message = format!("{dir} is not a folder, or its path contains a symbolic link");
            return Err(SandboxError::Job(message));
        }
        #[cfg(target_os = "linux")]
        return linux::job_request::run(self, job, cancel).await;
        #[cfg(not(target_os = "linux"))]
        return self.seatbelt.run(job, cancel).await;
    }
}

/// Handles the hidden subcommands with which the sandbox starts this program again; `None` for
/// every other command line. It must be called before anything else, in particular before threads
/// are started.
pub fn hidden_entry(args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    {
        use linux::{call, confine, self_test, supervise};

        let args: Vec<String> =
            args.skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
        let (subcommand, args) = args.split_first()?;
        match subcommand.as_str() {
            supervise::SUBCOMMAND => Some(supervise::main()),
            supervise::GUARDED => Some(supervise::guard()),
            call::SUBCOMMAND => Some(call::main()),
            confine::SUBCOMMAND => Some(confine::main(args)),
            self_test::SUBCOMMAND => Some(self_test::main(args)),
            _ => None,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        drop(args);
        None
    }
}
