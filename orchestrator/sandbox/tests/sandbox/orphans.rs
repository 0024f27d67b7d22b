//! Programs that try to outlive their job, and orchestrators that end before it.

use std::{
    process::{Child, ExitCode, Stdio},
    time::Duration,
};

use batch_sandbox::{Ended, LimiterKind, Network};
use libtest_mimic::Completion;

use super::test_sandbox::{
    Check, Layers, TestSandbox, block_on, ended, processes_with, unique_sleep,
};

/// The first argument of the driver's process.
pub(crate) const DRIVER: &str = "--driver";

/// Checks that run with every backend.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a job that ignores TERM is killed", ignores_term),
    ("a job may end well when its time is up", obeys_term),
    ("a daemon that holds the pipe dies with its job", a_daemon),
    ("a cancelled job leaves nothing", cancelled),
    ("an output flood is cut off", a_flood),
    ("a disk filler is stopped", a_disk_filler),
    ("one file may not be too large", one_large_file),
    ("deleted files count while they are open", deleted_files),
    ("deleted files count while they are mapped", mapped_files),
    ("descriptors that nobody receives count", descriptors_in_flight),
    ("a process with ever new numbers does not outlive its job", ever_new_numbers),
    ("a killed orchestrator leaves nothing", a_killed_orchestrator),
    ("a killed supervisor leaves no process", a_killed_supervisor),
    ("open files of the orchestrator's starter stay outside", open_files_stay_outside),
];

fn ignores_term(test_sandbox: &TestSandbox) -> Completion {
    let mut job = test_sandbox.shell("trap '' TERM; while :; do sleep 0.1; done");
    job.limits.wall_time = Duration::from_secs(2);
    let report = test_sandbox.run(&job);
    assert!(report.duration_ms >= 3900, "it had its time to end: {report:?}");
    ended(&report, Ended::TimedOut)
}

fn obeys_term(test_sandbox: &TestSandbox) -> Completion {
    let mut job = test_sandbox.shell("trap 'echo saved; exit 0' TERM; while :; do sleep 0.1; done");
    job.limits.wall_time = Duration::from_secs(2);
    let report = test_sandbox.run(&job);
    assert_eq!((report.output.contains("saved"), report.exit_code), (true, None), "{report:?}");
    ended(&report, Ended::TimedOut)
}

fn a_daemon(test_sandbox: &TestSandbox) -> Completion {
    let sleep = unique_sleep();
    let script = format!("(setsid sh -c 'sleep {sleep} & sleep {sleep}' &) ; sleep 0.2; exit 3");
    let report = test_sandbox.run(&test_sandbox.shell(&script));
    assert_eq!(report.exit_code, Some(3));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
    ended(&report, Ended::Exited)
}

fn cancelled(test_sandbox: &TestSandbox) -> Completion {
    let sleep = unique_sleep();
    let job = test_sandbox.shell(&format!("setsid sleep {sleep} & sleep {sleep}"));
    let running = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        // The command line of the shell contains it as well, but the supervisor gets its order
        // through a pipe only.
        while processes_with(&format!("sleep\0{sleep}")).len() < 2 {
            look.tick().await;
        }
    };
    let report = test_sandbox.run_until(&job, running).expect("a report");
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
    ended(&report, Ended::Cancelled)
}

fn a_flood(test_sandbox: &TestSandbox) -> Completion {
    let report = test_sandbox.run(&test_sandbox.job(&["yes", "flood"]));
    assert!(report.truncated && report.output_bytes > 8 << 20, "{}", report.output_bytes);
    assert!(report.output.len() < 70_000 && report.output.starts_with("flood\n"));
    ended(&report, Ended::OutputFlood)
}

fn a_disk_filler(test_sandbox: &TestSandbox) -> Completion {
    let script = "n=0; while :; do n=$((n+1)); head -c 4000000 /dev/zero > f$n; done";
    ended(&test_sandbox.run(&test_sandbox.shell(script)), Ended::DiskFull)
}

