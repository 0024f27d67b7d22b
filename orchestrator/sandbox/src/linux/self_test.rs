//! Tests from inside what a sandbox must prevent. Nothing is assumed without a test.

mod files;
mod network;
mod processes;

use std::{io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode};

use serde::{Deserialize, Serialize};

pub(super) use files::MODES;
pub(super) use network::ABSTRACT;

use crate::Probe;

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-self-test";

/// The input of the program inside, as JSON in its only argument.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Task {
    /// A file outside, which this user may read and write.
    pub(super) outside: PathBuf,
    /// A socket outside, which this user may connect to.
    pub(super) socket: PathBuf,
    /// A process outside, which this user may send signals to.
    pub(super) process: i32,
    /// A listener outside, on a loopback address.
    pub(super) listener: SocketAddr,
    /// Whether the step has network.
    pub(super) network: bool,
    /// Whether namespaces are used.
    pub(super) namespaces: bool,
}

/// The results.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Found {
    pub(super) probes: Vec<Probe>,
    /// Whether the first process has a filter; `None` when it does not belong to the sandbox.
    pub(super) seccomp_on_pid1: Option<bool>,
}

/// Started inside with a [`Task`]. Prints what it [`Found`].
pub(crate) fn main(args: &[String]) -> ExitCode {
    let task = args.first().and_then(|task| serde_json::from_str::<Task>(task).ok());
    let Some(task) = task else { return ExitCode::FAILURE };
    let seccomp_on_pid1 = task.namespaces.then(|| processes::is_filtered("1"));
    let mut tried: Vec<(&str, bool)> = Vec::new();
    if task.network {
        tried.extend(network::with_network(&task));
    } else {
        tried.extend(files::probes(&task));
        tried.extend(processes::probes(&task));
        tried.extend(network::without_network(&task));
    }
    let probes = tried.into_iter().map(|(name, held)| Probe { name: name.to_owned(), held });
    let found = Found { probes: probes.collect(), seccomp_on_pid1 };
    let written = serde_json::to_string(&found)
        .map_err(std::io::Error::other)
        .and_then(|line| writeln!(std::io::stdout(), "{line}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
