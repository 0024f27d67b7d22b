//! The way from the supervisor to the job's program, in two steps of one hidden subcommand.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
};

use rustix::{
    process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setpriority_process, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, CpuSet, clear_ambient_capability_set,
        remove_capability_from_bounding_set, sched_getaffinity, sched_setaffinity,
        set_capabilities, set_no_new_privs,
    },
};
use serde::{Deserialize, Serialize};

use super::{kernel, landlock, read_only_host, seccomp, view::View};
use crate::{process, sandbox::Limits};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-confine";
/// Outside: takes on limits, then becomes the backend's program.
pub(super) const ENTER: &str = "enter";
/// Inside: gives up rights, then becomes the job's program.
pub(super) const APPLY: &str = "apply";
/// Prints the kernel's version of Landlock.
pub(crate) const ABI: &str = "landlock-abi";

/// A step that failed exits with this; the supervisor goes by the missing [`Confinement::ready`].
const REFUSED: u8 = 125;

/// As in shells: the job's program is not there. No fault of the sandbox.
const NOT_FOUND: u8 = 127;

/// Open files that one process may have.
const FILES: u64 = 8192;

/// What [`ENTER`] is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The supervisor: without it there must be no job.
    pub(super) supervisor: i32,
    /// Files that put the writer into a control group.
    pub(super) cgroup_procs: Vec<PathBuf>,
    pub(super) limits: Limits,
    /// Where only the supervisor limits.
    pub(super) watched: Option<Watched>,
    /// What to become.
    pub(super) argv: Vec<String>,
}

/// What gives a watching supervisor the time to act.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Watched {
    /// Of the user, on the whole machine. Far above the job's own limit, since it counts what is
    /// not the job's; and void for root.
    pub(super) processes_of_user: u64,
}

/// What [`APPLY`] is told, on its standard input: the job must not learn it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Confinement {
    /// The line to write when nothing but the job's program is left to start.
    pub(super) ready: String,
    pub(super) network: bool,
    pub(super) memory_files: bool,
    /// Where no namespace limits what is seen.
    pub(super) landlock: Option<View>,
    pub(super) work_dir: PathBuf,
    /// What to become.
    pub(super) argv: Vec<String>,
}

/// Runs the step that `args` name. Returns only when it fails.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let (message, code) = match args {
        [step, entry] if step == ENTER => (enter(entry), REFUSED),
        [step] if step == APPLY => apply(),
        [step] if step == ABI => return print_abi(),
        _ => ("this subcommand is the sandbox's own".to_owned(), REFUSED),
    };
    say(&message);
    ExitCode::from(code)
}

fn say(line: &str) {
    // Nobody is left to hear of an error here.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn print_abi() -> ExitCode {
    match landlock::abi() {
        Ok(abi) => {
            let _ = writeln!(std::io::stdout(), "{abi}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn enter(entry: &str) -> String {
    match serde_json::from_str::<Entry>(entry) {
        Err(error) => format!("cannot read the entry: {error}"),
        Ok(entry) => match take_on_limits(&entry) {
            Err(error) => error,
            Ok(()) => failed_to_become(&entry.argv, Stdio::inherit(), None),
        },
    }
}

fn take_on_limits(entry: &Entry) -> Result<(), String> {
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
fn limit_processors(entry: &Entry) {
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

fn limit_resources(entry: &Entry) -> rustix::io::Result<()> {
    let limits = &entry.limits;
    let cpu_seconds = (limits.wall.as_secs() + 60) * u64::from(limits.cpus.max(1));
    let processes = entry.watched.as_ref().map(|watched| watched.processes_of_user);
    let wanted = [
        (Resource::Core, 0),
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

fn apply() -> (String, u8) {
    let confined = told().and_then(|told| give_up_rights(&told).map(|()| told));
    match confined {
        Err(error) => (error, REFUSED),
        Ok(confinement) => {
            say(&confinement.ready);
            let dir = Some(confinement.work_dir.as_path());
            (failed_to_become(&confinement.argv, Stdio::null(), dir), NOT_FOUND)
        }
    }
}

fn told() -> Result<Confinement, String> {
    let mut told = String::new();
    std::io::stdin()
        .read_to_string(&mut told)
        .and_then(|_| Ok(serde_json::from_str(&told)?))
        .map_err(|error| format!("cannot read the confinement: {error}"))
}

fn give_up_rights(confinement: &Confinement) -> Result<(), String> {
    if let Some(view) = &confinement.landlock {
        read_only_host::make(view)?;
    }
    drop_capabilities().map_err(|error| format!("cannot drop capabilities: {error}"))?;
    set_no_new_privs(true).map_err(|error| format!("cannot renounce new privileges: {error}"))?;
    if let Some(view) = &confinement.landlock {
        landlock::restrict(view)?;
    }
    let Confinement { network, memory_files, .. } = *confinement;
    let namespaces = confinement.landlock.is_none();
    seccomp::restrict(seccomp::Allowed { network, namespaces, memory_files })
}

fn drop_capabilities() -> rustix::io::Result<()> {
    for capability in CapabilitySet::all().iter() {
        // Who has no right to shrink the set has no capability that it could give back, and a
        // kernel does not know every capability of the list.
        let _ = remove_capability_from_bounding_set(capability);
    }
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn failed_to_become(argv: &[String], stdin: Stdio, dir: Option<&Path>) -> String {
    let error = process::become_program(argv, stdin, dir);
    format!("cannot start {}: {error}", argv.first().map_or("nothing", String::as_str))
}
