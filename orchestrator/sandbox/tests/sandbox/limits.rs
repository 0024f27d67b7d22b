//! Programs that take more than they may.

use batch_sandbox::{Ended, LimiterKind};
use libtest_mimic::Completion;

use super::lab::{Check, Lab, ended, processes_with, unique_sleep};

/// Tried with every limiter.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a memory hog is out of memory", a_memory_hog),
    ("memory counts for all processes together", memory_of_all),
    ("memory below the limit is had", memory_below),
    ("a fork bomb is stopped", a_fork_bomb),
    ("a fork bomb of many sessions is stopped", a_scattered_fork_bomb),
    ("processes below the limit may run", processes_below),
    ("the groups of a job are gone after it", groups_are_gone),
    ("what may wait in sockets counts as memory", memory_in_sockets),
    ("memory that no limit counts is refused", secret_memory),
];

fn a_memory_hog(lab: &Lab) -> Completion {
    ended(&lab.run(&lab.hostile(&["memory", "4000"])), Ended::OutOfMemory)
}

/// Eight with 30 MB, each far below the 128 MB that are all.
fn memory_of_all(lab: &Lab) -> Completion {
    let one = lab.hostile(&["memory", "30"]).argv.join(" ");
    let all = lab.shell(&format!("for n in 1 2 3 4 5 6 7 8; do {one} & done; wait; exit 1"));
    ended(&lab.run(&all), Ended::OutOfMemory)
}

fn memory_in_sockets(lab: &Lab) -> Completion {
    if lab.sandbox.limiter() != LimiterKind::Watchdog {
        return Completion::ignored_with("a control group counts what really waits in sockets");
    }
    ended(&lab.run(&lab.hostile(&["sockets", "300"])), Ended::OutOfMemory)
}

fn secret_memory(lab: &Lab) -> Completion {
    const SECRET: u32 = 447;
    let made = lab.run(&lab.job(&["perl", "-e", &format!("exit(syscall({SECRET}, 0) < 0)")]));
    if made.exit_code == Some(127) {
        return Completion::ignored_with("perl is not here to try memfd_secret");
    }
    assert_eq!(made.exit_code, Some(1), "memfd_secret worked: {made:?}");
    Completion::Completed
}

fn memory_below(lab: &Lab) -> Completion {
    let report = lab.run(&lab.hostile(&["memory", "60"]));
    assert_eq!(report.output.trim(), "done");
    ended(&report, Ended::Exited)
}

/// Each process starts two, nine times over: far beyond the limit, and yet no more than some
/// thousand that end by themselves, so that a limiter that fails cannot take the machine down.
fn a_fork_bomb(lab: &Lab) -> Completion {
    let sleep = unique_sleep();
    let bomb = format!(
        "b() {{ [ $1 -gt 0 ] && {{ b $(($1 - 1)) & b $(($1 - 1)) & }}; sleep {sleep}; }}; b 9"
    );
    is_stopped(lab, &bomb, &sleep)
}

/// The kernel may give each session as much time as the watcher's own.
fn a_scattered_fork_bomb(lab: &Lab) -> Completion {
    let sleep = unique_sleep();
    let again = "setsid sh ./bomb $(($1 - 1)) &";
    let file = format!("[ $1 -gt 0 ] && {{ {again} {again} }}; exec sleep {sleep}");
    is_stopped(lab, &format!("echo '{file}' > bomb; sh ./bomb 9"), &sleep)
}

fn is_stopped(lab: &Lab, bomb: &str, sleep: &str) -> Completion {
    let report = lab.run(&lab.shell(bomb));
    assert_eq!(processes_with(sleep), Vec::<String>::new());
    ended(&report, Ended::TooManyProcesses)
}

fn processes_below(lab: &Lab) -> Completion {
    let job = lab.shell("for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.3 & done; wait");
    let report = lab.run(&job);
    assert!(report.succeeded(), "{report:?}");
    Completion::Completed
}

/// A job tells its groups, which are then looked for.
fn groups_are_gone(lab: &Lab) -> Completion {
    let report = lab.run(&lab.shell("cat /proc/self/cgroup"));
    let name = report.output.split('/').find_map(|part| {
        part.lines().next().filter(|name| name.starts_with("tsuku-batch-")).map(str::to_owned)
    });
    let left = name.map(|name| find_groups("/sys/fs/cgroup".as_ref(), &name)).unwrap_or_default();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    ended(&report, Ended::Exited)
}

fn find_groups(dir: &std::path::Path, name: &str) -> Vec<std::path::PathBuf> {
    let below = super::lab::names(dir).into_iter().map(|entry| dir.join(entry));
    let dirs = below.filter(|path| path.is_dir() && !path.is_symlink());
    dirs.flat_map(|path| if path.ends_with(name) { vec![path] } else { find_groups(&path, name) })
        .collect()
}
