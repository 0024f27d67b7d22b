//! The supervisor of one job, a process of its own.
//!
//! Standard input brings the order in one line and then stays open: its end means that the
//! orchestrator is gone or wants no more, and everything must go. Standard output takes the reply.

use std::{
    io::{BufRead as _, Read as _, Write as _},
    os::fd::AsFd as _,
    process::ExitCode,
};

use serde::{Deserialize, Serialize};
use tokio::{io::AsyncReadExt as _, net::unix::pipe};

use super::{bubblewrap::Bubblewrap, processes, started::Started};
use crate::{Backend, Job, LimiterKind, Part, Refusal, Report, process};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-supervise";

/// The hidden subcommand of a supervisor with a guard.
pub(crate) const GUARDED: &str = "sandbox-supervise-guarded";

/// One job, and how to contain it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) job: Job,
    pub(crate) walls: Walls,
    pub(crate) limiter: LimiterKind,
}

/// What stands around a job, from outside to inside. Seccomp is a part of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Walls {
    pub(crate) outer: Outer,
    pub(crate) landlock: bool,
}

/// Who makes the namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outer {
    Bubblewrap(Bubblewrap),
    /// This program.
    Namespaces,
    /// Nobody: the machine does not let this program.
    Nothing,
}

impl Walls {
    /// What starts a supervisor. When one dies, its namespace of processes dies with it; where there
    /// is none, a guard ends what is left of the job.
    pub(crate) fn subcommand(&self) -> &'static str {
        if self.outer == Outer::Nothing { GUARDED } else { SUBCOMMAND }
    }

    pub(crate) fn backend(&self) -> Backend {
        match (&self.outer, self.landlock) {
            (Outer::Bubblewrap(_), true) => Backend::Both,
            (Outer::Bubblewrap(_), false) => Backend::Bubblewrap,
            (Outer::Namespaces | Outer::Nothing, _) => Backend::Landlock,
        }
    }
}

/// The supervisor's answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    Report(Report),
    Refused(Refusal),
}

/// Supervises the job that standard input describes.
pub(crate) fn main() -> ExitCode {
    let reply = supervise().unwrap_or_else(Reply::Refused);
    let written = serde_json::to_string(&reply)
        .map_err(std::io::Error::other)
        .and_then(|line| writeln!(std::io::stdout(), "{line}"));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Starts a supervisor and outlives it: what a supervisor that was killed leaves becomes this
/// process's own, and is killed.
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

fn supervise() -> Result<Reply, Refusal> {
    let order = read_order().map_err(|error| host("cannot read the order", &error))?;
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own))
        .map_err(|error| host("cannot adopt orphans", &error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| host("cannot start", &error))?;
    let report = runtime.block_on(async {
        let lifeline = lifeline().map_err(|error| host("cannot watch the lifeline", &error))?;
        let started = Started::start(order)?;
        started.see_through(lifeline).await
    });
    // Nothing waits for a walk through the files of a job that is over.
    runtime.shutdown_background();
    report.map(Reply::Report)
}

/// Nothing but the end comes after the line, so reading ahead loses nothing.
fn read_order() -> std::io::Result<Order> {
    let mut line = Vec::new();
    let stdin = std::io::stdin();
    std::io::BufReader::with_capacity(1 << 16, stdin.lock().take(1 << 24))
        .read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Ends when the orchestrator closes its end, by dying if need be.
fn lifeline() -> std::io::Result<impl Future<Output = ()>> {
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
