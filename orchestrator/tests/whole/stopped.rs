//! What operators and breakers stop: no command makes a request or starts a program for it.
//!
//! The table has a row for every command of the program. `PATH` contains programs that only note that
//! they were started, and every host of every ecosystem is mirrored to a server that only counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use batch_core::plugin::RootProbe;
use clap::CommandFactory as _;
use libtest_mimic::Trial;
use orchestrator::{cli::Cli, plugins};
use serde_json::{Value, json};

use crate::{push::remote::recipe_of, root::TestRoot, trial, waiting::wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 3] = [
        ("every_command_has_a_row_in_the_table_of_stops", every_command_has_a_row),
        ("what_is_stopped_makes_no_request_and_starts_no_program", stopped),
        ("without_a_stop_each_of_these_commands_asks_or_starts_something", not_stopped),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const START: &str = "2026-01-04T12:00:00Z";
const FAILURE: &str = "npm-2026-01-03T00-00-00Z-one";
const ENVIRONMENT: &str = "linux-debian-glibc-x86_64";

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// It attempts something for npm, which is what is stopped.
    Attempts,
    /// The same for packages whose batch has begun. A breaker that opens afterwards does not end it,
    /// as it does not end a run.
    Continues,
    /// The same for every ecosystem.
    AttemptsAll,
    /// It reads and writes files.
    Files,
    /// It describes this machine, which is what it is called for. It makes no request.
    Describes,
    /// It serves pages until somebody ends it.
    Serves,
}
use Work::{Attempts, AttemptsAll, Continues, Describes, Files, Serves};

/// Each command with arguments; `@` stands for the folder of the artifacts.
const COMMANDS: &[(&str, &[&str], Work)] = &[
    ("init", &["@/elsewhere"], Files),
    ("import", &["@/../old", "--dry-run"], Files),
    ("run", &["--ecosystem", "npm"], Attempts),
    ("run", &["--ecosystem", "npm", "--generator", "tsuku", "--validator", "tsuku"], Attempts),
    ("run", &["--ecosystem", "npm", "--dry-run"], Attempts),
    ("run", &["--package", "npm:one"], Attempts),
    ("run", &[], AttemptsAll),
    ("run", &["--ecosystem", "all"], AttemptsAll),
    ("preflight", &["--ecosystem", "npm", "--artifacts", "@/other"], Attempts),
    ("preflight", &["--ecosystem", "all", "--matrix", "--artifacts", "@/other"], AttemptsAll),
    ("generate", &["--artifacts", "@"], Continues),
    ("validate", &["--artifacts", "@", "--environment", ENVIRONMENT], Continues),
    ("merge", &["--artifacts", "@", "--local", "--incomplete"], Files),
    ("matrix", &["--artifacts", "@", "--rung", "1"], Files),
    ("limits", &[], Files),
    ("rollback", &["npm-2026-01-03T00-00-00Z", "--remote", "/nowhere"], Describes),
    ("pr list", &["--remote", "/nowhere"], Describes),
    ("pr update", &["--remote", "/nowhere"], Describes),
    ("pr merge", &["1", "--reason", "x", "--remote", "/nowhere"], Describes),
    ("sweep", &["--oldest", "9", "--ecosystem", "npm"], Attempts),
    ("sweep", &["--oldest", "9"], AttemptsAll),
    ("sweep", &["--environment", ENVIRONMENT, "--ecosystem", "npm"], Attempts),
    ("seed", &["npm", "--limit", "1"], Attempts),
    ("seed", &["npm", "--limit", "1", "--dry-run"], Attempts),
    ("seed", &["--all", "--limit", "1"], AttemptsAll),
    ("seed status", &[], Files),
    ("plan", &["--ecosystem", "npm"], Attempts),
    ("plan", &["--ecosystem", "all"], AttemptsAll),
    ("status", &[], Files),
    ("config check", &[], Files),
    ("doctor", &[], Files),
    ("pause", &["--reason", "x"], Files),
    ("resume", &["--dry-run"], Files),
    ("breaker status", &[], Files),
    ("breaker open", &["npm", "--reason", "x"], Files),
    ("breaker close", &["npm", "--reason", "x"], Files),
    ("try", &["npm:one"], Attempts),
    ("try", &["npm:one", "--generate-only"], Attempts),
    ("queue add", &["npm:another"], Files),
    ("queue list", &[], Files),
    ("queue retry", &["npm:one"], Files),
    ("queue exclude", &["npm:one", "--reason", "x", "--dry-run"], Files),
    ("queue unblock", &["npm:one", "--reason", "x"], Files),
    ("queue set-tier", &["2", "npm:one"], Files),
    ("queue reconcile", &["--dry-run"], Files),
    ("blockers", &[], Files),
    ("disambiguation add", &["two", "--select", "npm:one", "--reason", "x", "--dry-run"], Files),
    ("disambiguation list", &[], Files),
    ("disambiguation lint", &[], Files),
    ("disambiguation check", &[], Attempts),
    ("simulate", &["--hours", "1"], Files),
    ("recipe check", &["@/../recipes/d/done.toml"], Files),
    ("recipe matrix", &["@/../recipes/t/tested.toml"], Files),
    ("recipe test", &["@/../recipes/t/tested.toml", "--environment", ENVIRONMENT], Attempts),
    ("ecosystem list", &[], Describes),
    ("ecosystem show", &["cargo"], Describes),
    ("ecosystem tools", &["cargo"], Describes),
    ("ecosystem matrix", &["all"], Files),
    ("ecosystem check", &["npm"], Files),
    ("ecosystem new", &["zoo", "--host", "zoo.example", "--dry-run"], Files),
    ("explain", &["npm:one"], Files),
    ("failures list", &[], Files),
    ("failures top", &[], Files),
    ("failures show", &["npm:one"], Files),
    ("reclassify", &[], Files),
    ("archive", &["--dry-run"], Files),
    ("repro", &[FAILURE], Files),
    ("repro", &[FAILURE, "--run"], Attempts),
    ("runs list", &[], Files),
    ("runs show", &["npm-2026-01-03T00-00-00Z"], Files),
    ("fold", &["--artifacts", "@"], Files),
    ("dashboard build", &[], Files),
    ("dashboard serve", &["--port", "0"], Serves),
    ("sandbox check", &[], Describes),
    ("schema", &["--check"], Files),
    ("completions", &["bash"], Files),
];

