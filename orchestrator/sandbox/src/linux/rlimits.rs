//! Limits that a process takes on before it becomes the job, and that hold for all it starts.

use std::path::PathBuf;

use rustix::{
    process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setpriority_process, setrlimit},
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};
use serde::{Deserialize, Serialize};

use super::kernel;
use crate::Limits;

/// Open files that one process may have.
const FILES: u64 = 8192;

/// Largest core file, in bytes. Too small for any; and where the machine has a program started for
/// each crash, as its root and with the crashed process before it, the kernel starts it for no
/// process with the limit 1, but does for one with 0.
const CORE: u64 = 1;

/// What is taken on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bounds {
    /// The supervisor: without it there must be no job.
    pub(super) supervisor: i32,
    /// Files that put the writer into a control group.
    pub(super) cgroup_procs: Vec<PathBuf>,
    pub(super) limits: Limits,
    /// Where only the supervisor limits.
    pub(super) watched: Option<Watched>,
}

/// What gives a watching supervisor the time to act.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Watched {
    /// Of the user, on the whole machine. Far above the job's own limit, since it counts what is
    /// not the job's; and void for root.
    pub(super) processes_of_user: u64,
}

/// Ties this process to its supervisor and takes the limits on.
pub(super) fn take_on(entry: &Bounds) -> Result<(), String> {
    // Whatever the starter of all this left open would be a way out.
    close_fds::set_fds_cloexec(3, &[]);
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot tie the job to its supervisor: {error}"))?;
    if getppid() != Pid::from_raw(entry.supervisor) {
        return Err("the supervisor is gone".to_owned());
    }
    // Its own session has no terminal.
    rustix::process::setsid().map_err(|error| format!("cannot leave the session: {error}"))?;
    for procs in &entry.cgroup_procs {
        kernel::write(procs, "0").map_err(|error| format!("{}: {error}", procs.display()))?;
    }
    // The machine's own fight for memory must not hit anything else first. A wish.
    let _ = kernel::write("/proc/self/oom_score_adj", "1000");
    // Who is watched must leave time to the watcher, however many they are; and yet have some.
    let nice = if entry.watched.is_some() { 10 } else { 5 };
    let _ = setpriority_process(None, nice);
    limit_processors(entry);
    limit_resources(entry).map_err(|error| format!("cannot set a limit: {error}"))
}

/// Also tells tools that start one thread per processor. A watching supervisor keeps one for
/// itself, if there are two. Spread by process id, so that jobs side
/// by side do not all get the first ones. A wish: quota or fairness hold where it fails.
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
    let cpu_seconds = (limits.wall.as_secs() + 60) * u64::from(limits.cpus.max(1));
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

/// Limits the processes of this process's user, who has no others: a second limit beside that of the
/// limiter, which must be reached first since it says that it was.
pub(super) fn limit_processes(of_job: u32) -> rustix::io::Result<()> {
    let limit = 2 * u64::from(of_job) + 64;
    let limit = getrlimit(Resource::Nproc).maximum.map_or(limit, |hard| hard.min(limit));
    setrlimit(Resource::Nproc, Rlimit { current: Some(limit), maximum: Some(limit) })
}