fn one_large_file(test_sandbox: &TestSandbox) -> Completion {
    let report =
        test_sandbox.run(&test_sandbox.shell("exec head -c 100000000 /dev/zero > \"$HOME/f\""));
    ended(&report, Ended::DiskFull)
}

fn deleted_files(test_sandbox: &TestSandbox) -> Completion {
    let script = "exec 3>a 4>b 5>c; rm a b c; for n in 3 4 5; do
        eval \"head -c 30000000 /dev/zero >&$n\"; done; sleep 5";
    ended(&test_sandbox.run(&test_sandbox.shell(script)), Ended::DiskFull)
}

fn mapped_files(test_sandbox: &TestSandbox) -> Completion {
    let map = match std::env::consts::ARCH {
        "x86_64" => 9,
        _ => 222,
    };
    // Shared for reading and writing. The file is closed and deleted before it is written to.
    let script = format!(
        "for $n (1..3) {{ open($f, '+>', 'm'); truncate($f, 30e6); unlink 'm'; \
         $at = syscall({map}, 0, 30_000_000, 3, 1, fileno($f), 0); exit 3 if $at == -1; close $f }} \
         print 'mapped'; $| = 1; sleep 20"
    );
    let report = test_sandbox.run(&test_sandbox.job(&["perl", "-e", &script]));
    match report.exit_code {
        Some(127) => Completion::ignored_with("perl is not here to map a file"),
        _ => ended(&report, Ended::DiskFull),
    }
}

fn descriptors_in_flight(test_sandbox: &TestSandbox) -> Completion {
    ended(&test_sandbox.run(&test_sandbox.hostile(&["in-flight", "40"])), Ended::DiskFull)
}

/// Each process of a chain starts the next one and ends, so a single look at the list of processes
/// misses it. Each also appends a byte to a file, which shows that the chain is alive. Whether one
/// look finds it depends on chance, so there are several chains.
fn ever_new_numbers(test_sandbox: &TestSandbox) -> Completion {
    const TIMES: usize = 4;
    for _ in 1..TIMES {
        one_chain(test_sandbox);
    }
    one_chain(test_sandbox)
}

fn one_chain(test_sandbox: &TestSandbox) -> Completion {
    let script = "if (fork) { sleep 1; exit }
        open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
        open my $file, '>>', 'alive' or exit; my $until = time + 30;
        while (time < $until) {
            syswrite $file, 'x'; select undef, undef, undef, 0.003; my $next = fork; exit if $next
        }";
    let report = test_sandbox.run(&test_sandbox.job(&["perl", "-e", script]));
    if report.exit_code == Some(127) {
        return Completion::ignored_with("perl is not here");
    }
    let size = || test_sandbox.work_dir().join("alive").metadata().map_or(0, |file| file.len());
    let before = size();
    block_on(async {
        let mut look = tokio::time::interval(Duration::from_millis(500));
        look.tick().await;
        look.tick().await;
    });
    assert!(before > 0, "no process of the chain was there: {report:?}");
    assert_eq!(size(), before, "one lives on: {report:?}");
    Completion::Completed
}

fn a_killed_orchestrator(test_sandbox: &TestSandbox) -> Completion {
    let sleep = unique_sleep();
    let script = format!("setsid sleep {sleep} & trap '' TERM; sleep {sleep}");
    let mut driver = start_driver(test_sandbox, &script, "");
    wait_until("the job runs", || processes_with(&format!("sleep\0{sleep}")).len() >= 2);
    driver.kill().expect("a living driver");
    driver.wait().expect("a child");
    wait_until("all are gone", || processes_with(&sleep).is_empty());
    wait_until("scratch is gone", || {
        let names = super::test_sandbox::names(test_sandbox.outside());
        !names.iter().any(|name| name.to_string_lossy().starts_with(".scratch-"))
    });
    Completion::Completed
}

