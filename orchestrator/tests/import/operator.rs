//! What an operator does most often, each with one command, on the real data of an earlier pipeline.

use std::{path::Path, process::Output};

use serde_json::Value;

use crate::{
    corpus::FOLDER,
    old_tree::{import, run},
};

pub(crate) const TESTS: &[(&str, fn())] =
    &[("each_task_of_an_operator_is_one_command_that_says_what_it_did", tasks)];

const SUCCESS: i32 = 0;
/// Nothing could be attempted, or nothing had to be changed.
const UNAVAILABLE: i32 = 4;

struct Operator<'a>(&'a Path);

impl Operator<'_> {
    /// What the command prints, which must have these words.
    #[track_caller]
    fn does(&self, args: &[&str], code: i32, words: &[&str]) -> String {
        let Output { status, stdout, stderr } = run(self.0, args);
        let text = String::from_utf8([stdout, stderr].concat()).unwrap();
        assert_eq!(status.code(), Some(code), "{args:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{args:?}: {word:?} is missing: {text}");
        }
        text
    }
}

fn tasks() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    let operator = Operator(&root);

    // Why did it fail?
    let node = "homebrew:node: blocked";
    operator.does(&["explain", "homebrew:node"], SUCCESS, &[node, "blocked by  icu4c@78", "next"]);
    // Retry it now.
    let word = "unchanged  homebrew:go-task: its recipe exists";
    operator.does(&["queue", "retry", "homebrew:go-task"], UNAVAILABLE, &[word]);
    let waits = ["queue", "list", "--status", "pending", "--ecosystem", "cargo", "--json"];
    let listed = operator.does(&waits, SUCCESS, &[]);
    let entries = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let waiting = entries.into_iter().find(|entry| entry.get("next_retry_at").is_some()).unwrap();
    let id = waiting["id"].as_str().unwrap();
    let changed = format!("changed    {id}: ");
    operator.does(&["queue", "retry", id], SUCCESS, &[&changed, "1 entry changed"]);
    // Exclude it.
    let exclude = ["queue", "exclude", id, "--reason", "a library"];
    operator.does(&exclude, SUCCESS, &["excluded (a library)", "1 entry changed"]);
    // What blocks most?
    let blockers = operator.does(&["blockers"], SUCCESS, &["BLOCKER", "packages wait for recipes"]);
    assert!(blockers.lines().nth(1).unwrap().starts_with("homebrew:python@3.14"), "{blockers}");
    // Add fifty from a file.
    let list = dir.path().join("list.txt");
    let names: Vec<String> = (0..50).map(|n| format!("npm:new-tool-{n}")).collect();
    std::fs::write(&list, names.join("\n")).unwrap();
    let added = operator.does(&["queue", "add", "--file", list.to_str().unwrap()], SUCCESS, &[]);
    assert_eq!(added.lines().filter(|line| line.starts_with("added  npm:")).count(), 50);
    // The next three slots.
    let slots = operator.does(&["plan", "--slots", "3"], SUCCESS, &[]);
    assert_eq!(slots.lines().filter(|line| line.starts_with("2026-11-28")).count(), 3, "{slots}");
    // The failed runs of the last night.
    let night = ["runs", "list", "--failed", "--since", "2026-03-02", "--until", "2026-03-03"];
    operator.does(&night, SUCCESS, &["RUN", "batch-2026-03-03T"]);
    operator.does(&["runs", "list", "--failed", "--since", "12h"], SUCCESS, &["0 of 0 runs"]);
    // All rate limits.
    let limits = ["MAY BE ASKED", "registry.npmjs.org/", "1 in 1000 ms", "pypi.org/"];
    operator.does(&["limits"], SUCCESS, &limits);
    // Pause for two hours.
    let until = "Everything is paused until 2026-11-28 14:00:00 UTC: maintenance";
    operator.does(&["pause", "--for", "2h", "--reason", "maintenance"], SUCCESS, &[until]);
}
