//! What a job of CI has, and what of it code of packages sees: nothing.

use std::{collections::BTreeMap, process::Command, time::Duration};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    push::remote::{git, obstacle_to_git},
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm, program},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "a_package_sees_neither_the_token_nor_the_files_of_the_ci_run",
            sees_nothing,
            obstacle_to_npm().as_deref(),
        ),
        trial(
            "nothing_that_a_package_prints_acts_in_the_summary_of_a_ci_run",
            summary,
            obstacle_to_npm().or_else(obstacle_to_git).as_deref(),
        ),
        trial("a_missing_tool_is_an_error_with_an_annotation", tools, None),
        trial("the_program_works_without_its_checkout", alone, None),
    ]
}

/// The value of every variable that is secret in CI. No prefix says that it is one.
const TOKEN: &str = "Vm7qK2xTz9LpWc4RbN8s";

/// Prints the names of all variables, and the values in a form in which nothing recognises and removes
/// them: their characters as numbers. Then it tries to reach the files of the CI run.
const DUMP: &str = r#"#!/usr/bin/env node
const fs = require("fs");
const numbers = (text) => [...text].map((c) => c.charCodeAt(0)).join("-");
for (const [name, value] of Object.entries(process.env)) console.log("SEEN", name, numbers(value));
for (const path of FILES) {
  try { fs.appendFileSync(path, "PATH=/evil\n"); console.log("WRITTEN", path); } catch {}
  try { console.log("READ", fs.readFileSync(path, "utf8")); } catch {}
}
console.log("::set-output name=x::y\n::add-mask::z\n##[error]x\n::stop-commands::t");
console.log("END");
process.exit(3);
"#;

/// What GitHub sets in a job, apart from paths.
const OF_CI: &[&str] = &[
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_CACHE_URL",
    "ACTIONS_RESULTS_URL",
    "INPUT_PRIVATE-KEY",
];

fn sees_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let files =
        ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"];
    let path = |name: &str| dir.path().join(name).display().to_string();
    for name in files {
        std::fs::write(path(name), "").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(path(name), mode).unwrap();
    }
    let list = serde_json::to_string(&files.map(path)).unwrap();
    let scripts = [("cli.js".to_owned(), DUMP.replace("FILES", &list))];
    let package = Package { files: scripts.into(), ..Package::tool("dumper", 0) };
    let origin = registry::serve([package], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["dumper"]);
    let mut run = root.command(&["run", "--ecosystem", "npm", "-vv"]);
    let values: BTreeMap<&str, String> = OF_CI
        .iter()
        .map(|name| (*name, TOKEN.to_owned()))
        .chain(files.map(|name| (name, path(name))))
        .collect();
    let output =
        run.envs(&values).env("GITHUB_ACTIONS", "true").env("CI", "true").output().unwrap();
    let printed = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(printed.contains("0 of 1 verified"), "{printed}");

    let failures = root.json_lines(&["failures", "list"]);
    let shown = root.json(&["failures", "show", failures[0]["id"].as_str().unwrap()]);
    let shown = shown["output"].as_str().unwrap();
    assert!(shown.contains("SEEN PATH ") && shown.contains("\nEND"), "it ran: {shown}");
    let numbers: Vec<String> = TOKEN.bytes().map(|byte| byte.to_string()).collect();
    assert!(!shown.contains(&numbers.join("-")), "{shown}");
    let seen = shown.lines().filter_map(|line| line.strip_prefix("SEEN ")?.split(' ').next());
    // The sandbox itself sets `CI`.
    let starts = ["GITHUB_", "GH_", "ACTIONS_", "RUNNER_", "INPUT_"];
    let of_ci = |name: &&str| starts.iter().any(|start| name.starts_with(start));
    assert_eq!(seen.filter(of_ci).collect::<Vec<_>>(), Vec::<&str>::new(), "{shown}");
    assert!(!shown.contains("WRITTEN") && !shown.contains("READ "), "{shown}");
    for name in files {
        assert_eq!(std::fs::read_to_string(path(name)).unwrap(), "", "{name} was written to");
    }
    // Nothing that it printed is a command to CI where people and CI read it.
    let others = [
        root.ok(&["failures", "show", failures[0]["id"].as_str().unwrap()]),
        root.ok(&["failures", "show", failures[0]["id"].as_str().unwrap(), "--json"]),
        root.ok(&["runs", "show", failures[0]["batch_id"].as_str().unwrap(), "--output"]),
    ];
    for text in [&*printed, shown].into_iter().chain(others.iter().map(String::as_str)) {
        let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
        let commands: Vec<&str> = text.lines().filter(|line| is_command(line)).collect();
        assert_eq!(commands, Vec::<&str>::new());
    }
}