/// The names of all commands that can be called, without those that only have commands of their own.
fn callable(command: &clap::Command, before: &str) -> Vec<String> {
    let mut names = vec![];
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("{before}{}", sub.get_name());
        names.extend(callable(sub, &format!("{name} ")));
        if !sub.is_subcommand_required_set() {
            names.push(name);
        }
    }
    names
}

fn every_command_has_a_row() {
    let of_program: BTreeSet<String> = callable(&Cli::command(), "").into_iter().collect();
    let of_table = COMMANDS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(of_program, of_table);
}

/// A server that counts who connects to it, and answers nobody.
struct Counter {
    address: String,
    n: Arc<AtomicUsize>,
}

impl Counter {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let n = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&n);
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { address, n }
    }
}

/// A root in which there is something to do for every command, and everything that it might ask or
/// start.
struct Watched {
    root: TestRoot,
    /// Programs that note that they were started.
    programs: PathBuf,
    /// The mirrors of all hosts, and the proxy, through which any other host would be asked.
    counters: BTreeMap<String, Counter>,
}

impl Watched {
    fn new() -> Self {
        let registry = plugins::registry().unwrap();
        let hosts: BTreeSet<&str> = registry.quotas().map(|quota| quota.host).collect();
        let hosts = hosts.into_iter().chain(["a host without a mirror"]);
        let counters: BTreeMap<String, Counter> =
            hosts.map(|host| (host.to_owned(), Counter::start())).collect();
        let root = TestRoot::new(&counters["registry.npmjs.org"].address, "");
        let origins = counters
            .iter()
            .filter(|(host, _)| !host.contains(' '))
            .map(|(host, counter)| format!("\"https://{host}\" = \"{}\"\n", counter.address));
        let settings = format!("[origins]\n{}", origins.collect::<String>());
        std::fs::write(root.path("pipeline.toml"), settings).unwrap();
        let watched = Self { programs: root.path("programs"), root, counters };
        watched.put_programs();
        watched.put_work();
        watched
    }

