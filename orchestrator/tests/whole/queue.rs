//! What operators do with the entries of the queues.

use std::{
    io::Write as _,
    process::{Output, Stdio},
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 7] = [
        ("a_list_of_packages_is_added_and_a_bad_line_costs_nothing_else", add_list),
        ("packages_are_read_from_standard_input", add_from_stdin),
        ("a_change_is_printed_recorded_and_explained", change_recorded),
        ("what_cannot_be_changed_says_why_and_what_can_be_done", not_possible),
        ("an_unknown_package_is_answered_with_a_near_one_and_nothing_is_written", unknown),
        ("a_run_of_chosen_packages_says_why_it_does_not_attempt_the_others", run_packages),
        ("entries_are_listed_by_status_tier_reason_and_whether_they_are_due", filters),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const ADDED: &str = "2026-01-01T00:00:00Z";

fn root() -> TestRoot {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    let entry = |name: &str, status: &str, tier: u8, more: Value| {
        let mut entry =
            json!({"id": format!("npm:{name}"), "tier": tier, "status": status, "added_at": ADDED});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let later = "2999-01-01T00:00:00Z";
    let entries = json!([
        entry("done", "success", 1, json!({"recipe": "done"})),
        entry("fails", "failed", 2, json!({"consecutive_failures": 2, "next_retry_at": later})),
        entry("fresh", "pending", 3, json!({})),
        entry("held", "requires_manual", 3, json!({"status_reason": "unsafe_name: hides ls"})),
        entry("waits", "blocked", 3, json!({"blocked_by": ["libfoo"]})),
    ]);
    root.put_queue(&entries.to_string());
    root
}

#[track_caller]
fn check(output: &Output, code: i32, words: &[&str]) {
    let bytes = [&*output.stdout, &*output.stderr].concat();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
}

fn add_list() {
    let root = root();
    let list =
        "# wanted\nnpm:one\n\nnode:two # an alias\nnpm:fails\nnmp:three\nnpm:../x\nnpm:one\n";
    std::fs::write(root.path("list.txt"), list).unwrap();
    let file = root.path("list.txt");
    let args = ["queue", "add", "--tier", "2", "--file", file.to_str().unwrap()];
    let words = [
        "added  npm:one\n",
        "added  npm:two\n",
        "known  npm:fails (failed)",
        "`tsuku-batch queue retry npm:fails`",
        "list.txt, line 6: unknown ecosystem \"nmp\"; did you mean npm?",
        "list.txt, line 7: invalid npm package name",
    ];
    let before = root.queue();
    let tried = [&args[..], &["--dry-run"]].concat();
    check(&root.run(&tried), 3, &[&words[..], &["Nothing was written"]].concat());
    assert_eq!(root.queue(), before);
    check(&root.run(&args), 3, &words);
    let queue = root.queue();
    assert_eq!(queue.len(), before.len() + 2);
    assert_eq!(
        (&queue["npm:two"]["tier"], &queue["npm:two"]["status"]),
        (&json!(2), &json!("pending"))
    );
    let missing = ["queue", "add", "--file", "/nowhere/list.txt"];
    check(&root.run(&missing), 3, &["there is no file /nowhere/list.txt"]);
    check(&root.run(&["queue", "add"]), 2, &["PACKAGE ID"]);
}

fn add_from_stdin() {
    let root = root();
    let mut command = root.command(&["queue", "add", "-", "npm:three"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"npm:one\nnpm:bad name\n").unwrap();
    let output = child.wait_with_output().unwrap();
    check(&output, 3, &["added  npm:one", "added  npm:three", "standard input, line 2: invalid"]);
    assert_eq!(root.queue().len(), 7);
}

fn change_recorded() {
    let root = root();
    let retry =
        ["queue", "retry", "npm:fails", "--by", "kim", "--reason", "fixed\u{1b}[31m upstream"];
    let before = root.queue();
    let tried = [&retry[..], &["--dry-run"]].concat();
    check(&root.run(&tried), 0, &["1 entry would be changed; nothing was written"]);
    assert_eq!(root.queue(), before);
    let shown = "changed    npm:fails: tier 2, failed, not before 2999-01-01 00:00:00 UTC -> tier 2, failed\n";
    check(&root.run(&retry), 0, &[shown]);
    let entry = &root.queue()["npm:fails"];
    assert!(entry.get("next_retry_at").is_none(), "{entry}");
    let change = &entry["operator_change"];
    assert_eq!((&change["by"], &change["action"]), (&json!("kim"), &json!("retried")));
    check(&root.run(&retry), 0, &["unchanged  npm:fails: nothing to do (failed)"]);
    check(&root.run(&["explain", "npm:fails"]), 0, &["it was made due at once by kim on 20"]);

    let exclude = ["queue", "exclude", "npm:fresh", "--by", "kim", "--reason", "a game"];
    check(&root.run(&exclude), 0, &["tier 3, pending -> tier 3, excluded (a game)"]);
    check(&root.run(&["explain", "npm:fresh"]), 0, &["it is excluded for good: a game; it was"]);
    check(&root.run(&["queue", "exclude", "npm:held"]), 2, &["--reason"]);
    check(&root.run(&["queue", "exclude", "npm:held", "--reason", " "]), 2, &["--reason is empty"]);
    let unblock = ["queue", "unblock", "npm:fresh", "npm:held", "npm:waits", "--reason", "seen"];
    let report = root.json(&unblock);
    assert_eq!(report["changed"].as_array().unwrap().len(), 3, "{report:#}");
    for name in ["npm:fresh", "npm:held", "npm:waits"] {
        assert_eq!(root.queue()[name]["status"], "pending", "{name}");
    }
    let report = root.json(&["queue", "set-tier", "1", "npm:held", "npm:done"]);
    assert_eq!(report["changed"][0]["after"]["tier"], 1, "{report:#}");
    assert_eq!(report["unchanged"][0]["id"], "npm:done", "{report:#}");
}

fn not_possible() {
    let root = root();
    let retry = ["queue", "retry", "npm:held", "npm:waits", "npm:done"];
    let words = [
        "npm:held: a person has to decide: unsafe_name: hides ls; see `tsuku-batch queue unblock npm:held`",
        "npm:waits: it waits for the recipes of libfoo; see `tsuku-batch queue unblock npm:waits`",
        "npm:done: its recipe exists; see `tsuku-batch try npm:done`",
        "0 entries changed",
    ];
    let before = root.queue();
    check(&root.run(&retry), 4, &words);
    assert_eq!(root.queue(), before);
    check(&root.run(&["queue", "retry", "npm:fails", "npm:held"]), 0, &["1 entry changed"]);
}

fn unknown() {
    let root = root();
    let before = root.queue();
    let words = ["npm:fail is not queued; did you mean npm:fails"];
    check(&root.run(&["queue", "retry", "npm:fails", "npm:fail"]), 3, &words);
    check(&root.run(&["queue", "retry", "cargo:x"]), 3, &["cargo has no queue"]);
    check(&root.run(&["queue", "set-tier", "4", "npm:fails"]), 2, &["1..=3"]);
    assert_eq!(root.queue(), before);
    // In a list, it costs nothing else.
    std::fs::write(root.path("list.txt"), "npm:fail\nnpm:fails\n").unwrap();
    let file = root.path("list.txt");
    let retry = ["queue", "retry", "--file", file.to_str().unwrap()];
    check(&root.run(&retry), 3, &["list.txt, line 1: npm:fail is not", "1 entry changed"]);
}

fn filters() {
    let root = root();
    let check = |args: &[&str], expected: &[&str]| {
        let args: Vec<&str> = ["queue", "list"].iter().chain(args).copied().collect();
        let lines = root.json_lines(&args);
        let ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{args:?}");
    };
    check(&[], &["npm:done", "npm:fails", "npm:fresh", "npm:held", "npm:waits"]);
    check(&["--status", "failed", "-s", "success"], &["npm:done", "npm:fails"]);
    check(&["--tier", "2"], &["npm:fails"]);
    check(&["--due"], &["npm:fresh"]);
    check(&["--reason", "HIDES"], &["npm:held"]);
    check(&["--reason", "libfoo"], &["npm:waits"]);
    check(&["--limit", "1"], &["npm:done"]);
    check(&["--ecosystem", "cargo"], &[]);
    let text = root.ok(&["queue", "list", "--limit", "2"]);
    assert!(text.ends_with("2 of 5 entries\n"), "{text}");
    assert!(root.ok(&["queue", "list"]).contains("waits for libfoo"));
}

fn run_packages() {
    let root = root();
    let plan = root.run(&["run", "--package", "npm:fails", "npm:waits", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let waits = "npm:waits";
    if let Some(batch) = plan["batches"].get(0) {
        // It need not wait any longer, because a person asks for it.
        assert_eq!(batch["attempts"], json!(["npm:fails"]), "{plan:#}");
        assert_eq!(batch["skipped"][0]["package_id"], waits, "{plan:#}");
    }
    let unknown = root.run(&["run", "--package", "npm:fail"]);
    check(&unknown, 3, &["did you mean npm:fails", "`tsuku-batch queue add npm:fail` queues it"]);
    check(&root.run(&["run", "--package", "npm:x", "-e", "npm"]), 2, &["cannot be used with"]);
    root.ok(&["pause", "--ecosystem", "npm", "--reason", "deploy"]);
    let paused = root.run(&["run", "--package", "npm:fails", "npm:waits"]);
    let words = [
        "not attempted: npm:fails: disabled in batch-control.json",
        "not attempted: npm:waits: blocked by libfoo",
    ];
    check(&paused, 4, &words);
}
