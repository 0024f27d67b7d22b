//! A hostile package through `run` itself: its command, which the verify step starts, tries every
//! attack that the tests of the sandbox know.
//!
//! Its install script is not run: npm is told not to. Steps with network that run code of a package
//! are attacked in the tests of the sandbox.

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

/// An ordinary user, who owns nothing.
const ORDINARY: u32 = 61_234;

/// Fewer are no attack worth the name.
const AT_LEAST: usize = 250;

/// In the values of variables that no verify step may see.
const SECRET: &str = "attacks-secret";

/// As whom the pipeline runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    This,
    Ordinary,
}

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm().or_else(|| {
        let has_perl = Path::new("/usr/bin/perl").exists();
        (!has_perl).then(|| "perl is not here, which the attacks are written in".to_owned())
    });
    let mut trials = Vec::new();
    for person in [Person::This, Person::Ordinary] {
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

fn attacked(person: Person, backend: &str, limiter: &str) -> Completion {
    if person == Person::Ordinary && !rustix::process::geteuid().is_root() {
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
        // One of these is there, or nothing works for this person at all.
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
    // The verify step may try more than one way to ask for a version.
    let ends = ends || output.lines().filter(|line| line.starts_with("done ")).count() > 1;
    assert!(held >= AT_LEAST && ends, "{output}");
}

fn hostile(words: &[String]) -> Package {
    let cli = format!(
        "#!/usr/bin/env node
        const {{ spawnSync }} = require('child_process');
        const script = require('fs').realpathSync(__dirname) + '/attacks.pl';
        // Inherited: what the script leaves behind keeps its output open.
        const options = {{ cwd: process.env.HOME, stdio: 'inherit' }};
        const run = spawnSync('/usr/bin/perl', [script, ...{}], options);
        if (run.error) console.log(String(run.error));
        process.exitCode = 1;\n",
        json!(words)
    );
    let files = [("cli.js".to_owned(), cli), ("attacks.pl".to_owned(), SCRIPT.to_owned())];
    Package { files: files.into(), ..Package::tool("hostile", 0) }
}

/// Gives all in `dir` to the one who runs the pipeline.
fn give(dir: &Path, person: Person) {
    if person == Person::This {
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

/// The program, where every user may start it.
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

fn started_by(person: Person, root: &TestRoot, args: &[&str]) -> Output {
    let is_other = person == Person::Ordinary;
    let mut command = Command::new(if is_other { reachable_program() } else { program() });
    command.arg("--root").arg(root.dir.path()).args(args);
    // Nobody listens there; https alone would go there.
    command.env("HTTPS_PROXY", format!("http://user:{SECRET}@127.0.0.1:9"));
    command.env("NO_PROXY", "127.0.0.1").env("GITHUB_TOKEN", SECRET);
    become_person(&mut command, person);
    if is_other {
        command.env("HOME", root.dir.path());
    }
    command.output().unwrap()
}

fn become_person(command: &mut Command, person: Person) {
    if person == Person::Ordinary {
        command.uid(ORDINARY).gid(ORDINARY).current_dir("/").env_remove("TMPDIR");
    }
}

/// What is attacked: things of the one who runs the pipeline.
struct Target {
    dir: tempfile::TempDir,
    sleeper: Child,
    abstract_name: String,
    tcp: u16,
    udp: u16,
    _listeners: (UnixListener, UnixListener),
}

impl Target {
    fn new(person: Person, token: &str) -> Self {
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
                // Who goes away does without a greeting.
                let _ = writeln!(stream, "a service");
            }
        });
        std::thread::spawn(move || {
            while let Ok((_, from)) = udp.recv_from(&mut [0; 16]) {
                let _ = udp.send_to(b"a service", from);
            }
        });
        let mut sleep = Command::new("sleep");
        become_person(&mut sleep, person);
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

    /// What is not as it was.
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

/// Living processes with `token` in their command line.
fn processes_with(token: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let has = |pid: &std::fs::DirEntry| {
        let line = std::fs::read(pid.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(token)
    };
    entries.filter(has).map(|pid| pid.file_name().to_string_lossy().into_owned()).collect()
}
