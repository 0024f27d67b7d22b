//! Limits that a process sets before it becomes the job. They apply to all its children.

use std::path::PathBuf;

use rustix::{
    process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setpriority_process, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde::{Deserialize, Serialize};

use super::kernel;
use crate::Limits;

/// Maximal number of open files of one process.
const FILES: u64 = 8192;

/// Maximal size of a core file in bytes. It is too small for any core file. If the machine starts a
/// program as root for each crash, the kernel does not start it for a process with the limit 1, but
/// does for one with the limit 0.
const CORE: u64 = 1;

/// The limits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bounds {
    /// The supervisor. Without it there must be no job.
    pub(super) supervisor: i32,
    /// Files by which the writer joins a control group.
    pub(super) cgroup_procs: Vec<PathBuf>,
    pub(super) limits: Limits,
    /// Set if only the supervisor enforces the limits.
    pub(super) watched: Option<UserLimits>,
}

/// Gives a watching supervisor the time to act.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UserLimits {
    /// Processes of the user on the whole machine. It is far above the job's own limit, because it
    /// also counts other processes. It has no effect for root.
    pub(super) processes_of_user: u64,
}

/// Ties this process to its supervisor and sets the limits.
pub(super) fn apply_limits(entry: &Bounds) -> Result<(), String> {
    // Open files of the parent process would be a way out of the sandbox.
    close_fds::set_fds_cloexec(3, &[]);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot tie the job to its supervisor: {error}"))?;
    if getppid() != Pid::from_raw(entry.supervisor) {
        return Err("the supervisor is gone".to_owned());
    }
    // A session of its own has no terminal.
    rustix::process::setsid().map_err(|error| format!("cannot leave the session: {error}"))?;
    for procs in &entry.cgroup_procs {
        kernel::write(procs, "0").map_err(|error| format!("{}: {error}", procs.display()))?;
    }
    // When memory is short, the kernel should kill this process first. Errors are ignored.
    let _ = kernel::write("/proc/self/oom_score_adj", "1000");
    // Watched processes must leave processor time to the watchdog, and still get some.
    let nice = if entry.watched.is_some() { 10 } else { 5 };
    let _ = setpriority_process(None, nice);
    limit_processors(entry);
    limit_resources(entry).map_err(|error| format!("cannot set a limit: {error}"))
}

/// This also tells tools that start one thread for each processor. A watching supervisor keeps one
/// processor for itself if there are two. The choice depends on the process id, so that parallel
/// jobs do not all use the first processors. Errors are ignored, because quota or scheduling still
/// apply.
fn limit_processors(entry: &Bounds) {
    let Ok(ours) = sched_getaffinity(None) else { return };
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&cpu| ours.is_set(cpu)).collect();
    let first = entry.supervisor.unsigned_abs() as usize;
    let mut chosen = CpuSet::new();
    let free = cpus.len().saturating_sub(usize::from(entry.watched.is_some())).max(1);
    for n in 0..(entry.limits.cpus as usize).min(free) {
        chosen.set(cpus[(first + n) % cpus.len()]);
    }
    if chosen.count() > 0 {
        let _ = sched_setaffinity(None, &chosen);
    }
}

fn limit_resources(entry: &Bounds) -> rustix::io::Result<()> {
    let limits = &entry.limits;
    let cpu_seconds = (limits.wall_time.as_secs() + 60) * u64::from(limits.cpus.max(1));
    let processes = entry.watched.as_ref().map(|watched| watched.processes_of_user);
    let wanted = [
        (Resource::Core, CORE),
        (Resource::Nofile, FILES),
        (Resource::Fsize, limits.disk_bytes),
        (Resource::Cpu, cpu_seconds),
    ];
    let processes = processes.map(|limit| (Resource::Nproc, limit));
    for (resource, limit) in wanted.into_iter().chain(processes) {
        let limit = getrlimit(resource).maximum.map_or(limit, |hard| hard.min(limit));
        setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
    }
    Ok(())
}

/// Limits the processes of this process's user, which has no others. It is a second limit besides
/// that of the limiter, which must be reached first because it reports the cause.
pub(super) fn limit_processes(of_job: u32) -> rustix::io::Result<()> {
    let limit = 2 * u64::from(of_job) + 64;
    let limit = getrlimit(Resource::Nproc).maximum.map_or(limit, |hard| hard.min(limit));
    setrlimit(Resource::Nproc, Rlimit { current: Some(limit), maximum: Some(limit) })
}
