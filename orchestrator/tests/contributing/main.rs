//! Follows CONTRIBUTING.md in a copy of this checkout: writes the files, runs the commands, and
//! checks that there is a ninth ecosystem. The build results of this checkout are reused.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod checkout;
mod compiler;
mod document;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use checkout::{Checkout, files, workspace_root};
use document::Block;
use libtest_mimic::{Arguments, Failed, Trial};
use orchestrator::scaffold::{self, NewEcosystem};
use serde_json::Value;

/// The largest number of lines of production code for a small ecosystem.
const MAX_LINES: usize = 150;
/// The beginning of the command that ends the walk-through.
const TAKEN_OUT: &str = "rm -r ecosystems/zoo";
/// The address of the registry in the walk-through.
const SERVED_AT: &str = "127.0.0.1:8937";

fn main() -> ExitCode {
    if let Some(code) = compiler::entry() {
        return code;
    }
    let arguments = Arguments::from_args();
    let read = Trial::test("blocks of a document are told apart", || {
        document::is_read();
        Ok(())
    });
    let walk = Trial::test("CONTRIBUTING.md leads to an ecosystem that works", walk_through);
    let walk = match obstacle() {
        Some(reason) => walk.with_ignored_flag(true).with_kind(reason),
        None => walk,
    };
    let new = Trial::test("ecosystem new says what it would make, and refuses", || {
        begins_or_refuses();
        Ok(())
    });
    let formatted = Trial::test("a new crate is formatted, however long its id", || {
        is_formatted();
        Ok(())
    });
    let stopped = Trial::test("ecosystem new that is stopped has made all or nothing", || {
        makes_all_or_nothing();
        Ok(())
    });
    libtest_mimic::run(&arguments, vec![read, new, formatted, stopped, walk]).exit_code()
}

