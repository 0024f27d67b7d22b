//! Runs a hostile package against every sandbox: `attacks.pl` tries more than 300 attacks.
//!
//! Once as this user, and once as an ordinary user if this one is root. Each run is a separate
//! process, because it may have another user.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt as _,
            net::{SocketAddr, UnixListener},
            process::CommandExt as _,
        },
    },
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::OnceLock,
};

use batch_sandbox::{Backend, LimiterKind, Network, NetworkAccess, Report};
use libtest_mimic::{Completion, Trial};
use serde::{Deserialize, Serialize};

use super::test_sandbox::{self, Layers, TestSandbox, block_on, processes_with, unique_sleep};

/// The first argument of a run's process.
pub(crate) const DRIVER: &str = "--attacked";

const SCRIPT: &str = include_str!("../attacks.pl");

/// The id of an ordinary user who owns no files.
const ORDINARY: u32 = 61_234;

/// With fewer attempts, something prevented the attacks from running.
const AT_LEAST: usize = 250;

/// The user who runs the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunAs {
    This,
    Ordinary,
}

/// The settings of one run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Plan {
    backend: Backend,
    namespaces: bool,
    limiter: LimiterKind,
    network: bool,
}

/// The result, or why this sandbox does not exist here.
#[derive(Debug, Serialize, Deserialize)]
enum Outcome {
    Absent(String),
    Ran(Box<Run>),
}

#[derive(Debug, Serialize, Deserialize)]
struct Run {
    report: Report,
    port_only: bool,
    /// Processes that still ran after the job.
    left: Vec<String>,
    /// Files outside that were changed.
    changed: Vec<String>,
}

/// Attacks that Landlock cannot prevent where namespaces are not available; see `docs/security.md`.
/// Without network: it has no right for modes, owners, times and attributes of files outside. With
/// network: it controls TCP ports, but neither addresses nor datagrams.
fn is_known_gap(name: &str, run: &Run) -> bool {
    const FILES: [&str; 4] =
        ["outside-mode", "outside-owner", "outside-times", "outside-attributes"];
    const NETWORK: [&str; 6] = [
        "own-address",
        "loopback-http",
        "loopback-datagram",
        "public-datagram",
        "private-",
        "name-",
    ];
    run.port_only && (FILES.contains(&name) || NETWORK.iter().any(|gap| name.starts_with(gap)))
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for person in [RunAs::This, RunAs::Ordinary] {
        for layers in Layers::ALL {
            for limiter in LimiterKind::ALL {
                for network in [false, true] {
                    let Layers(backend, namespaces) = layers;
                    let plan = Plan { backend, namespaces, limiter, network };
                    let with = if network { "with" } else { "without" };
                    let name = format!(
                        "attacks: {person:?}, {}+{limiter:?}, {with} network",
                        layers.name()
                    );
                    let test = move || Ok(attacked(person, plan));
                    trials.push(Trial::ignorable_test(name, test));
                }
            }
        }
    }
    trials
}

fn attacked(person: RunAs, plan: Plan) -> Completion {
    if !Path::new("/usr/bin/perl").exists() {
        return Completion::ignored_with("perl is not here, which the attacks are written in");
    }
    let is_root = rustix::process::geteuid().is_root();
    if person == RunAs::Ordinary && !is_root {
        return Completion::ignored_with("this is an ordinary user already");
    }
    match start(person, plan, is_root) {
        Outcome::Absent(why) => Completion::ignored_with(why),
        Outcome::Ran(run) => {
            assert_held(&run);
            Completion::Completed
        }
    }
}

fn assert_held(run: &Run) {
    let report = &run.report;
    let lines: Vec<&str> = report.output.lines().collect();
    assert!(report.succeeded() && !report.truncated, "{report:?}");
    let held = lines.iter().filter(|line| line.starts_with("held ")).count();
    let open: Vec<&&str> = lines.iter().filter(|line| line.starts_with("OPEN ")).collect();
    assert!(
        lines.last().is_some_and(|it| *it == format!("done {}", held + open.len())),
        "{lines:#?}"
    );
    assert!(held >= AT_LEAST, "only {held} attacks were held: {lines:#?}");
    let name = |line: &str| line.split([' ', ':']).nth(1).unwrap_or_default().to_owned();
    let open: Vec<_> = open.into_iter().filter(|line| !is_known_gap(&name(line), run)).collect();
    assert!(open.is_empty(), "{open:#?}");
    assert!(!lines.contains(&"broken mirror"), "the mirror was out of reach: {:?}", report.refused);
    assert!(report.uid.is_some_and(|uid| uid != 0), "the job was root outside");
    assert_eq!(run.left, Vec::<String>::new(), "processes outlived the job");
    let changed: Vec<_> = run.changed.iter().filter(|_| !run.port_only).collect();
    assert!(changed.is_empty(), "{changed:?}");
}

/// A copy of this program that every user can start.
fn program() -> &'static Path {
    static COPY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = COPY.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("attacked");
        std::fs::copy(std::env::current_exe().expect("this program"), &path).expect("a copy");
        for path in [dir.path(), &path] {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(path, mode).expect("its mode");
        }
        (dir, path)
    });
    path
}

#[expect(clippy::disallowed_methods, reason = "tests start programs")]
fn start(person: RunAs, plan: Plan, is_root: bool) -> Outcome {
    let mut command = Command::new(program());
    command.arg(DRIVER).arg(serde_json::to_string(&plan).expect("a plan"));
    if person == RunAs::Ordinary && is_root {
        command.uid(ORDINARY).gid(ORDINARY).current_dir("/");
    }
    command.env_remove("TMPDIR").env("SECRET_TOKEN", "attacks-secret");
    let output = command.stdin(Stdio::null()).output().expect("a run");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no outcome: {complaint}"))
}

