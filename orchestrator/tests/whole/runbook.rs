//! The commands of the runbook, executed in the root of a pipeline that has a history: a checkout of a
//! repository with queues, runs, failures, recipes and an open pull request.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use batch_core::{
    decide::health::Code,
    io::{Clock as _, SystemClock},
};
use libtest_mimic::Trial;
use orchestrator::plugins;
use schemars::schema_for;
use serde_json::{Value, json};

use crate::{
    push::{
        FAIL, PASS,
        pull_requests::protected,
        remote::{Batch, git, merge, obstacle_to_git, second},
    },
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm, program},
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_git().or_else(obstacle_to_npm);
    vec![
        trial("every_command_of_the_runbook_works", works, obstacle.as_deref()),
        trial("every_alert_has_an_entry_in_the_runbook", alerts, None),
    ]
}

const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

/// A part of the runbook, with the commands in its blocks.
struct Entry<'a> {
    title: &'a str,
    commands: Vec<&'a str>,
}

fn entries() -> Vec<Entry<'static>> {
    let mut entries = vec![Entry { title: "the beginning", commands: vec![] }];
    let mut is_block = false;
    for line in RUNBOOK.lines() {
        match line {
            "```sh" => is_block = true,
            "```" => is_block = false,
            _ if is_block => entries.last_mut().unwrap().commands.push(line),
            _ => {
                if let Some(title) = line.strip_prefix("### ") {
                    entries.push(Entry { title, commands: vec![] });
                }
            }
        }
    }
    entries
}

/// A repository, a checkout of it that is a root, and the tree of an earlier pipeline: the folders
/// `registry.git`, `root` and `old`.
struct Scene(tempfile::TempDir);

impl Scene {
    /// A scene, and what stands there for the examples in the runbook.
    fn new(origin: &str) -> (Self, Vec<(&'static str, String)>) {
        let remote = protected(&["prettier", "left-pad", "done", "eslint"]);
        let root = remote.checkout();
        let ago = |hours: i64| {
            let now = SystemClock::default().now().timestamp();
            now - hours * 3_600 - second(0).timestamp()
        };
        let earlier = Batch::new(ago(3), &[("done", PASS)]);
        earlier.keep(&root);
        push(&root, &[]);
        let batch = Batch::new(ago(2), &[("eslint", PASS), ("prettier", FAIL)]);
        batch.keep(&root);
        push(&root, &["--forge", "local", "--auto-merge", "false"]);
        git(root.dir.path(), &["pull", "--quiet", "origin", "main"]);
        for (key, value) in [
            ("user.name", "person"),
            ("user.email", "person@example.org"),
            // So that a copy of the scene has a remote of its own.
            ("remote.origin.url", "../registry.git"),
        ] {
            git(root.dir.path(), &["config", key, value]);
        }
        put_more(&root, origin);
        let scene = Self(tempfile::tempdir().unwrap());
        copy(root.dir.path(), &scene.0.path().join("root"));
        copy(&remote.path(), &scene.0.path().join("registry.git"));
        scene.put_old();
        let names = vec![
            ("npm-2026-11-20T09-00-00Z", earlier.id.to_string()),
            ("npm-2026-11-21T14-13-27Z", batch.id.to_string()),
            ("--forge github", "--forge local".to_owned()),
        ];
        (scene, names)
    }

    fn again(&self) -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        for name in ["root", "registry.git", "old"] {
            copy(&self.0.path().join(name), &scene.0.path().join(name));
        }
        scene
    }

