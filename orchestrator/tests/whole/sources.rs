//! From which source a tool is taken, and what packages wait for.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 5] = [
        ("an_override_is_tried_added_listed_and_replaced", overrides),
        ("an_override_that_cannot_be_read_changes_nothing", damaged_override),
        ("an_override_whose_registry_does_not_answer_stays_undecided", undecided),
        ("reconciling_queues_missing_dependencies_and_holds_taken_names_back", reconcile),
        ("blockers_are_ranked_by_what_they_unlock_and_cycles_are_shown", blockers),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

fn entry(name: &str, more: &Value) -> Value {
    let mut entry = json!({"id": format!("npm:{name}"), "tier": 3, "status": "pending", "added_at": "2026-01-01T00:00:00Z"});
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

fn root(entries: &[Value]) -> TestRoot {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_queue(&json!(entries).to_string());
    root
}

const FILE: &str = "data/disambiguations/curated.jsonl";

fn overrides() {
    let root = root(&[entry("got", &json!({})), entry("other", &json!({}))]);
    let select =
        ["disambiguation", "add", "got", "--select", "brew:got", "--instead-of", "npm:got"];
    let add = [&select[..], &["--reason", "a version control system"]].concat();
    let tried = root.json(&[&add[..], &["--dry-run"]].concat());
    assert_eq!(tried["changed"].as_array().unwrap().len(), 2, "{tried:#}");
    assert!(!root.path(FILE).exists(), "nothing was written");
    let text = root.ok(&add);
    assert!(text.starts_with("got is taken from homebrew:got\n"), "{text}");
    let got = &root.queue()["npm:got"];
    assert_eq!((&got["status"], &got["routed_to"]), (&json!("excluded"), &json!("homebrew:got")));
    let homebrew = root.json_lines(&["queue", "list", "--ecosystem", "homebrew"]);
    assert_eq!(
        (&homebrew[0]["id"], &homebrew[0]["routed_from"]),
        (&json!("homebrew:got"), &json!("npm:got"))
    );
    let refused = root.run(&["queue", "unblock", "npm:got"]);
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");

    let again = [&select[..], &["--reason", "again", "--for", "90d"]].concat();
    assert_eq!(root.json(&again)["replaced"]["selection_reason"], "a version control system");
    let shown = root.json(&["disambiguation", "list"]);
    assert_eq!(shown["overrides"].as_array().unwrap().len(), 1, "{shown:#}");
    assert_eq!(shown["overrides"][0]["redirected"], json!(["npm:got"]), "{shown:#}");
    assert!(root.ok(&["disambiguation", "list"]).contains("homebrew:got  until 20"));
    assert!(root.ok(&["disambiguation", "lint"]).ends_with("1 override, 0 problems\n"));

    let misspelt = ["disambiguation", "add", "x", "--select", "homebrwe:x", "--reason", "x"];
    let refused = root.run(&misspelt);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let foreign =
        ["disambiguation", "add", "bat", "--select", "github:sharkdp/bat", "--reason", "x"];
    root.ok(&foreign);
    let lint = root.run(&["disambiguation", "lint"]);
    assert_eq!(lint.status.code(), Some(1), "{lint:?}");
    assert!(String::from_utf8_lossy(&lint.stdout).contains("github:sharkdp/bat cannot be built"));
}

fn damaged_override() {
    let root = root(&[entry("got", &json!({}))]);
    let add = |tool: &str| {
        let select = format!("homebrew:{tool}");
        let instead = format!("npm:{tool}");
        root.run(&[
            "disambiguation",
            "add",
            tool,
            "--select",
            &select,
            "--instead-of",
            &instead,
            "--reason",
            "x",
        ])
    };
    assert!(add("got").status.success());
    let good = std::fs::read_to_string(root.path(FILE)).unwrap();
    let damaged = good.replace("schema_version\":2", "schema_version\":\"x\"");
    std::fs::write(root.path(FILE), &damaged).unwrap();
    let before = root.queue();
    let output = add("tool");
    assert_eq!(output.status.code(), Some(6), "{output:?}");
    assert_eq!(std::fs::read_to_string(root.path(FILE)).unwrap(), damaged);
    assert_eq!(root.queue(), before, "what it may have redirected stays redirected");
    let lint = root.run(&["disambiguation", "lint"]);
    assert_eq!(lint.status.code(), Some(1), "{lint:?}");
    assert!(String::from_utf8_lossy(&lint.stdout).contains("curated.jsonl, line 1"), "{lint:?}");
}

fn undecided() {
    let root = root(&[]);
    root.ok(&["disambiguation", "add", "got", "--select", "npm:got", "--reason", "x"]);
    root.ok(&["pause", "--ecosystem", "npm", "--reason", "its registry is down"]);
    let output = root.run(&["disambiguation", "check", "--json"]);
    assert_eq!(output.status.code(), Some(4), "nothing could be asked: {output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["checked"][0]["found"]["verdict"], "undecided", "{report:#}");
    let unknown = root.run(&["disambiguation", "check", "gott"]);
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean got?"));
}

fn blockers() {
    let blocked = |by: &[&str]| json!({"status": "blocked", "blocked_by": by});
    let root = root(&[
        entry("app", &blocked(&["mid"])),
        entry("mid", &blocked(&["lib"])),
        entry("round", &blocked(&["back"])),
        entry("back", &blocked(&["round"])),
    ]);
    let report = root.json(&["blockers"]);
    let first = &report["blockers"][0];
    assert_eq!(
        (&first["package"], &first["unlocks"]),
        (&json!("npm:lib"), &json!(2)),
        "{report:#}"
    );
    assert_eq!(report["cycles"][0]["packages"], json!(["npm:back", "npm:round"]));
    let text = root.ok(&["blockers"]);
    assert!(text.contains("cycle: npm:back -> npm:round -> npm:back"), "{text}");
    assert!(text.contains("tsuku-batch queue add npm:lib"), "{text}");
}

fn reconcile() {
    let root = root(&[
        entry("app", &json!({"status": "blocked", "blocked_by": ["lib"], "tier": 1})),
        entry("twin", &json!({})),
        entry("gone", &json!({"status": "success", "recipe": "gone"})),
    ]);
    root.ok(&["queue", "add", "brew:twin"]);
    let before = root.queue();
    let tried = root.json(&["queue", "reconcile", "--dry-run"]);
    assert_eq!(tried["changed"].as_array().unwrap().len(), 3, "{tried:#}");
    assert_eq!(root.queue(), before, "nothing was written");
    let text = root.ok(&["queue", "reconcile"]);
    assert!(text.contains("changed  npm:lib: not queued -> tier 1, pending"), "{text}");
    assert!(text.ends_with("3 entries changed\n"), "{text}");
    let queue = root.queue();
    assert_eq!(queue["npm:lib"]["notes"], json!(["queued because npm:app needs it"]));
    assert_eq!(queue["npm:gone"]["status"], "pending");
    let reason = queue["npm:twin"]["status_reason"].as_str().unwrap();
    assert!(reason.contains("belongs to homebrew:twin"), "{reason}");
    assert!(root.ok(&["queue", "reconcile"]).ends_with("0 entries changed\n"));
    // An operator knows better, and no rule holds it back again.
    root.ok(&["queue", "unblock", "npm:twin", "--reason", "it is another tool"]);
    root.ok(&["queue", "reconcile"]);
    assert_eq!(root.queue()["npm:twin"]["status"], "pending");
}