#[expect(clippy::print_stdout, reason = "what the trial reads")]
fn say(outcome: &Outcome) -> ExitCode {
    println!("{}", serde_json::to_string(outcome).expect("an outcome"));
    ExitCode::SUCCESS
}

/// One run: opens the sandbox, creates the targets of the attacks, and checks them afterwards.
pub(crate) fn drive(args: &[String]) -> ExitCode {
    let plan: Plan = serde_json::from_str(args.first().expect("a plan")).expect("a plan");
    match Layers(plan.backend, plan.namespaces).open(plan.limiter) {
        Err(why) => say(&Outcome::Absent(why)),
        Ok(sandbox) => say(&Outcome::Ran(Box::new(run(&TestSandbox::new(sandbox), plan)))),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
fn run(test_sandbox: &TestSandbox, plan: Plan) -> Run {
    let outside = test_sandbox.outside().join("outside");
    std::fs::write(&outside, "secret\n").expect("a file outside");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&outside, mode).expect("its mode");
    std::fs::write(test_sandbox.work_dir().join("attacks.pl"), SCRIPT).expect("the script");
    let token = format!("token-{}", unique_sleep());
    let (services, mirror) = (Services::start(test_sandbox, &token), greeting_server(0, "mirror"));
    let mut words = services.words(test_sandbox, &outside);
    words.insert("network", u8::from(plan.network).to_string());
    words.insert("token", token.clone());
    words.insert("secret", "attacks-secret".to_owned());
    let mut job = test_sandbox.job(&["perl", "attacks.pl"]);
    if plan.network {
        words.insert("mirror", mirror.to_string());
        let mut network_access = NetworkAccess::default();
        assert!(network_access.add(&format!("http://127.0.0.1:{mirror}")));
        job.network = Some(network_access);
    }
    job.argv.extend(words.iter().map(|(name, value)| format!("{name}={value}")));
    let before = seen(test_sandbox.outside());
    let report =
        block_on(test_sandbox.sandbox.run(&job, std::future::pending())).expect("a report");
    let after = seen(test_sandbox.outside());
    Run {
        report,
        port_only: test_sandbox.sandbox.network() == Network::PortOnly,
        left: processes_with(&token),
        changed: before.symmetric_difference(&after).cloned().collect(),
    }
}

/// The names, modes, times and contents of everything outside of the work folder.
fn seen(dir: &Path) -> BTreeSet<String> {
    let about = |name: std::ffi::OsString| {
        let path = dir.join(&name);
        let found = path.symlink_metadata().ok()?;
        let times = found.is_file().then(|| found.modified().ok());
        let mut text = String::new();
        if found.is_file() {
            std::fs::File::open(&path).ok()?.read_to_string(&mut text).ok()?;
        }
        let mode = if name == "work" { 0 } else { found.permissions().mode() };
        Some(format!("{} {mode:o} {times:?} {text}", name.display()))
    };
    test_sandbox::names(dir).into_iter().filter_map(about).collect()
}

/// Services outside of the sandbox that send a line to every client.
struct Services {
    tcp: u16,
    udp: u16,
    socket: PathBuf,
    name: String,
    _path: UnixListener,
    _abstract: UnixListener,
}

impl Services {
    fn start(test_sandbox: &TestSandbox, token: &str) -> Self {
        let socket = test_sandbox.outside().join("docker.sock");
        let path = UnixListener::bind(&socket).expect("a socket");
        let name = format!("attacks-{token}");
        let address = SocketAddr::from_abstract_name(&name).expect("an abstract name");
        let listener = UnixListener::bind_addr(&address).expect("an abstract socket");
        for port in [80, 443] {
            // Only root may do this, and only if nothing else listens there.
            if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                send_greeting(listener, "a service on a low port");
            }
        }
        let (tcp, udp) = (greeting_server(0, "a service"), greet_udp());
        Self { tcp, udp, socket, name, _path: path, _abstract: listener }
    }

    fn words(&self, test_sandbox: &TestSandbox, outside: &Path) -> BTreeMap<&'static str, String> {
        let mut words = BTreeMap::from([
            ("outside", outside.display().to_string()),
            ("socket", self.socket.display().to_string()),
            ("abstract", self.name.clone()),
            ("pid", std::process::id().to_string()),
            ("tcp", self.tcp.to_string()),
            ("udp", self.udp.to_string()),
            ("names", names_of_the_machine().join(",")),
        ]);
        let core = rustix::process::getrlimit(rustix::process::Resource::Core);
        if core.maximum == Some(0) {
            words.insert("core", "1".to_owned());
        }
        if let Some(address) = own_address() {
            words.insert("address", address.to_string());
        }
        assert!(test_sandbox.work_dir().exists());
        words
    }
}

/// The machine's own address in its network, if any. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(203, 0, 113, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback())
}

/// The addresses in `/etc/hosts`, which are usually private.
#[expect(clippy::disallowed_methods, reason = "tests look at the machine as it is")]
fn names_of_the_machine() -> Vec<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let lines = hosts.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split_whitespace().skip(1)).map(str::to_owned).collect()
}

fn greeting_server(port: u16, greeting: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    send_greeting(listener, greeting);
    port
}

fn send_greeting(listener: TcpListener, greeting: &'static str) {
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that disconnected does not get the line.
            let _ = writeln!(stream, "{greeting}");
        }
    });
}

fn greet_udp() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    let port = socket.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        let mut bytes = [0; 16];
        while let Ok((_, from)) = socket.recv_from(&mut bytes) {
            let _ = socket.send_to(b"a service", from);
        }
    });
    port
}
