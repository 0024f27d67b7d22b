//! The sandbox of macOS, with a substitute for its program (`tests/fake-sandbox-exec`) that carries out the
//! profile by bubblewrap. Whether a Mac understands the profile in the same way is not known.

use std::{collections::BTreeMap, future::pending, time::Duration};

use batch_sandbox::{Ended, Job, Limits, NetworkAccess, Report, seatbelt::Seatbelt};
use libtest_mimic::{Completion, Trial};

use super::{
    fake_docker::{FakeRuntime, python},
    test_sandbox::{block_on, names, processes_with, unique_sleep},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 6] = [
        ("a job has the files of its profile only", files),
        ("only a step with network has one", network),
        ("a job that takes too long or is cancelled ends with its children", endings),
        ("too many processes end a job", processes),
        ("every trial to get out is contained", contained),
        ("a program that contains nothing is found out", not_contained),
    ];
    let tests = tests.into_iter().map(|(name, test)| {
        trial("seatbelt", name, move || {
            if let Some(why) = FakeRuntime::why_not() {
                return Ok(Completion::ignored_with(why));
            }
            test();
            Ok(Completion::Completed)
        })
    });
    tests.collect()
}

struct Bench {
    dir: FakeRuntime,
    seatbelt: Seatbelt,
}

impl Bench {
    fn new() -> Self {
        let (_, rest) = include_str!("../fake-sandbox-exec").split_once('\n').expect("a line");
        Self::of(&format!("#!{} -IS\n{rest}", python().expect("python3")))
    }

    fn of(program: &str) -> Self {
        let dir = FakeRuntime::empty();
        dir.put("sandbox-exec", program);
        dir.put("outside", "");
        std::fs::create_dir(dir.path().join("work")).expect("a work folder");
        let seatbelt = Seatbelt::at(dir.path().join("sandbox-exec"));
        Self { dir, seatbelt }
    }

    fn job(&self, script: &str) -> Job {
        let tool = self.dir.path().join("tool");
        std::fs::create_dir_all(&tool).expect("a folder");
        Job {
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            env: BTreeMap::from([("OWN".to_owned(), "1".to_owned())]),
            work_dir: self.dir.path().join("work"),
            writable: true,
            network: None,
            read_only: vec![tool],
            path_dirs: vec![],
            separate_stdout: false,
            limits: Limits { wall_time: Duration::from_secs(100), ..Limits::default() },
        }
    }

    fn run(&self, job: &Job) -> Report {
        let report = block_on(self.seatbelt.run(job, pending())).expect("a report");
        let left = names(&self.dir.path());
        let is_scratch = |name: &std::ffi::OsString| name.to_string_lossy().starts_with(".scratch");
        assert!(!left.iter().any(is_scratch), "{left:?}");
        report
    }

    fn output(&self, job: &Job) -> String {
        let report = self.run(job);
        assert_eq!(report.ended, Ended::Exited, "{report:?}");
        report.output
    }
}

fn files() {
    let bench = Bench::new();
    let script = "echo 1 > own && cat own; cat ../outside; echo 2 > ../tool/x; \
                  echo 3 > $HOME/a && echo 4 > $TMPDIR/b && cat $HOME/a $TMPDIR/b";
    let said = bench.output(&bench.job(script));
    assert!(said.starts_with("1\n3\n4\n"), "{said}");
    assert!(said.contains("No such file") && said.contains("Read-only"), "{said}");
    let read_only = Job { writable: false, ..bench.job("cat own; echo 5 > own; cat own") };
    let said = bench.output(&read_only);
    assert!(said.starts_with("1\n1\n") && said.contains("Read-only"), "{said}");
    let variables = bench.output(&bench.job("env | cut -d= -f1 | sort | tr '\\n' ' '"));
    assert!(!variables.contains("CARGO") && variables.contains("OWN"), "{variables}");
}

fn network() {
    let bench = Bench::new();
    let job = bench.job("tail -n +3 /proc/net/dev | wc -l");
    assert_eq!(bench.output(&job).trim(), "1", "only loopback");
    let with = Job { network: Some(NetworkAccess::default()), ..job };
    let interfaces = std::fs::read("/proc/net/dev").expect("a list");
    let interfaces = String::from_utf8_lossy(&interfaces).lines().skip(2).count().to_string();
    assert_eq!(bench.output(&with).trim(), interfaces);
}

fn endings() {
    let bench = Bench::new();
    let sleep = unique_sleep();
    let job = bench.job(&format!("sleep {sleep} & trap '' TERM; sleep {sleep}"));
    let limits = Limits { wall_time: Duration::from_secs(2), ..job.limits };
    let report = bench.run(&Job { limits, ..job.clone() });
    assert_eq!((report.ended, report.exit_code), (Ended::TimedOut, None));
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
    let report = block_on(bench.seatbelt.run(&job, async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        while processes_with(&sleep).is_empty() {
            again.tick().await;
        }
    }));
    assert_eq!(report.expect("a report").ended, Ended::Cancelled);
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn processes() {
    let bench = Bench::new();
    let job = bench.job("for i in 1 2 3 4 5 6 7 8 9; do sleep 90 & done; wait");
    let limits = Limits { processes: 6, ..job.limits };
    assert_eq!(bench.run(&Job { limits, ..job }).ended, Ended::TooManyProcesses);
}

fn contained() {
    let probes = block_on(Bench::new().seatbelt.probe()).expect("results");
    assert_eq!(probes.len(), 5);
    assert!(probes.iter().all(|probe| probe.held), "{probes:?}");
}

fn not_contained() {
    let bench = Bench::of("#!/bin/sh\nshift 2\nexec \"$@\"\n");
    let probes = block_on(bench.seatbelt.probe()).expect("results");
    let open = probes.iter().filter(|probe| !probe.held).count();
    // Without `nc` the service on loopback cannot be asked.
    assert!(4 <= open, "{probes:?}");
    let broken = block_on(Bench::of("#!/bin/sh\nexit 71\n").seatbelt.probe());
    let why = broken.expect_err("nothing ran").to_string();
    assert!(why.contains("its test did not run"), "{why}");
}
