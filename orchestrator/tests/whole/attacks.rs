//! Runs a hostile package through `run` itself: its command, which the verify step starts, tries
//! every attack of the sandbox's tests.
//!
//! Its install script does not run, because npm gets an option against that. The tests of the
//! sandbox cover steps with network that run code of a package.

use std::{
    io::Write as _,
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::{PermissionsExt as _, chown},
            net::{SocketAddr, UnixListener},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    sync::OnceLock,
    time::Duration,
};

use libtest_mimic::{Completion, Trial};
use serde_json::{Value, json};

use crate::{
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm, program},
};

const SCRIPT: &str = include_str!("../../sandbox/tests/attacks.pl");

/// The id of an ordinary user who owns no files.
const ORDINARY: u32 = 61_234;

/// With fewer attempts, something prevented the attacks from running.
const AT_LEAST: usize = 250;

/// A text in the values of variables that no verify step may see.
const SECRET: &str = "attacks-secret";

/// The user who runs the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunAs {
    This,
    Ordinary,
}

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm().or_else(|| {
        let has_perl = Path::new("/usr/bin/perl").exists();
        (!has_perl).then(|| "perl is not here, which the attacks are written in".to_owned())
    });
    let mut trials = Vec::new();
    for person in [RunAs::This, RunAs::Ordinary] {
        for backend in ["both", "bubblewrap", "landlock"] {
            for limiter in ["cgroup_v2", "cgroup_v1", "watchdog"] {
                let name =
                    format!("a_hostile_package_gets_nowhere: {person:?}, {backend}, {limiter}");
                let obstacle = obstacle.clone();
                trials.push(Trial::ignorable_test(name, move || {
                    Ok(match obstacle {
                        Some(why) => Completion::ignored_with(why),
                        None => attacked(person, backend, limiter),
                    })
                }));
            }
        }
    }
    trials
}

fn attacked(person: RunAs, backend: &str, limiter: &str) -> Completion {
    if person == RunAs::Ordinary && !rustix::process::geteuid().is_root() {
        return Completion::ignored_with("this is an ordinary user already");
    }
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let token = format!("token-{nanos}-{backend}-{limiter}");
    let target = Target::new(person, &token);
    let words = target.words(&token);
    let origin = registry::serve([hostile(&words)], Duration::ZERO);
    let settings = format!("[sandbox]\nlimiter = \"{limiter}\"\nverify_seconds = 120\n");
    let root = TestRoot::new(&origin, &settings);
    root.put_pending(&["hostile"]);
    give(root.dir.path(), person);
    let args = ["--json", "run", "--ecosystem", "npm", "-q", "--sandbox", backend];
    let run = started_by(person, &root, &args);
    if run.status.code() == Some(4) {
        // One of these exists, or nothing works for this user.
        let check = started_by(person, &root, &["--json", "sandbox", "check"]);
        let check: Value = serde_json::from_slice(&check.stdout).unwrap();
        let wall = check["walls"].as_array().unwrap().iter().find(|it| it["name"] == *backend);
        let usable = wall.is_some_and(|it| it["usable"] == true);
        assert!(!(usable && limiter == "watchdog"), "it was not used: {run:?}");
        let why =
            if usable { check["cgroup"].to_string() } else { wall.unwrap()["why_not"].to_string() };
        return Completion::ignored_with(why);
    }
    let summary: Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let batch = summary["batches"][0]["batch_id"].as_str().unwrap_or_else(|| panic!("{summary:#}"));
    let shown =
        started_by(person, &root, &["--json", "failures", "show", &format!("{batch}-hostile")]);
    let shown: Value =
        serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{shown:?}"));
    assert_held(shown["output"].as_str().unwrap_or_else(|| panic!("{shown:#}")));
    assert_eq!(target.changed(), None);
    assert_eq!(processes_with(&token), Vec::<String>::new(), "processes outlived the run");
    Completion::Completed
}

fn assert_held(output: &str) {
    let held = output.lines().filter(|line| line.starts_with("held ")).count();
    let open: Vec<&str> = output.lines().filter(|line| line.starts_with("OPEN ")).collect();
    assert!(open.is_empty(), "{open:#?}");
    let ends = output.lines().any(|line| line == format!("done {held}"));
    // The verify step may ask for a version in more than one way.
    let ends = ends || output.lines().filter(|line| line.starts_with("done ")).count() > 1;
    assert!(held >= AT_LEAST && ends, "{output}");
}