/// What acts in Markdown, in HTML, and as a command to CI.
const ACTING: &[&str] =
    &["<img src=x>", "[a](https://evil.example)", "::error::x", "##[error]x", "@everyone"];

fn summary() {
    let text = serde_json::to_string(&format!("error: ` | {}", ACTING.join(" ` | \n"))).unwrap();
    let script = format!("#!/usr/bin/env node\nconsole.error({text});\nprocess.exit(3);\n");
    let files = [("cli.js".to_owned(), script)];
    let package = Package { files: files.into(), ..Package::tool("acting", 0) };
    let root = TestRoot::new(&registry::serve([package], Duration::ZERO), "");
    root.put_pending(&["acting"]);
    std::fs::write(root.path(".gitignore"), ".tsuku-batch/\n").unwrap();
    let remote = tempfile::tempdir().unwrap();
    let (at, to) = (root.dir.path(), remote.path().join("b.git").display().to_string());
    git(at, &["init", "--quiet", "-b", "main"]);
    git(at, &["add", "--all"]);
    git(at, &["commit", "--quiet", "-m", "a root"]);
    git(at, &["clone", "--quiet", "--bare", ".", &to]);
    root.ok(&["run", "--ecosystem", "npm", "--keep", "-q"]);
    let file = remote.path().join("summary.md");
    let push = ["merge", "--push", "--resume", "--remote", &to, "--summary"];
    let push: Vec<&str> = push.into_iter().chain(file.to_str()).collect();
    let printed = root.ok(&push);
    let summary = std::fs::read_to_string(&file).unwrap();
    assert!(summary.contains("| `npm:acting` |"), "{summary}");
    // What stands between backticks is shown as it is. Nothing else is from the package.
    let outside: String = summary.split('`').step_by(2).collect();
    for acting in ACTING {
        assert!(!outside.contains(acting), "{acting}: {summary}");
    }
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    for text in [&summary, &printed] {
        assert!(!text.lines().any(is_command), "{text}");
    }
}

fn tools() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    command.args(["ecosystem", "tools", "npm homebrew", "--format", "github"]);
    let output = command.env("PATH", dir.path()).current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "ok    homebrew needs no tool");
    assert!(lines[1].starts_with("fail  npm, the tool of npm, is not on this machine"), "{text}");
    let annotation = "::error title=npm is missing::npm, the tool of npm, is not on this machine";
    assert!(lines[2].starts_with(annotation), "{text}");
    assert_eq!(lines.len(), 3);

    let mut command = Command::new(program());
    command.args(["ecosystem", "tools", "homebrew", "cask", "--json"]);
    let output = command.env("PATH", dir.path()).current_dir(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ecosystems"][0]["ecosystem"], "homebrew");
}

/// The program is one file: what `cargo install` installs needs neither the checkout nor its folder.
fn alone() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("bin/tsuku-batch");
    std::fs::create_dir(dir.path().join("bin")).unwrap();
    std::fs::copy(program(), &copy).unwrap();
    let root = dir.path().join("registry");
    std::fs::create_dir(&root).unwrap();
    let run = |args: &[&str]| {
        let mut command = Command::new(&copy);
        command.args(args).current_dir(&root).env("TSUKU_BATCH_NOW", "2026-11-21T13:00:05Z");
        command.env_remove("CARGO_MANIFEST_DIR").output().unwrap()
    };
    let commands: [(&[&str], &[i32]); 12] = [
        (&["init"], &[0]),
        (&["status"], &[0]),
        (&["plan"], &[0]),
        (&["plan", "--ecosystem", "all", "--json"], &[0, 4]),
        (&["queue", "list", "--limit", "3"], &[0]),
        (&["ecosystem", "list"], &[0]),
        (&["ecosystem", "show", "npm"], &[0]),
        (&["disambiguation", "lint"], &[0]),
        (&["simulate", "--hours", "3"], &[0]),
        (&["dashboard", "build"], &[0]),
        (&["recipe", "matrix", "x.toml"], &[0]),
        (&["schema"], &[0]),
    ];
    for (args, codes) in commands {
        let output = run(args);
        let code = output.status.code();
        assert!(code.is_some_and(|code| codes.contains(&code)), "{args:?}: {output:?}");
    }
    assert!(root.join("site/index.html").exists());
    // What needs the sources says so.
    let check = run(&["ecosystem", "check", "npm"]);
    assert_ne!(check.status.code(), Some(101), "{check:?}");
}
