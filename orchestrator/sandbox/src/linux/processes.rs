//! The processes of a job: all descendants of its supervisor.
//!
//! The supervisor is a child subreaper, so a process whose parent has died becomes its child (or a
//! child of the first process in its namespace, which is a descendant too). Therefore no process of
//! the job can leave the tree.

use std::collections::{BTreeMap, BTreeSet};

use rustix::{
    process::{
        Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, pidfd_open,
        pidfd_send_signal, setpriority_process, waitid, waitpid,
    },
    thread::{sched_getaffinity, sched_setaffinity},
};

use super::kernel;

/// A process, as it was when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    parent: i32,
    state: char,
    pub(super) threads: u64,
    /// Start time in kernel ticks since boot. It distinguishes the process from a later one with
    /// the same number.
    started: u64,
}

impl Process {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(pid, &kernel::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state ppid …`. The name may contain any characters, including parentheses.
    fn parse(pid: i32, stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        Some(Self {
            pid,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            threads: fields.get(17)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }

    /// A dead process that its parent has not waited for.
    fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Sends `signal` to this process and never to a later one with the same number.
    fn send(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if Self::read(self.pid).is_some_and(|now| now.started == self.started) {
            // It may have died meanwhile, which has the same effect.
            let _ = pidfd_send_signal(handle, signal);
        }
    }

    /// Raises the priority of a killed process, because it needs processor time to end, and a
    /// process with low priority waits long on a busy machine. Errors are ignored, because not
    /// every user may raise a priority.
    fn raise_priority(&self) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        if let Ok(ours) = sched_getaffinity(None) {
            let _ = sched_setaffinity(Some(pid), &ours);
        }
        let _ = setpriority_process(Some(pid), 0);
    }
}

/// The living descendants of this process. Dead children are waited for, except `main`, which is
/// waited for elsewhere.
pub(super) fn alive(main: Option<i32>) -> Vec<Process> {
    let own = std::process::id().cast_signed();
    let all = kernel::numbers("/proc").filter_map(Process::read).collect();
    let (dead, alive): (Vec<_>, Vec<_>) =
        descendants(all, own).into_iter().partition(Process::is_dead);
    for process in dead.iter().filter(|dead| dead.parent == own && Some(dead.pid) != main) {
        // How an orphan ended is irrelevant.
        let _ = waitpid(Pid::from_raw(process.pid), WaitOptions::NOHANG);
    }
    alive
}

fn descendants(all: Vec<Process>, of: i32) -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = children.remove(&of).unwrap_or_default();
    let mut seen = 0;
    while let Some(process) = found.get(seen) {
        let pid = process.pid;
        found.extend(children.remove(&pid).unwrap_or_default());
        seen += 1;
    }
    found
}

/// Asks all processes except `spared` to end.
pub(super) fn terminate(spared: Option<i32>) {
    for process in alive(spared).iter().filter(|process| Some(process.pid) != spared) {
        process.send(Signal::TERM);
    }
}

/// Kills all descendants that exist now; `true` when there are none. To be called repeatedly until
/// then. The processes are stopped first, because killing one at a time gives the others room to
/// multiply.
pub(super) fn kill(main: Option<i32>) -> bool {
    const SWEEPS: usize = 100;
    let mut stopped = BTreeSet::new();
    for _ in 0..SWEEPS {
        if !stop_descendants(&mut stopped) {
            break;
        }
    }
    let last = alive(main);
    for process in &last {
        process.send(Signal::KILL);
        process.raise_priority();
    }
    if last.is_empty() {
        kill_children(main);
    }
    // The second check finds the child of a process that died during the first.
    last.is_empty() && alive(main).is_empty()
}

/// Kills the children of this process, except `main`, as soon as they appear. A process that
/// changes its number constantly, by starting another one and ending, can avoid every check of
/// `/proc`; but its orphans become children of this process, whose list is short and quick to read.
fn kill_children(main: Option<i32>) {
    const ROUNDS: usize = 200;
    for _ in 0..ROUNDS {
        let others: Vec<i32> = children().into_iter().filter(|pid| Some(*pid) != main).collect();
        if others.is_empty() {
            return;
        }
        for pid in others.into_iter().filter_map(Pid::from_raw) {
            // A child that was not waited for keeps its number.
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// The children of this process; none if the kernel has no such list.
fn children() -> Vec<i32> {
    let lists = kernel::numbers("/proc/self/task")
        .filter_map(|task| kernel::read(format!("/proc/self/task/{task}/children")).ok());
    let pids = |list: String| -> Vec<i32> {
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    };
    lists.flat_map(pids).collect()
}

/// Whether this process has any child, alive or dead. While a descendant lives there is one,
/// because the kernel reassigns orphans before their parent is dead. Unlike a check of `/proc`,
/// this answer is complete.
pub(super) fn any() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}

/// Stops processes that are not in `stopped`, and returns whether there were any. Each is stopped
/// as soon as it is found: new processes have higher numbers, so one pass in ascending order
/// catches up with a fork bomb. A process that has got the signal forks no more, although it may
/// take a busy machine long to stop it, so nothing waits for that.
fn stop_descendants(stopped: &mut BTreeSet<(i32, u64)>) -> bool {
    let mut known = BTreeSet::from([std::process::id().cast_signed()]);
    let mut found_more = false;
    for process in kernel::numbers("/proc").filter_map(Process::read) {
        if !known.contains(&process.parent) {
            continue;
        }
        known.insert(process.pid);
        if !process.is_dead() && stopped.insert((process.pid, process.started)) {
            process.send(Signal::STOP);
            found_more = true;
        }
    }
    found_more
}

/// Processes and threads of this process's user on the whole machine.
pub(super) fn of_user() -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let own = rustix::process::geteuid().as_raw();
    let is_own = |pid: &i32| {
        std::fs::metadata(format!("/proc/{pid}")).is_ok_and(|process| process.uid() == own)
    };
    let processes = kernel::numbers("/proc").filter(is_own).filter_map(Process::read);
    processes.map(|process| process.threads).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        Process { pid, parent, state: 'S', threads: 1, started: 0 }
    }

    #[test]
    fn a_process_may_have_any_name() {
        let stat = "7 (a) Z 1 (b) R 3 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 5 0 99 1 2";
        let read = Process::parse(7, stat).unwrap();
        assert_eq!((read.parent, read.state, read.threads, read.started), (3, 'R', 5, 99));
    }

    #[test]
    fn descendants_are_found_however_deep_and_nothing_else() {
        let all = [(2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 4)].map(|(p, q)| process(p, q));
        let found: Vec<_> = descendants(all.to_vec(), 2).iter().map(|found| found.pid).collect();
        assert_eq!(found, [3, 4, 7]);
    }
}