    fn put_programs(&self) {
        std::fs::create_dir(&self.programs).unwrap();
        let registry = plugins::registry().unwrap();
        let mut names =
            BTreeSet::from(["bwrap", "docker", "git", "make", "npm", "podman", "sh", "tsuku"]);
        for tool in registry.iter().filter_map(|plugin| plugin.toolchain.as_ref()) {
            names.insert(tool.program);
            if let RootProbe::Printed([name, ..]) = tool.root_probe {
                names.insert(name);
            }
        }
        let text = format!("#!/bin/sh\necho \"$0 $*\" >> '{}'\nexit 1\n", self.started().display());
        for name in names {
            let path = self.programs.join(name);
            std::fs::write(&path, &text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    /// A due package, one with a recipe, a failure, a run, and a plan in the folder of artifacts.
    fn put_work(&self) {
        let root = &self.root;
        let added = "2026-01-01T00:00:00Z";
        let entry = |name: &str, more: Value| {
            let mut entry = json!({"id": format!("npm:{name}"), "tier": 1, "status": "pending",
                "added_at": added});
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry
        };
        let done = json!({"status": "success", "recipe": "done", "last_attempt_at": added});
        root.put_queue(&json!([entry("done", done), entry("one", json!({}))]).to_string());
        let put = |path: &str, text: &str| {
            let path = root.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("recipes/d/done.toml", "[metadata]\nname = \"done\"\n");
        let tested = recipe_of("npm:tested".parse().unwrap(), "tested");
        put("recipes/t/tested.toml", &tested.toml);
        put("old/README", "");
        let batch = "npm-2026-01-03T00-00-00Z";
        let failure = json!({"schema_version": 2, "id": FAILURE, "package_id": "npm:one",
            "ecosystem": "npm", "batch_id": batch, "stage": "generate", "category": "unknown",
            "subcategory": "unclassified", "confidence": "stated", "message": "m",
            "fingerprint": "00000000000000ff", "timestamp": "2026-01-03T00:00:01Z"});
        put(&format!("data/failures/{batch}.jsonl"), &format!("{failure}\n"));
        let run = json!({"schema_version": 2, "batch_id": batch, "ecosystem": "npm",
            "timestamp": "2026-01-03T00:00:00Z", "duration_seconds": 1, "outcome": "ran",
            "total": 1, "succeeded": 0, "failed": 1, "blocked": 0, "generated": 0, "merged": 0});
        put(&format!("data/metrics/batch-runs-{batch}.jsonl"), &format!("{run}\n"));
        let add = ["disambiguation", "add", "one", "--select", "npm:one", "--reason", "x"];
        let (code, printed) = self.call(&add);
        assert_eq!(code, Some(0), "{printed}");
        // The plan is made for other machines, because no tool works here.
        let plan = ["preflight", "--ecosystem", "npm", "--matrix", "--artifacts", "@"];
        let (code, printed) = self.call(&plan);
        assert_eq!(code, Some(0), "{printed}");
        let _ = self.noted();
    }

    fn started(&self) -> PathBuf {
        self.root.path("started")
    }

    fn command(&self, args: &[&str]) -> Command {
        let artifacts = self.root.path("artifacts");
        let args: Vec<String> =
            args.iter().map(|arg| arg.replace('@', artifacts.to_str().unwrap())).collect();
        let mut command = self.root.command(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let proxy = &self.counters["a host without a mirror"].address;
        command.env("PATH", &self.programs).env("TSUKU_BATCH_NOW", START).current_dir(workspace());
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            command.env(name, proxy);
        }
        command.env("NO_PROXY", "127.0.0.1").env_remove("HTTP_PROXY").env_remove("http_proxy");
        command
    }

    fn call(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = self.command(args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    /// Starts the pages, and ends them as soon as they are served.
    fn serve(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut command = self.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.map_while(Result::ok).find(|line| line.contains("http://"));
        child.kill().unwrap();
        (child.wait().unwrap().code(), address.unwrap())
    }

    /// Whether a program was started or a host was asked since the last call of `noted`.
    fn has_noted(&self) -> bool {
        self.started().exists() || self.counters.values().any(|it| 0 < it.n.load(Ordering::SeqCst))
    }

    /// The programs that were started and the hosts that were asked since the last call.
    fn noted(&self) -> (Vec<String>, Vec<String>) {
        let text = std::fs::read_to_string(self.started()).unwrap_or_default();
        let _ = std::fs::remove_file(self.started());
        let asked = self.counters.iter().filter(|(_, it)| 0 < it.n.swap(0, Ordering::SeqCst));
        (text.lines().map(str::to_owned).collect(), asked.map(|(host, _)| host.clone()).collect())
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The control file with `more`.
fn control(more: &Value) -> String {
    let mut control = json!({"schema_version": 2, "enabled": true});
    control.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    control.to_string()
}

/// Every way in which npm can be stopped, and whether it stops the other ecosystems too.
fn stops() -> [(&'static str, Value, bool); 5] {
    let pause = |ecosystem: Option<&str>| {
        json!({"pauses": [{"ecosystem": ecosystem, "since": "2026-01-04T00:00:00Z",
            "until": "2026-01-05T00:00:00Z", "reason": "maintenance"}]})
    };
    let open = json!({"circuit_state": "open", "opened_at": "2026-01-04T00:00:00Z",
        "backoff_until": "2026-01-05T00:00:00Z", "backoff_level": 1});
    [
        ("enabled = false", json!({"enabled": false}), true),
        ("a pause of everything", pause(None), true),
        ("disabled_ecosystems", json!({"disabled_ecosystems": ["npm"]}), false),
        ("a pause of npm", pause(Some("npm")), false),
        ("an open breaker", json!({"ecosystems": {"npm": open}}), false),
    ]
}

fn stopped() {
    let watched = Watched::new();
    for (stop, more, is_of_all) in stops() {
        let is_breaker = stop.contains("breaker");
        for &(name, args, work) in COMMANDS {
            let is_concerned = match work {
                Attempts | Files | Describes | Serves => true,
                Continues => !is_breaker,
                AttemptsAll => is_of_all,
            };
            if !is_concerned {
                continue;
            }
            std::fs::write(watched.root.path("batch-control.json"), control(&more)).unwrap();
            let args: Vec<&str> = name.split(' ').chain(args.iter().copied()).collect();
            let (code, printed) =
                if work == Serves { watched.serve(&args) } else { watched.call(&args) };
            let (started, asked) = watched.noted();
            assert_eq!(asked, Vec::<String>::new(), "{stop}: {args:?}: {printed}");
            let may_start = work == Describes;
            assert!(may_start || started.is_empty(), "{stop}: {args:?} started {started:?}");
            assert_ne!(code, Some(2), "it was not called well: {args:?}: {printed}");
            if !matches!(work, Files | Describes | Serves) {
                assert_eq!(code, Some(4), "{stop}: {args:?}: {printed}");
            }
        }
    }
}

/// Otherwise the other test would prove nothing.
fn not_stopped() {
    let watched = Watched::new();
    for &(name, args, work) in COMMANDS {
        if matches!(work, Files | Serves) {
            continue;
        }
        std::fs::write(watched.root.path("batch-control.json"), control(&json!({}))).unwrap();
        let args: Vec<&str> = name.split(' ').chain(args.iter().copied()).collect();
        let mut command = watched.command(&args);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Nobody answers its requests, so it would try for a long time.
        wait_for("a request or a program, or its end", || {
            watched.has_noted() || child.try_wait().unwrap().is_some()
        });
        assert!(watched.has_noted(), "{args:?} neither asked nor started anything");
        let _ = child.kill();
        child.wait().unwrap();
        let _ = watched.noted();
    }
}