fn a_killed_supervisor(test_sandbox: &TestSandbox) -> Completion {
    let sleep = unique_sleep();
    let script = format!("(setsid sh -c 'trap \"\" TERM; sleep {sleep}; :' &); sleep {sleep}");
    let running = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while processes_with(&format!("sleep\0{sleep}")).len() < 2 {
            look.tick().await;
        }
        let supervisors = supervisors_of(&processes_with(&sleep));
        assert!(!supervisors.is_empty());
        for supervisor in supervisors {
            let _ = rustix::process::kill_process(supervisor, rustix::process::Signal::KILL);
        }
        std::future::pending::<()>().await;
    };
    let report = block_on(test_sandbox.sandbox.run(&test_sandbox.shell(&script), running));
    assert!(report.is_err(), "who was killed has nothing to report: {report:?}");
    wait_until("all are gone", || processes_with(&sleep).is_empty());
    Completion::Completed
}

/// The ancestors of `pids` that supervise, without guards.
fn supervisors_of(pids: &[String]) -> Vec<rustix::process::Pid> {
    let read = |pid: &str, file: &str| std::fs::read(format!("/proc/{pid}/{file}"));
    let parent = |pid: &str| {
        let status = String::from_utf8_lossy(&read(pid, "status").unwrap_or_default()).into_owned();
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().to_owned();
        (line != "0").then_some(line)
    };
    let supervises = |pid: &String| {
        let line = read(pid, "cmdline").unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"sandbox-supervise")
    };
    let mut found: Vec<String> = pids
        .iter()
        .flat_map(|pid| std::iter::successors(parent(pid), |pid| parent(pid)))
        .filter(supervises)
        .collect();
    found.sort();
    found.dedup();
    found.iter().filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?)).collect()
}

fn open_files_stay_outside(test_sandbox: &TestSandbox) -> Completion {
    let driver =
        start_driver(test_sandbox, "ls /proc/self/fd; cat <&9", "exec 9</etc/passwd 12</;");
    let output = driver.wait_with_output().expect("a driver's output");
    let said = String::from_utf8_lossy(&output.stdout);
    let fds: Vec<&str> = said.lines().take_while(|line| line.parse::<u8>().is_ok()).collect();
    // The fourth descriptor is the folder that `ls` reads.
    assert_eq!(fds, ["0", "1", "2", "3"], "{said}");
    Completion::Completed
}

/// Starts an orchestrator with one job: this program, after `shell` in the same process.
#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn start_driver(test_sandbox: &TestSandbox, script: &str, shell: &str) -> Child {
    let this = std::env::current_exe().expect("this program");
    let work = test_sandbox.work_dir();
    let backend = test_sandbox.sandbox.backend().as_str();
    let namespaces = test_sandbox.sandbox.network() == Network::Filtered;
    let limiter = serde_json::to_string(&test_sandbox.sandbox.limiter()).expect("a name");
    std::process::Command::new("bash")
        .args(["-c", &format!("{shell} exec \"$@\""), "bash"])
        .arg(this)
        .args([DRIVER, backend, &namespaces.to_string(), &limiter, script])
        .arg(work)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a driver")
}

/// The driver: runs `script` and prints its output.
pub(crate) fn drive(args: &[String]) -> ExitCode {
    let [backend, namespaces, limiter, script, work_dir] = args else { panic!("{args:?}") };
    let limiter: LimiterKind = serde_json::from_str(limiter).expect("a limiter");
    let layers = Layers(backend.parse().expect("a backend"), namespaces == "true");
    let test_sandbox = TestSandbox::new(layers.open(limiter).expect("it worked a moment ago"));
    let mut job = test_sandbox.shell(script);
    job.work_dir = work_dir.into();
    let report = block_on(test_sandbox.sandbox.run(&job, std::future::pending()));
    #[expect(clippy::print_stdout, reason = "what the trial reads")]
    {
        print!("{}", report.expect("a report").output);
    }
    ExitCode::SUCCESS
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        let mut look = tokio::time::interval(Duration::from_millis(50));
        while !is_so() {
            look.tick().await;
        }
    };
    let deadline = Duration::from_secs(60);
    let came = block_on(async { tokio::time::timeout(deadline, waiting).await });
    assert!(came.is_ok(), "{what}: not within {deadline:?}");
}
