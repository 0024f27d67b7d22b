//! Containment of untrusted code.
//!
//! Package code runs only through [`Sandbox::run`]. [`Sandbox::detect`] finds what this machine
//! offers by running a probe in it; where nothing works there is no [`Sandbox`].
//!
//! Each job has a supervisor, which is this same program started with a hidden subcommand: a
//! program that links this library calls [`hidden_entry`] first of all.

mod check;
mod inspect;
mod job;
#[cfg(target_os = "linux")]
mod linux;
pub mod process;
pub mod program;
mod reach;
mod temporary;
#[cfg(not(target_os = "linux"))]
mod unsupported;

use std::{ffi::OsString, future::Future, path::PathBuf, process::ExitCode};

pub use check::{Detected, Network, Preference, Probe, SandboxCheck, WallCheck};
pub use inspect::{InspectError, inspect};
pub use job::{
    Backend, CERTIFICATE_VARIABLES, Ended, Job, LimiterKind, Limits, PROXY_VARIABLES, Part,
    Refusal, Report, SandboxError, UnknownBackend,
};
#[cfg(target_os = "linux")]
pub use linux::remove_tree;
pub use reach::{Endpoint, PUBLIC_PORTS, Reach, refusal};
pub use temporary::TemporaryDir;
#[cfg(not(target_os = "linux"))]
pub use unsupported::remove_tree;

/// What the sandbox takes from the machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// A program that calls [`hidden_entry`]; usually this one.
    pub executable: PathBuf,
    /// The `PATH` on which `bwrap` is looked for; empty hides it.
    pub path: OsString,
    /// Whether this program may make namespaces itself where the machine lets it. Without them the
    /// Landlock backend is Landlock and seccomp alone.
    pub namespaces: bool,
}

/// A way to run untrusted code that was seen to work.
#[derive(Debug, Clone)]
pub struct Sandbox {
    executable: PathBuf,
    #[cfg(target_os = "linux")]
    walls: linux::supervise::Walls,
    limiter: LimiterKind,
}

impl Sandbox {
    /// What contains.
    pub fn backend(&self) -> Backend {
        #[cfg(target_os = "linux")]
        return self.walls.backend();
        #[cfg(not(target_os = "linux"))]
        Backend::Seatbelt
    }

    /// What limits.
    pub fn limiter(&self) -> LimiterKind {
        self.limiter
    }

    /// Tries the backends, the strongest first, and with each the limiters. Where `prefer` names one,
    /// no other is chosen, though all backends are checked.
    pub async fn detect(host: &Host, prefer: Preference) -> Detected {
        check::detect(host, prefer).await
    }

    /// What keeps a job with network from private addresses.
    pub fn network(&self) -> Network {
        check::machine::network(self)
    }

    /// Exactly this combination, if a probe runs in it.
    pub async fn open(
        host: &Host,
        backend: Backend,
        limiter: LimiterKind,
    ) -> Result<Self, SandboxError> {
        check::machine::open(host, backend, limiter).await.map(|opened| opened.sandbox)
    }

    /// Runs `job` to its end. When `cancel` completes first, or this future is dropped, the job is
    /// killed with all it started. The report of a cancelled job says so.
    ///
    /// A job that fails is no error; an error says that nothing is known about the job.
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
            let message = format!("{dir} is no folder, or is reached through a symbolic link");
            return Err(SandboxError::Job(message));
        }
        #[cfg(target_os = "linux")]
        return linux::order::run(self, job, cancel).await;
        #[cfg(not(target_os = "linux"))]
        {
            drop(cancel);
            Err(SandboxError::NoReport("there is no sandbox for this system yet".to_owned()))
        }
    }
}

/// Answers the hidden subcommands by which the sandbox starts this program anew; `None` for every
/// other command line. To be called before anything else, threads above all.
pub fn hidden_entry(args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    {
        use linux::{confine, self_test, supervise};

        let args: Vec<String> =
            args.skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
        let (subcommand, args) = args.split_first()?;
        match subcommand.as_str() {
            supervise::SUBCOMMAND => Some(supervise::main()),
            supervise::GUARDED => Some(supervise::guard()),
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