    fn put_old(&self) {
        let old = self.0.path().join("old");
        std::fs::create_dir_all(old.join("data/queues")).unwrap();
        let queue = json!({"schema_version": 1, "updated_at": "2026-02-20T10:00:00Z", "entries": [
            {"name": "webpack", "source": "npm:webpack", "priority": 2, "status": "pending",
             "confidence": "auto"}]});
        std::fs::write(old.join("data/queues/priority-queue.json"), queue.to_string()).unwrap();
        std::fs::write(old.join("batch-control.json"), r#"{"enabled": true}"#).unwrap();
    }

    /// Executes `line`, as a person would type it in the root.
    fn execute(&self, line: &str) -> Output {
        let words = shlex::split(line).unwrap();
        let (name, args) = words.split_first().unwrap();
        let name = match name.as_str() {
            "tsuku-batch" => program(),
            "git" => Path::new("git"),
            other => panic!("the runbook must not need {other}"),
        };
        let mut command = Command::new(name);
        command.args(args).current_dir(self.0.path().join("root"));
        command.env_remove("GITHUB_REPOSITORY").env_remove("TSUKU_BATCH_ROOT").output().unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// What a batch does not bring: the addresses of registries, a package that waits, and some that are due.
fn put_more(root: &TestRoot, origin: &str) {
    let registry = plugins::registry().unwrap();
    let (mut origins, mut limits) = (BTreeSet::new(), BTreeSet::new());
    for quota in registry.quotas() {
        origins.insert(format!("\"https://{}\" = \"{origin}\"\n", quota.host));
        let place = format!("{}{}", quota.host, quota.path_prefix);
        limits.insert(format!("\"{place}\" = {{ period_ms = 5, burst = 10 }}\n"));
    }
    let text = |lines: BTreeSet<String>| lines.into_iter().collect::<String>();
    let settings = format!("[origins]\n{}[limits]\n{}", text(origins), text(limits));
    std::fs::write(root.path("pipeline.toml"), settings).unwrap();
    let queue = root.path("data/queues/priority-queue-npm.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(&queue).unwrap()).unwrap();
    let added = file["updated_at"].clone();
    let entries = file["packages"].as_array_mut().unwrap();
    for entry in entries.iter_mut().filter(|entry| entry["id"] == "npm:left-pad") {
        entry["status"] = json!("blocked");
        entry["blocked_by"] = json!(["zlib"]);
    }
    entries.extend(["webpack", "typescript", "rollup"].map(|name| {
        json!({"id": format!("npm:{name}"), "tier": 2, "status": "pending", "added_at": added})
    }));
    std::fs::write(queue, file.to_string()).unwrap();
}

fn push(root: &TestRoot, args: &[&str]) {
    let pushed = merge(root, args).output().unwrap();
    assert!(pushed.status.success(), "{pushed:?}");
}

/// A line without its comment, and the exit codes that are right: those that the comment states, or 0.
fn with_codes(line: &str) -> (&str, Vec<i32>) {
    let Some((command, comment)) = line.split_once(" # ") else { return (line, vec![0]) };
    assert!(comment.starts_with("ends with "), "{line}");
    let numbers = comment.split(|c: char| !c.is_ascii_digit());
    (command, numbers.filter_map(|number| number.parse().ok()).collect())
}

fn works() {
    let names = ["prettier", "left-pad", "webpack", "typescript", "rollup", "eslint", "done"];
    let origin = registry::serve(names.map(|name| Package::tool(name, 0)), Duration::ZERO);
    let (template, names) = Scene::new(&origin);
    let (mut n_commands, mut failed) = (0, vec![]);
    for Entry { title, commands } in entries().into_iter().filter(|it| !it.commands.is_empty()) {
        let scene = template.again();
        for line in commands {
            let (command, codes) = with_codes(line);
            let line = names
                .iter()
                .fold(command.to_owned(), |line, (example, name)| line.replace(example, name));
            let output = scene.execute(&line);
            let code = output.status.code().unwrap();
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if !codes.contains(&code) {
                let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
                failed.push(format!("{title}: {command} ended with {code}\n{stdout}\n{stderr}"));
            }
            n_commands += 1;
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    assert!(80 < n_commands, "only {n_commands} commands were found");
}

fn alerts() {
    let schema = schema_for!(Code).to_value();
    let mut codes = BTreeSet::new();
    words_of(&schema, &mut codes);
    assert!(codes.contains(Code::PrOld.as_str()) && 12 <= codes.len(), "{schema:#}");
    let alerts = RUNBOOK.split("\n## Alerts").nth(1).unwrap();
    let titles = alerts.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`'));
    let titles: BTreeSet<String> = titles.map(str::to_owned).collect();
    assert_eq!(titles, codes);
    for entry in entries().into_iter().skip_while(|entry| entry.title != "`data_stale`") {
        assert!(!entry.commands.is_empty(), "{} says nothing to do", entry.title);
    }
}

/// The words that a schema of an enumeration allows.
fn words_of(schema: &Value, words: &mut BTreeSet<String>) {
    let list = |key: &str| schema[key].as_array().into_iter().flatten();
    words.extend(
        list("enum").chain([&schema["const"]]).filter_map(|it| Some(it.as_str()?.to_owned())),
    );
    list("oneOf").for_each(|part| words_of(part, words));
}
