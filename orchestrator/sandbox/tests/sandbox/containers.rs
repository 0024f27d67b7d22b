//! Containers, with a runtime of the tests that really runs the programs (`tests/fake-docker`), and with
//! the real one of the machine.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    future::pending,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use batch_sandbox::{
    Ended, Host, Job, Limits, Report, SandboxError,
    container::{CLIENT_VARIABLES, ContainerRuntime, NoRuntime, RuntimeKind},
    program::find_program,
};
use libtest_mimic::{Completion, Trial};

use super::{
    fake_docker::FakeRuntime,
    test_sandbox::{block_on, host, names, processes_with, unique_sleep},
    trial,
};

const IMAGE: &str = "docker.io/library/debian@sha256:00";

const OS_RELEASE: &str = "ID=debian\nVERSION_ID=12\n";

/// The image of the table of the orchestrator for Alpine Linux, which is the smallest one.
const REAL_IMAGE: &str = "docker.io/library/alpine@sha256:\
    c3f8e73fdb79deaebaa2037150150191b9dcbfba68b4a46d70103204c53f4709";

/// A runtime of the tests, and a folder of a run.
struct Bench {
    fake: FakeRuntime,
}

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 9] = [
        ("the first runtime whose service answers is used", detection),
        ("an image is downloaded once and says what it is", preparation),
        ("a job reads its files and has nothing else", containment),
        ("codes of a program are told from codes of the runtime", codes),
        ("a job that takes too long is ended", too_long),
        ("a cancelled job leaves no container", cancelled),
        ("too much output ends a job", flood),
        ("both streams are read", streams),
        ("containers of dead runs are removed", leftovers),
    ];
    let fake = tests.into_iter().map(|(name, test)| {
        trial("container", name, move || {
            Ok(FakeRuntime::why_not().map_or_else(
                || {
                    test();
                    Completion::Completed
                },
                Completion::ignored_with,
            ))
        })
    });
    let real = [
        trial("container", "the real client accepts every flag", || Ok(real_client())),
        trial("container", "a job runs in a real container", || Ok(real_container())),
    ];
    fake.chain(real).collect()
}

#[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

impl Bench {
    fn new(programs: &[&str]) -> Self {
        let bench = Self::of(FakeRuntime::new(programs, &[(IMAGE, OS_RELEASE)]));
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(bench.owner().join("job"), private).expect("a private folder");
        bench
    }

    fn of(fake: FakeRuntime) -> Self {
        let bench = Self { fake };
        std::fs::create_dir_all(bench.owner().join("job/files")).expect("a work folder");
        bench
    }

    fn put(&self, name: &str, text: &str) {
        self.fake.put(name, text);
    }

    fn top(&self) -> PathBuf {
        self.fake.path()
    }

    fn owner(&self) -> PathBuf {
        self.top().join("work")
    }

    fn find(&self) -> Result<ContainerRuntime, NoRuntime> {
        let path = self.top().into_os_string();
        let host = Host { path, ..host() };
        block_on(ContainerRuntime::find(&host, &RuntimeKind::ALL, &BTreeMap::new()))
    }

    /// A runtime with a prepared image.
    fn prepared(&self) -> ContainerRuntime {
        let runtime = self.find().expect("the runtime of the tests");
        let system = block_on(runtime.prepare(IMAGE, &self.owner(), pending()));
        assert_eq!(system.expect("an image").os_release, OS_RELEASE.trim());
        runtime
    }

    fn job(&self, script: &str) -> Job {
        Job {
            argv: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
            env: BTreeMap::from([
                ("OWN".to_owned(), "1".to_owned()),
                ("HTTPS_PROXY".to_owned(), "http://secret".to_owned()),
            ]),
            work_dir: self.owner().join("job/files"),
            writable: false,
            network: None,
            read_only: vec![],
            path_dirs: vec![self.owner().join("job/files/bin")],
            separate_stdout: false,
            // Also where the machine does much else.
            limits: Limits { wall_time: Duration::from_secs(100), ..Limits::default() },
        }
    }

