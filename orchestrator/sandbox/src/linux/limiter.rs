//! Enforces the limits for memory and processes.

use super::{cgroup::Cgroup, kernel, processes::Process};
use crate::{Ended, LimiterKind, Limits};

/// Processes that belong to the sandbox and not to the job: the one that waits outside, and the
/// first one inside.
pub(super) const OVERHEAD: u32 = 2;

/// A limiter in use.
#[derive(Debug)]
pub(super) enum Limiter {
    Cgroup(Cgroup),
    Watchdog(Limits),
}

impl Limiter {
    /// The error says why this kind cannot be used on this machine.
    pub(super) fn create(kind: LimiterKind, limits: &Limits) -> Result<Self, String> {
        let group = match kind {
            LimiterKind::CgroupV2 => Cgroup::create_v2(limits),
            LimiterKind::CgroupV1 => Cgroup::create_v1(limits),
            LimiterKind::Watchdog => return Ok(Self::Watchdog(*limits)),
        };
        group.map(Self::Cgroup).map_err(|error| format!("cannot make a control group: {error}"))
    }

    /// Files in which a process of the job registers itself.
    pub(super) fn procs(&self) -> Vec<std::path::PathBuf> {
        match self {
            Self::Cgroup(group) => group.procs(),
            Self::Watchdog(_) => Vec::new(),
        }
    }

    /// The limit that `alive` have reached, if any.
    pub(super) fn reached(&self, alive: &[Process]) -> Option<Ended> {
        match self {
            Self::Cgroup(group) => group.reached(),
            Self::Watchdog(limits) => watch(limits, alive),
        }
    }

    pub(super) async fn remove(self) {
        if let Self::Cgroup(group) = self {
            group.remove().await;
        }
    }
}

fn watch(limits: &Limits, alive: &[Process]) -> Option<Ended> {
    let threads: u64 = alive.iter().map(|process| process.threads).sum();
    if threads > u64::from(limits.processes + OVERHEAD) {
        return Some(Ended::TooManyProcesses);
    }
    // The cheap number counts shared pages for each process, so it is never too low. The exact
    // number is computed only if the cheap one is too high.
    let used = |of: fn(i32) -> Option<u64>| -> u64 {
        alive.iter().filter_map(|process| of(process.pid)).sum()
    };
    let exceeds = used(resident) > limits.memory_bytes && used(proportional) > limits.memory_bytes;
    exceeds.then_some(Ended::OutOfMemory)
}

/// The memory of a process in bytes, without caches of files.
fn resident(pid: i32) -> Option<u64> {
    let status = kernel::read(format!("/proc/{pid}/status")).ok()?;
    Some(kilobytes(&status, &["RssAnon", "RssShmem", "VmSwap"]))
}

/// The same, with shared pages divided by the number of processes that share them; [`resident`]
/// when this is not known.
fn proportional(pid: i32) -> Option<u64> {
    match kernel::read(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) => Some(kilobytes(&rollup, &["Pss_Anon", "Pss_Shmem", "SwapPss"])),
        Err(_) => resident(pid),
    }
}

fn kilobytes(text: &str, keys: &[&str]) -> u64 {
    keys.iter().filter_map(|key| kernel::keyed(text, key)).sum::<u64>() * 1024
}
