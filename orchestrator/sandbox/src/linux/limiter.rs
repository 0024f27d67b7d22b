//! Holds a job to its limits of memory and processes.

use super::{cgroup::Cgroup, kernel, processes::Process};
use crate::{Ended, LimiterKind, Limits};

/// Processes of the sandbox and not of the job: the one that waits outside, and the first inside.
pub(super) const OVERHEAD: u32 = 2;

/// One of [`LimiterKind`], at work.
#[derive(Debug)]
pub(super) enum Limiter {
    Cgroup(Cgroup),
    Watchdog(Limits),
}

impl Limiter {
    /// The error says why this kind cannot be had here.
    pub(super) fn create(kind: LimiterKind, limits: &Limits) -> Result<Self, String> {
        let group = match kind {
            LimiterKind::CgroupV2 => Cgroup::create_v2(limits),
            LimiterKind::CgroupV1 => Cgroup::create_v1(limits),
            LimiterKind::Watchdog => return Ok(Self::Watchdog(*limits)),
        };
        group.map(Self::Cgroup).map_err(|error| format!("cannot make a control group: {error}"))
    }

    /// Files that a process of the job writes itself into.
    pub(super) fn procs(&self) -> Vec<std::path::PathBuf> {
        match self {
            Self::Cgroup(group) => group.procs(),
            Self::Watchdog(_) => Vec::new(),
        }
    }

    /// Which limit `alive` has reached, if any.
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
    // The cheap number counts shared pages once per process, so it is never too low. Only when it
    // is too high is the exact one worth its price.
    let used = |of: fn(i32) -> Option<u64>| -> u64 {
        alive.iter().filter_map(|process| of(process.pid)).sum()
    };
    let exceeds = used(resident) > limits.memory_bytes && used(proportional) > limits.memory_bytes;
    exceeds.then_some(Ended::OutOfMemory)
}

/// Bytes that a process holds and that are no cache of a file.
fn resident(pid: i32) -> Option<u64> {
    let status = kernel::read(format!("/proc/{pid}/status")).ok()?;
    Some(kilobytes(&status, &["RssAnon", "RssShmem", "VmSwap"]))
}

/// The same, shared pages divided by those who share them; [`resident`] where that is not told.
fn proportional(pid: i32) -> Option<u64> {
    match kernel::read(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) => Some(kilobytes(&rollup, &["Pss_Anon", "Pss_Shmem", "SwapPss"])),
        Err(_) => resident(pid),
    }
}

fn kilobytes(text: &str, keys: &[&str]) -> u64 {
    keys.iter().filter_map(|key| kernel::keyed(text, key)).sum::<u64>() * 1024
}