    fn run(&self, job: &Job) -> Result<Report, SandboxError> {
        let report = block_on(self.prepared().run(job, IMAGE, &self.owner(), pending()));
        assert_eq!(self.containers(), Vec::<OsString>::new(), "a container is left");
        report
    }

    fn output(&self, script: &str) -> String {
        let report = self.run(&self.job(script)).expect("a report");
        assert_eq!(report.ended, Ended::Exited, "{report:?}");
        report.output
    }

    fn containers(&self) -> Vec<OsString> {
        self.fake.containers()
    }
}

fn detection() {
    let both = Bench::new(&["docker", "podman"]);
    let runtime = both.find().expect("docker");
    assert_eq!((runtime.kind(), runtime.version()), (RuntimeKind::Docker, "99.1"));
    assert_eq!(Bench::new(&["podman"]).find().expect("podman").kind(), RuntimeKind::Podman);
    let second = Bench::new(&["podman"]);
    second.put("docker", "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n");
    assert_eq!(second.find().expect("podman").kind(), RuntimeKind::Podman);
    let dead = Bench::new(&["docker"]);
    dead.put("dead", "");
    let NoRuntime(reasons) = dead.find().expect_err("a dead service");
    assert!(reasons[0].contains("Cannot connect to the daemon"), "{reasons:?}");
    assert_eq!(reasons[1], "podman is not on PATH");
}

fn preparation() {
    let bench = Bench::new(&["docker"]);
    let runtime = bench.prepared();
    bench.prepared();
    let calls = std::fs::read(bench.top().join("calls")).expect("calls");
    let calls = String::from_utf8_lossy(&calls).into_owned();
    assert_eq!(calls.matches("\"pull\"").count(), 1, "{calls}");
    let unknown = block_on(runtime.prepare("none@sha256:11", &bench.owner(), pending()));
    let why = unknown.expect_err("there is no such image").to_string();
    assert!(why.contains("cannot be downloaded") && why.contains("manifest unknown"), "{why}");
    assert_eq!(names(&bench.owner()), ["job"], "files are left");
}

fn containment() {
    let bench = Bench::new(&["docker"]);
    let files = bench.owner().join("job/files");
    let secret = files.join("text");
    std::fs::File::create(&secret)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"text of the job\n"))
        .expect("a file");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&secret, private).expect("a private file");
    assert_eq!(bench.output("pwd; cat text"), format!("{}\ntext of the job\n", files.display()));
    let wrote = bench
        .output("echo x 2>&1 > text; echo x > new; echo x > ../new; echo x > /tmp/x && cat /tmp/x");
    assert!(wrote.contains("\nx\n"), "{wrote}");
    assert_eq!(wrote.matches("Read-only file system").count(), 2, "{wrote}");
    assert_eq!(names(&files), ["text"]);
    let variables = bench.output("env | cut -d= -f1 | sort");
    let variables: Vec<&str> =
        variables.lines().filter(|name| !["_", "PWD", "SHLVL", "OLDPWD"].contains(name)).collect();
    let empty = [
        "ALL_PROXY",
        "FTP_PROXY",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "all_proxy",
        "ftp_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ];
    let own = ["CI", "HOME", "LANG", "NO_COLOR", "OWN", "PATH", "TERM", "TMPDIR"];
    let mut expected: Vec<&str> = own.into_iter().chain(empty).collect();
    expected.sort_unstable();
    let mut variables = variables;
    variables.sort_unstable();
    assert_eq!(variables, expected);
    assert_eq!(bench.output("printf '%s' \"$HTTPS_PROXY\""), "");
    // Only loopback.
    assert_eq!(bench.output("cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' '"), "lo\n");
}

fn codes() {
    let bench = Bench::new(&["docker"]);
    for code in [0, 7, 125, 126, 127] {
        let report = bench.run(&bench.job(&format!("exit {code}"))).expect("a report");
        assert_eq!((report.exit_code, report.ended), (Some(code), Ended::Exited));
    }
    let no_shell = Job { argv: vec!["/no/shell".to_owned()], ..bench.job("") };
    let why = bench.run(&no_shell).expect_err("nothing was started").to_string();
    assert!(why.starts_with("docker: exit code 127") && why.contains("/no/shell"), "{why}");
    let runtime = bench.prepared();
    let absent =
        block_on(runtime.run(&bench.job("true"), "none@sha256:11", &bench.owner(), pending()));
    let why = absent.expect_err("there is no such image").to_string();
    assert!(why.contains("125") && why.contains("no such image"), "{why}");
    let killed = bench.run(&bench.job("kill -KILL $$")).expect_err("a kill says nothing");
    assert!(killed.to_string().contains("killed"), "{killed}");
}

