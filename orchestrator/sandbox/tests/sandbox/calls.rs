//! Calls of trusted programs, which are not contained but leave no processes behind either.

use std::{collections::BTreeMap, ffi::OsString, future::pending, time::Duration};

use batch_sandbox::{Call, CallReport, Ended, Host, SandboxError, call};
use libtest_mimic::Completion;

use super::test_sandbox::{Check, TestSandbox, block_on, ended, processes_with, unique_sleep};

/// Checks that run once.
pub(crate) const CHECKS: &[(&str, fn())] = &[
    ("both streams are read apart", streams),
    ("a program that ignores TERM is killed with its children", ignores_term),
    ("a child that holds the streams keeps nobody waiting", a_daemon),
    ("too much output ends it", a_flood),
    ("a cancelled call leaves nothing", cancelled),
    ("a signal is an exit code over 128", a_signal),
    ("a program that is not there is an error", not_there),
];

/// Checks that run with every backend.
pub(crate) const OF_JOBS: &[(&str, Check)] = &[("a job can have its streams apart", job_streams)];

fn shell(script: &str) -> Call {
    Call {
        argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        env: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        dir: std::env::temp_dir(),
        deadline: Duration::from_secs(100),
        grace: Duration::from_millis(300),
        output_bytes: 1 << 20,
    }
}

fn try_run(of: &Call, cancel: impl Future<Output = ()>) -> Result<CallReport, SandboxError> {
    let executable = std::env::current_exe().expect("this program");
    let host = Host { executable, path: OsString::new(), namespaces: true };
    block_on(call(&host, of, cancel))
}

fn run(of: &Call) -> CallReport {
    try_run(of, pending()).expect("a shell can be started")
}

fn streams() {
    let report = run(&shell("echo out; echo err >&2; env; exit 7"));
    assert_eq!((report.exit_code, report.ended), (Some(7), Ended::Exited));
    assert_eq!(report.stderr, "err\n");
    assert!(report.stdout.starts_with("out\n") && !report.stdout.contains("HOME="), "{report:?}");
}

fn ignores_term() {
    let sleep = unique_sleep();
    let script = format!("trap '' TERM; (setsid sleep {sleep} &); while :; do sleep 0.1; done");
    let report = run(&Call { deadline: Duration::from_secs(1), ..shell(&script) });
    assert_eq!((report.exit_code, report.ended), (None, Ended::TimedOut));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn a_daemon() {
    let sleep = unique_sleep();
    let script =
        format!("(setsid sh -c 'trap \"\" TERM; sleep {sleep}; sleep {sleep}' &); echo done");
    let report = run(&shell(&script));
    assert_eq!((report.exit_code, &*report.stdout), (Some(0), "done\n"));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn a_flood() {
    let report = run(&shell("yes"));
    assert_eq!(report.ended, Ended::OutputFlood);
    assert!(report.stdout.len() < 2 << 20);
}

fn cancelled() {
    let sleep = unique_sleep();
    let report = try_run(&shell(&format!("sleep {sleep}")), async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        while processes_with(&sleep).is_empty() {
            again.tick().await;
        }
    });
    assert_eq!(report.expect("a shell can be started").ended, Ended::Cancelled);
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn a_signal() {
    assert_eq!(run(&shell("kill -SEGV $$")).exit_code, Some(128 + 11));
}

fn not_there() {
    let error = try_run(&Call { argv: vec!["/nowhere".to_owned()], ..shell("") }, pending());
    let error = error.expect_err("there is no such program");
    assert!(error.to_string().contains("cannot start /nowhere"));
}

fn job_streams(test_sandbox: &TestSandbox) -> Completion {
    let mut job = test_sandbox.shell("echo out; echo err >&2");
    job.separate_stdout = true;
    let report = test_sandbox.run(&job);
    assert_eq!((&*report.stdout, &*report.output), ("out\n", "err\n"));
    assert_eq!(report.output_bytes, 8);
    ended(&report, Ended::Exited)
}