fn is_formatted() {
    let registry = orchestrator::plugins::registry().unwrap();
    let checkout = scaffold::Checkout::open(&workspace_root(), &registry).unwrap();
    for id in ["z", "nobodys", &"z".repeat(30)] {
        let new = NewEcosystem::new(id, None, &registry).unwrap();
        let sources = tempfile::tempdir().unwrap();
        for (path, text) in checkout.changes(&new).unwrap().files {
            let path = sources.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.args(["--check", "--edition=2024", "--config-path"]).arg(workspace_root());
        let output = rustfmt.arg(sources.path().join("src/lib.rs")).output().unwrap();
        assert!(output.status.success(), "{id}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

/// On this checkout, which must not change.
fn begins_or_refuses() {
    let call = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
        let program =
            program.args(["ecosystem", "new"]).args(arguments).arg("--in").arg(workspace_root());
        program.output().unwrap()
    };
    let output = call(&["circus", "--host", "api.circus.example", "--dry-run", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schema = workspace_root().join("data/schemas/output-ecosystem-new.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &report), "{report:#}");
    assert_eq!(report["files"][0], "ecosystems/circus/Cargo.toml");
    assert_eq!(report["lines"][1]["line"], "use eco_circus as _;");
    for (arguments, exit, why) in [
        (&["Circus"][..], 2, "an id consists of lower-case letters"),
        (&["gem"], 2, "gem already means rubygems"),
        (&["circus", "--host", "https://circus.example"], 2, "is not a host name"),
        (&["circus", "--in", "/"], 2, "cannot be used multiple times"),
    ] {
        let output = call(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(why)), (Some(exit), true), "{said}");
    }
    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    let elsewhere = elsewhere.args(["ecosystem", "new", "circus", "--in", "/"]).output().unwrap();
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(!workspace_root().join("ecosystems/circus").exists());
}

/// SIGTERM is sent after different delays, so that some signals arrive while files are written.
fn makes_all_or_nothing() {
    let (mut n_made, mut n_not_made) = (0, 0);
    for delay in (0..60).chain([5_000]).map(Duration::from_millis) {
        let checkout = tempfile::tempdir().unwrap();
        for path in files(&workspace_root(), &["target", ".git", "data", "website", "docs", "core"])
        {
            let is_seen = path.ends_with("Cargo.toml") || path.ends_with("src/plugins.rs");
            if is_seen {
                fs::create_dir_all(checkout.path().join(path.parent().unwrap())).unwrap();
                fs::copy(workspace_root().join(&path), checkout.path().join(&path)).unwrap();
            }
        }
        let before: BTreeSet<PathBuf> = files(checkout.path(), &[]).into_iter().collect();
        let mut program = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
        program.args(["ecosystem", "new", "circus", "--quiet", "--in"]).arg(checkout.path());
        let mut program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(delay);
        let id = rustix::process::Pid::from_child(&program);
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let code = program.wait().unwrap().code();
        assert!(matches!(code, None | Some(0 | 130)), "{code:?}");
        let is_linked =
            |file: &str| fs::read_to_string(checkout.path().join(file)).unwrap().contains("circus");
        let mut after: BTreeSet<PathBuf> = files(checkout.path(), &[]).into_iter().collect();
        after.retain(|path| !path.starts_with("ecosystems/circus"));
        assert_eq!(after, before, "after {delay:?}");
        let made = checkout.path().join("ecosystems/circus").exists();
        let linked = ["orchestrator/Cargo.toml", "orchestrator/src/plugins.rs"].map(is_linked);
        assert_eq!(linked, [made, made], "after {delay:?}");
        if made {
            n_made += 1;
        } else {
            n_not_made += 1;
        }
    }
    assert!(0 < n_made && 0 < n_not_made, "{n_made} made, {n_not_made} not");
}

/// What is missing on this machine; `None` if nothing is.
fn obstacle() -> Option<String> {
    let is_there = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let absent = ["python3", "tar", "sha256sum", "cargo-clippy", "rustfmt"];
    if let Some(program) = absent.into_iter().find(|program| !is_there(program)) {
        return Some(format!("{program} is not installed"));
    }
    let mut check = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    let check = check.args(["sandbox", "check", "--json"]).output().unwrap();
    let check: Value = serde_json::from_slice(&check.stdout).unwrap();
    if check["chosen"].is_null() {
        return Some("no sandbox works on this machine".to_owned());
    }
    // Only for this platform: crates for other platforms may not be downloaded.
    let mut tree = Command::new(env!("CARGO"));
    let tree = tree.current_dir(workspace_root()).args([
        "tree",
        "--offline",
        "--locked",
        "-p=orchestrator",
    ]);
    let tree = tree.output().unwrap();
    if !tree.status.success() {
        let why = String::from_utf8_lossy(&tree.stderr).lines().next().unwrap_or("?").to_owned();
        return Some(format!("crates are not at hand offline: {why}"));
    }
    let is_taken = TcpListener::bind(SERVED_AT).is_err();
    is_taken.then(|| format!("{SERVED_AT} is taken"))
}

fn walk_through() -> Result<(), Failed> {
    let mut checkout = Checkout::fresh();
    let before = checkout.contents();
    let text = fs::read_to_string(checkout.dir.join("CONTRIBUTING.md"))?;
    let all_units = "cargo test -q --workspace --lib";
    let runs_all_units = text.lines().any(|line| line == all_units);
    assert!(runs_all_units, "no command checks that the unit tests of all crates still pass");
    let (mut printed, mut n_commands) = (String::new(), 0);
    for block in document::blocks(&text)? {
        match block {
            Block::File { path, text } => checkout.put(&path, &text),
            Block::Commands(commands) => {
                if commands.contains(TAKEN_OUT) {
                    is_complete(&before, &checkout)?;
                }
                printed = checkout.type_in(&commands)?;
                n_commands += 1;
            }
            Block::Printed(lines) => {
                for line in lines {
                    assert!(printed.contains(&line), "{line:?} is not printed, but\n{printed}");
                }
            }
        }
    }
    checkout.server_is_stopped();
    assert!(n_commands > 5, "the commands were not found");
    let mut after = checkout.contents();
    after.retain(|path, _| path != Path::new("Cargo.lock"));
    let is_as_before = after.iter().all(|(path, text)| before.get(path) == Some(text));
    assert!(is_as_before && after.len() + 1 == before.len(), "zoo is not taken out");
    Ok(())
}

/// Checks the complete ninth ecosystem before it is removed again.
fn is_complete(before: &BTreeMap<PathBuf, Vec<u8>>, checkout: &Checkout) -> Result<(), Failed> {
    two_lines_changed(before, &checkout.contents());
    it_is_small(&checkout.dir);
    everything_else_follows(checkout);
    recipes_are_verified(&checkout.dir);
    // With a ninth ecosystem, the rules that cover all crates still hold. The unit tests of all
    // crates are a command of the document itself.
    checkout.test(&["--workspace", "--test=registry", "--test=architecture"])?;
    Ok(())
}

/// Only two lines outside of the new crate change; `Cargo.lock` is written by cargo.
fn two_lines_changed(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) {
    let is_elsewhere =
        |path: &&PathBuf| !path.starts_with("ecosystems/zoo") && *path != Path::new("Cargo.lock");
    let known = before.keys().chain(after.keys()).filter(is_elsewhere);
    let mut changed: Vec<&PathBuf> =
        known.filter(|path| before.get(*path) != after.get(*path)).collect();
    changed.sort();
    changed.dedup();
    let lines = [
        ("orchestrator/Cargo.toml", "eco-zoo = { path = \"../ecosystems/zoo\" }\n"),
        ("orchestrator/src/plugins.rs", "use eco_zoo as _;\n"),
    ];
    assert_eq!(changed, lines.map(|(path, _)| Path::new(path)));
    for (path, line) in lines {
        let text = |files: &BTreeMap<PathBuf, Vec<u8>>| {
            String::from_utf8(files[Path::new(path)].clone()).unwrap()
        };
        assert_eq!(text(after).replacen(line, "", 1), text(before), "{path}");
    }
}

/// Counts everything before the unit tests, with empty lines.
fn it_is_small(checkout: &Path) {
    let sources = checkout.join("ecosystems/zoo/src");
    let mut n_lines = 0;
    for path in files(&sources, &["tests.rs"]) {
        let text = fs::read_to_string(sources.join(path)).unwrap();
        let end =
            if text.ends_with("#[cfg(test)]\nmod tests;\n") { "#[cfg(test)]\n" } else { "\0" };
        n_lines += text.split(end).next().unwrap().lines().count();
    }
    assert!((50..=MAX_LINES).contains(&n_lines), "{n_lines} lines");
}

/// Rotation, name rules, limits and pages use it without further changes.
fn everything_else_follows(checkout: &Checkout) {
    let json = |arguments: &[&str]| -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let printed = checkout.ask(&arguments);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    };
    let known = json(&["ecosystem", "list"]);
    let last = known["ecosystems"].as_array().unwrap().last().unwrap();
    assert_eq!(last["id"], "zoo");
    assert!(last["seeder"] == true && last["builder"] == true && last["installer"] == true);
    let plan = checkout.ask(&["plan"]);
    assert!(plan.contains("\nzoo: nothing in its queue is due"), "{plan}");
    let unknown = checkout.ask(&["run", "--ecosystem", "zo"]);
    assert!(unknown.contains("did you mean") && unknown.contains("zoo"), "{unknown}");
    let shown = json(&["ecosystem", "show", "zoo"]);
    assert_eq!(shown["quotas"][0]["place"], "zoo.example/");
    assert_eq!(shown["quotas"][0]["declared"]["period_ms"], 1000);
    assert_eq!(shown["quotas"][0]["here"]["period_ms"], 20);
    let page = |name: &str| {
        fs::read_to_string(checkout.dir.join("target/zoo/root/site").join(name)).unwrap()
    };
    assert!(
        page("queue.html").contains("<option>zoo</option>"),
        "the queue cannot be narrowed to zoo"
    );
    // A list in which all rows are of one ecosystem offers no choice of it.
    assert!(page("runs.html").contains("zoo-20"), "the runs of zoo are not among the runs");
    let sources = checkout.dir.join("ecosystems").display().to_string();
    let conformance = json(&["ecosystem", "check", "zoo", "--sources", &sources]);
    assert_eq!(conformance["keeps_contract"], true, "{conformance:#}");
}

fn recipes_are_verified(checkout: &Path) {
    let root = checkout.join("target/zoo/root");
    let queue = fs::read_to_string(root.join("data/queues/priority-queue-zoo.json")).unwrap();
    let queue: Value = serde_json::from_str(&queue).unwrap();
    let entries = queue["packages"].as_array().unwrap();
    let states: Vec<String> = entries
        .iter()
        .map(|it| format!("{} {}", it["id"], it["status"]).replace('"', ""))
        .collect();
    assert_eq!(states, ["zoo:lion success", "zoo:otter success", "zoo:owl success"]);
    for path in ["recipes/l/lion.toml", "recipes/o/otter.toml", "recipes/o/owl.toml"] {
        assert!(root.join(path).exists(), "{path}");
    }
}