fn too_long() {
    let bench = Bench::new(&["docker"]);
    let sleep = unique_sleep();
    let job = bench.job(&format!("sleep {sleep}"));
    let limits = Limits { wall_time: Duration::from_secs(4), ..job.limits };
    match bench.run(&Job { limits, ..job }) {
        Ok(report) => assert_eq!((report.ended, report.exit_code), (Ended::TimedOut, None)),
        // A very busy machine does not even start it in this time.
        Err(error) => assert!(error.to_string().contains("did not start in time"), "{error}"),
    }
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn cancelled() {
    let bench = Bench::new(&["podman"]);
    let runtime = bench.prepared();
    let sleep = unique_sleep();
    let job = bench.job(&format!("echo begun; sleep {sleep}"));
    let owner = bench.owner();
    let report = block_on(runtime.run(&job, IMAGE, &owner, async {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        while processes_with(&sleep).is_empty() {
            again.tick().await;
        }
    }));
    assert_eq!(report.expect("a report").ended, Ended::Cancelled);
    assert_eq!(bench.containers(), Vec::<OsString>::new());
    assert_eq!(processes_with(&sleep), Vec::<String>::new());
}

fn flood() {
    let bench = Bench::new(&["docker"]);
    let job = bench.job("yes");
    let limits = Limits { output_bytes: 1 << 20, ..job.limits };
    let report = bench.run(&Job { limits, ..job }).expect("a report");
    assert_eq!(report.ended, Ended::OutputFlood);
    assert!(report.truncated && report.output.len() < 70 << 10, "{}", report.output.len());
}

fn streams() {
    let bench = Bench::new(&["docker"]);
    let job = bench.job("echo out; echo err >&2");
    let report = bench.run(&job).expect("a report");
    assert_eq!((&*report.output, &*report.stdout), ("out\nerr\n", ""));
    let report = bench.run(&Job { separate_stdout: true, ..job }).expect("a report");
    assert_eq!((&*report.output, &*report.stdout), ("err\n", "out\n"));
}

fn leftovers() {
    let bench = Bench::new(&["docker"]);
    let runtime = bench.prepared();
    let other = tempfile::tempdir().expect("a temporary folder");
    let state = |owner: &Path| {
        let label = format!("tsuku-batch.work={}", owner.display());
        serde_json::json!({ "status": "running", "oom": false, "exit": 0, "labels": [label] })
    };
    bench.put("containers/own", &state(&bench.owner()).to_string());
    bench.put("containers/orphan", &state(Path::new("/nothing/here")).to_string());
    bench.put("containers/other", &state(other.path()).to_string());
    let foreign = serde_json::json!({ "status": "running", "labels": ["com.example=1"] });
    bench.put("containers/foreign", &foreign.to_string());
    block_on(runtime.remove_left(&bench.owner())).expect("an answer");
    assert_eq!(bench.containers(), ["foreign", "other"]);
    block_on(runtime.remove_left(&bench.owner())).expect("nothing to do");
}

/// The client on `PATH`, behind a script that answers for its service.
fn real_client() -> Completion {
    let Some(program) = find_program("docker", &path()).or_else(|| find_program("podman", &path()))
    else {
        return Completion::ignored_with("neither docker nor podman is on PATH");
    };
    let Some(name) = program.file_name().and_then(|name| name.to_str()) else {
        return Completion::ignored_with("its name is no text");
    };
    let bench = Bench::of(FakeRuntime::empty());
    let script = format!(
        "#!/bin/sh\ncase $1 in version|info) echo 1;; *) exec {} \"$@\";; esac\n",
        program.display()
    );
    bench.put(name, &script);
    let runtime = bench.find().expect("the script answers");
    // No machine has this image, and it is never downloaded.
    let image = format!("localhost:9/tsuku-batch-tests/none@sha256:{}", "0".repeat(64));
    let ran = block_on(runtime.run(&bench.job("true"), &image, &bench.owner(), pending()));
    let why = ran.expect_err("there is no such image").to_string().to_lowercase();
    let is_usage = ["unknown flag", "invalid", "usage", "unknown shorthand", "conflict"];
    assert!(!is_usage.iter().any(|word| why.contains(word)), "{why}");
    assert!(why.contains("cannot connect") || why.contains("image"), "{why}");
    Completion::Completed
}

/// With the image that `TSUKU_BATCH_TEST_IMAGE` names, or else a downloaded one.
#[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
fn real_container() -> Completion {
    let named = std::env::var("TSUKU_BATCH_TEST_IMAGE").ok();
    if named.is_none() && std::env::var_os("TSUKU_BATCH_LIVE").is_none() {
        let why =
            "set TSUKU_BATCH_LIVE=1, or name an image of this machine in TSUKU_BATCH_TEST_IMAGE";
        return Completion::ignored_with(why);
    }
    let image = named.unwrap_or_else(|| REAL_IMAGE.to_owned());
    let variables = CLIENT_VARIABLES
        .iter()
        .filter_map(|&name| Some((name.to_owned(), std::env::var(name).ok()?)));
    let variables = variables.collect();
    let runtime = match block_on(ContainerRuntime::find(&host(), &RuntimeKind::ALL, &variables)) {
        Ok(runtime) => runtime,
        Err(why) => return Completion::ignored_with(why.to_string()),
    };
    let bench = Bench::of(FakeRuntime::empty());
    let owner = bench.owner();
    let system = block_on(runtime.prepare(&image, &owner, pending())).expect("an image");
    assert!(system.os_release.contains("ID="), "{system:?}");
    let run = |job: &Job| block_on(runtime.run(job, &image, &owner, pending()));
    let script = "id -u; echo x > file; grep -E 'CapEff|NoNewPrivs' /proc/self/status; \
                  ls /sys/class/net; echo x > /tmp/x && cat /tmp/x; env";
    let output = run(&bench.job(script)).expect("a report").output;
    for part in ["65534\n", "0000000000000000", "NoNewPrivs:\t1", "ead-only", "\nlo\nx\n"] {
        assert!(output.contains(part), "{part:?} is not in {output}");
    }
    assert!(output.contains("OWN=1\n") && !output.contains("secret"), "{output}");
    for code in [0, 7, 125, 126, 127] {
        let report = run(&bench.job(&format!("exit {code}"))).expect("a report");
        assert_eq!((report.exit_code, report.ended), (Some(code), Ended::Exited));
    }
    let no_shell = Job { argv: vec!["/no/shell".to_owned()], ..bench.job("") };
    let why = run(&no_shell).expect_err("nothing was started").to_string();
    assert!(why.contains("/no/shell"), "{why}");
    let greedy = bench.job("x=xxxxxxxx; while :; do x=$x$x; done");
    let limits = Limits { memory_bytes: 64 << 20, ..greedy.limits };
    match run(&Job { limits, ..greedy }) {
        Ok(report) => assert_eq!(report.ended, Ended::OutOfMemory, "{report:?}"),
        // Not every runtime notices why the kernel killed it.
        Err(error) => assert!(error.to_string().contains("killed"), "{error}"),
    }
    let slow = bench.job("sleep 300");
    let limits = Limits { wall_time: Duration::from_secs(8), ..slow.limits };
    assert_eq!(run(&Job { limits, ..slow }).expect("a report").ended, Ended::TimedOut);
    let cancel = async {
        let mut ticks = tokio::time::interval(Duration::from_secs(4));
        ticks.tick().await;
        ticks.tick().await;
    };
    let cancelled = block_on(runtime.run(&bench.job("sleep 300"), &image, &owner, cancel));
    assert_eq!(cancelled.expect("a report").ended, Ended::Cancelled);
    block_on(runtime.remove_left(&owner)).expect("an answer");
    Completion::Completed
}
