//! The supervisor of one job, which is a separate process.
//!
//! Its standard input contains the request in one line and stays open. When it is closed, the
//! orchestrator has ended or has cancelled the job, and everything must be removed. The reply goes
//! to standard output.

use std::{
    io::{BufRead as _, Read as _, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{io::AsyncReadExt as _, net::unix::pipe};

use super::{bubblewrap::Bubblewrap, processes, started::Started};
use crate::{Backend, Job, LimiterKind, Part, Refusal, Report, process};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-supervise";

/// The hidden subcommand of a supervisor with a guard.
pub(crate) const GUARDED: &str = "sandbox-supervise-guarded";

/// A job, and how to isolate it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct JobRequest {
    pub(crate) job: Job,
    pub(crate) layers: Layers,
    pub(crate) limiter: LimiterKind,
}

/// The layers around a job, from outside to inside. Seccomp is part of each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layers {
    pub(crate) namespacing: Namespacing,
    pub(crate) landlock: bool,
}

/// How the namespaces are created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Namespacing {
    Bubblewrap(Bubblewrap),
    /// By this program.
    Namespaces,
    /// There are none, because the machine does not allow it.
    Nothing,
}

impl Layers {
    /// The subcommand that starts a supervisor. When a supervisor dies, its process namespace ends
    /// with it. Without a namespace, a guard process ends the rest of the job.
    pub(crate) fn subcommand(&self) -> &'static str {
        if self.namespacing == Namespacing::Nothing { GUARDED } else { SUBCOMMAND }
    }

    pub(crate) fn backend(&self) -> Backend {
        match (&self.namespacing, self.landlock) {
            (Namespacing::Bubblewrap(_), true) => Backend::Both,
            (Namespacing::Bubblewrap(_), false) => Backend::Bubblewrap,
            (Namespacing::Namespaces | Namespacing::Nothing, _) => Backend::Landlock,
        }
    }
}

/// Supervises the job that standard input describes.
pub(crate) fn main() -> ExitCode {
    reply(&supervise())
}

/// Prints what came of it, in one line.
pub(super) fn reply(outcome: &Result<impl Serialize, Refusal>) -> ExitCode {
    let written = serde_json::to_string(outcome)
        .map_err(std::io::Error::other)
        .and_then(|line| writeln!(std::io::stdout(), "{line}"));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Starts a supervisor and waits for its end. If the supervisor is killed, its processes become
/// children of this process and are killed.
pub(crate) fn guard() -> ExitCode {
    let guarded = || -> std::io::Result<ExitCode> {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let status = process::start_self(&[SUBCOMMAND])?.wait()?;
        if status.success() {
            return Ok(ExitCode::SUCCESS);
        }
        let pause = std::sync::mpsc::channel::<()>().1;
        while !processes::kill(None) || processes::any() {
            let _ = pause.recv_timeout(std::time::Duration::from_millis(5));
        }
        Ok(ExitCode::FAILURE)
    };
    guarded().unwrap_or(ExitCode::FAILURE)
}

fn supervise() -> Result<Report, Refusal> {
    let job_request = read_line().map_err(|error| host("cannot read the order", &error))?;
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own))
        .map_err(|error| host("cannot adopt orphans", &error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| host("cannot start", &error))?;
    let report = runtime.block_on(async {
        let parent_closed =
            parent_closed().map_err(|error| host("cannot watch the standard input", &error))?;
        let started = Started::start(job_request)?;
        started.run_to_end(parent_closed).await
    });
    // Nothing waits for measuring the files of a job that has ended.
    runtime.shutdown_background();
    report
}

/// Only the end of the input follows the line, so buffering loses no data.
pub(super) fn read_line<T: DeserializeOwned>() -> std::io::Result<T> {
    let mut line = Vec::new();
    let stdin = std::io::stdin();
    std::io::BufReader::with_capacity(1 << 16, stdin.lock().take(1 << 24))
        .read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Completes when the orchestrator closes its end, even by dying.
pub(super) fn parent_closed() -> std::io::Result<impl Future<Output = ()>> {
    let stdin = std::io::stdin().as_fd().try_clone_to_owned()?;
    let mut stdin = pipe::Receiver::from_owned_fd(stdin)?;
    Ok(async move {
        let mut ignored = [0; 64];
        while stdin.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
    })
}

pub(super) fn host(what: &str, error: &dyn std::fmt::Display) -> Refusal {
    Refusal { part: Part::Host, message: format!("{what}: {error}") }
}
