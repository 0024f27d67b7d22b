//! Programs that exceed their limits.

use batch_sandbox::{Ended, LimiterKind};
use libtest_mimic::Completion;

use super::test_sandbox::{Check, TestSandbox, ended, processes_with, unique_sleep};

/// Checks that run with every limiter.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a memory hog is out of memory", a_memory_hog),
    ("memory counts for all processes together", memory_of_all),
    ("memory below the limit is had", memory_below),
    ("a fork bomb is stopped", a_fork_bomb),
    ("a fork bomb of many sessions is stopped", a_scattered_fork_bomb),
    ("processes below the limit may run", processes_below),
    ("the groups of a job are gone after it", groups_are_gone),
    ("what may wait in sockets counts as memory", memory_in_sockets),
    ("more files than any package has are too many", too_many_files),
    ("folders that are too deep to be counted are too many", too_deep_folders),
    ("memory that no limit counts is refused", secret_memory),
];

fn a_memory_hog(test_sandbox: &TestSandbox) -> Completion {
    ended(&test_sandbox.run(&test_sandbox.hostile(&["memory", "4000"])), Ended::OutOfMemory)
}

/// Eight processes with 30 MB each, which is far below the 128 MB for all of them.
fn memory_of_all(test_sandbox: &TestSandbox) -> Completion {
    let one = test_sandbox.hostile(&["memory", "30"]).argv.join(" ");
    let all =
        test_sandbox.shell(&format!("for n in 1 2 3 4 5 6 7 8; do {one} & done; wait; exit 1"));
    ended(&test_sandbox.run(&all), Ended::OutOfMemory)
}

/// Empty ones: they take no bytes.
fn too_many_files(test_sandbox: &TestSandbox) -> Completion {
    let script = "n=0; while [ $n -lt 3000 ]; do n=$((n+1)); : > f$n; done";
    ended(&test_sandbox.run(&test_sandbox.shell(script)), Ended::TooManyFiles)
}

fn too_deep_folders(test_sandbox: &TestSandbox) -> Completion {
    let script = "n=0; while [ $n -lt 300 ]; do n=$((n+1)); mkdir d && cd d; done";
    ended(&test_sandbox.run(&test_sandbox.shell(script)), Ended::TooManyFiles)
}

fn memory_in_sockets(test_sandbox: &TestSandbox) -> Completion {
    if test_sandbox.sandbox.limiter() != LimiterKind::Watchdog {
        return Completion::ignored_with("a control group counts what really waits in sockets");
    }
    ended(&test_sandbox.run(&test_sandbox.hostile(&["sockets", "300"])), Ended::OutOfMemory)
}

fn secret_memory(test_sandbox: &TestSandbox) -> Completion {
    const SECRET: u32 = 447;
    let made = test_sandbox.run(&test_sandbox.job(&[
        "perl",
        "-e",
        &format!("exit(syscall({SECRET}, 0) < 0)"),
    ]));
    if made.exit_code == Some(127) {
        return Completion::ignored_with("perl is not here to try memfd_secret");
    }
    assert_eq!(made.exit_code, Some(1), "memfd_secret worked: {made:?}");
    Completion::Completed
}

fn memory_below(test_sandbox: &TestSandbox) -> Completion {
    let report = test_sandbox.run(&test_sandbox.hostile(&["memory", "60"]));
    assert_eq!(report.output.trim(), "done");
    ended(&report, Ended::Exited)
}

/// Each process starts two more, for nine levels: far beyond the limit, but only some thousand
/// processes that end by themselves, so that a broken limiter cannot make the machine unusable.
fn a_fork_bomb(test_sandbox: &TestSandbox) -> Completion {
    let sleep = unique_sleep();
    let bomb = format!(
        "b() {{ [ $1 -gt 0 ] && {{ b $(($1 - 1)) & b $(($1 - 1)) & }}; sleep {sleep}; }}; b 9"
    );
    is_stopped(test_sandbox, &bomb, &sleep)
}

/// The scheduler may give each session as much time as the supervisor's own session.
fn a_scattered_fork_bomb(test_sandbox: &TestSandbox) -> Completion {
    let sleep = unique_sleep();
    let again = "setsid sh ./bomb $(($1 - 1)) &";
    let file = format!("[ $1 -gt 0 ] && {{ {again} {again} }}; exec sleep {sleep}");
    is_stopped(test_sandbox, &format!("echo '{file}' > bomb; sh ./bomb 9"), &sleep)
}

fn is_stopped(test_sandbox: &TestSandbox, bomb: &str, sleep: &str) -> Completion {
    let report = test_sandbox.run(&test_sandbox.shell(bomb));
    assert_eq!(processes_with(sleep), Vec::<String>::new());
    ended(&report, Ended::TooManyProcesses)
}

fn processes_below(test_sandbox: &TestSandbox) -> Completion {
    let job = test_sandbox.shell("for n in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 0.3 & done; wait");
    let report = test_sandbox.run(&job);
    assert!(report.succeeded(), "{report:?}");
    Completion::Completed
}

/// The job prints its process groups, which are then searched.
fn groups_are_gone(test_sandbox: &TestSandbox) -> Completion {
    let report = test_sandbox.run(&test_sandbox.shell("cat /proc/self/cgroup"));
    let name = report.output.split('/').find_map(|part| {
        part.lines().next().filter(|name| name.starts_with("tsuku-batch-")).map(str::to_owned)
    });
    let left = name.map(|name| find_groups("/sys/fs/cgroup".as_ref(), &name)).unwrap_or_default();
    assert_eq!(left, Vec::<std::path::PathBuf>::new());
    ended(&report, Ended::Exited)
}

fn find_groups(dir: &std::path::Path, name: &str) -> Vec<std::path::PathBuf> {
    let below = super::test_sandbox::names(dir).into_iter().map(|entry| dir.join(entry));
    let dirs = below.filter(|path| path.is_dir() && !path.is_symlink());
    dirs.flat_map(|path| if path.ends_with(name) { vec![path] } else { find_groups(&path, name) })
        .collect()
}