fn hostile(words: &[String]) -> Package {
    let cli = format!(
        "#!/usr/bin/env node
        const {{ spawnSync }} = require('child_process');
        const script = require('fs').realpathSync(__dirname) + '/attacks.pl';
        // Inherited: processes that the script leaves behind keep its output open.
        const options = {{ cwd: process.env.HOME, stdio: 'inherit' }};
        const run = spawnSync('/usr/bin/perl', [script, ...{}], options);
        if (run.error) console.log(String(run.error));
        process.exitCode = 1;\n",
        json!(words)
    );
    let files = [("cli.js".to_owned(), cli), ("attacks.pl".to_owned(), SCRIPT.to_owned())];
    Package { files: files.into(), ..Package::tool("hostile", 0) }
}

/// Makes the user who runs the pipeline the owner of everything in `dir`.
fn give(dir: &Path, person: RunAs) {
    if person == RunAs::This {
        return;
    }
    chown(dir, Some(ORDINARY), Some(ORDINARY)).unwrap();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            give(&entry.path(), person);
        } else {
            chown(entry.path(), Some(ORDINARY), Some(ORDINARY)).unwrap();
        }
    }
}

/// A copy of the program that every user can start.
fn reachable_program() -> &'static Path {
    static COPY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = COPY.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tsuku-batch");
        std::fs::copy(program(), &path).unwrap();
        for path in [dir.path(), &path] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        (dir, path)
    });
    path
}

fn started_by(person: RunAs, root: &TestRoot, args: &[&str]) -> Output {
    let is_other = person == RunAs::Ordinary;
    let mut command = Command::new(if is_other { reachable_program() } else { program() });
    command.arg("--root").arg(root.dir.path()).args(args);
    // Nobody listens there; only https would use it.
    command.env("HTTPS_PROXY", format!("http://user:{SECRET}@127.0.0.1:9"));
    command.env("NO_PROXY", "127.0.0.1").env("GITHUB_TOKEN", SECRET);
    run_as(&mut command, person);
    if is_other {
        command.env("HOME", root.dir.path());
    }
    command.output().unwrap()
}

fn run_as(command: &mut Command, person: RunAs) {
    if person == RunAs::Ordinary {
        command.uid(ORDINARY).gid(ORDINARY).current_dir("/").env_remove("TMPDIR");
    }
}

/// The targets of the attacks: files and services of the user who runs the pipeline.
struct Target {
    dir: tempfile::TempDir,
    sleeper: Child,
    abstract_name: String,
    tcp: u16,
    udp: u16,
    _listeners: (UnixListener, UnixListener),
}

impl Target {
    fn new(person: RunAs, token: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("outside"), SECRET).unwrap();
        let path = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        let abstract_name = format!("attacks-{token}");
        let address = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let listeners = (path, UnixListener::bind_addr(&address).unwrap());
        give(dir.path(), person);
        let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        let ports = (tcp.local_addr().unwrap().port(), udp.local_addr().unwrap().port());
        std::thread::spawn(move || {
            for mut stream in tcp.incoming().flatten() {
                // A client that disconnected does not get the line.
                let _ = writeln!(stream, "a service");
            }
        });
        std::thread::spawn(move || {
            while let Ok((_, from)) = udp.recv_from(&mut [0; 16]) {
                let _ = udp.send_to(b"a service", from);
            }
        });
        let mut sleep = Command::new("sleep");
        run_as(&mut sleep, person);
        let sleeper = sleep.arg("600").spawn().unwrap();
        let (tcp, udp) = ports;
        Self { dir, sleeper, abstract_name, tcp, udp, _listeners: listeners }
    }

    fn words(&self, token: &str) -> Vec<String> {
        let dir = self.dir.path().display();
        vec![
            format!("outside={dir}/outside"),
            format!("socket={dir}/docker.sock"),
            format!("abstract={}", self.abstract_name),
            format!("pid={}", self.sleeper.id()),
            format!("tcp={}", self.tcp),
            format!("udp={}", self.udp),
            format!("secret={SECRET}"),
            format!("token={token}"),
        ]
    }

    /// The first target that was changed.
    fn changed(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.dir.path().join("outside")).ok();
        let names = std::fs::read_dir(self.dir.path()).unwrap().count();
        (text.as_deref() != Some(SECRET) || names != 2).then(|| format!("{text:?}, {names} files"))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.sleeper.kill();
        let _ = self.sleeper.wait();
    }
}

/// Running processes with `token` in their command line.
fn processes_with(token: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let has = |pid: &std::fs::DirEntry| {
        let line = std::fs::read(pid.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(token)
    };
    entries.filter(has).map(|pid| pid.file_name().to_string_lossy().into_owned()).collect()
}
