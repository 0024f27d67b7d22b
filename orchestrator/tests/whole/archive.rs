//! Old records are moved into the archive, and every command reads them there.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("archived_records_are_shown_like_any_other", shown, None),
        trial("status_says_how_much_evidence_of_the_last_days_is_lost", shares, None),
    ]
}

const NOBODY: &str = "http://127.0.0.1:9";
const OUTPUT: &str = "everything that it printed\n";
/// Of [`OUTPUT`].
const DIGEST: &str = "11b5b47d84816aed18cf3fa8bcf3d31ae7a8168a3e993aa1cebf0242b3a80c13";
const OLD: &str = "npm-2026-01-02T00-00-00Z";
const RECENT: &str = "npm-2026-03-02T00-00-00Z";

fn put(root: &TestRoot, batch: &str, at: &str, more: &Value) {
    let mut failure = json!({
        "schema_version": 2, "id": format!("{batch}-one"), "package_id": "npm:one",
        "ecosystem": "npm", "batch_id": batch, "stage": "validate",
        "category": "validation_failed", "subcategory": "install_failed", "confidence": "stated",
        "message": "error: it failed", "exit_code": 1, "fingerprint": "0123456789abcdef",
        "timestamp": at});
    for (key, value) in more.as_object().unwrap() {
        failure[key] = value.clone();
    }
    let run = json!({
        "schema_version": 2, "batch_id": batch, "ecosystem": "npm", "timestamp": at,
        "duration_seconds": 60, "outcome": "ran", "total": 1, "succeeded": 0, "failed": 1,
        "blocked": 0, "generated": 1, "merged": 0, "packages_processed": ["npm:one"],
        "generator": "builtin 0"});
    let write = |path: String, text: String| {
        let path = root.path(&path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(format!("data/failures/{batch}.jsonl"), format!("{failure}\n"));
    write(format!("data/metrics/batch-runs-{batch}.jsonl"), format!("{run}\n"));
    write(format!("data/outputs/{}/{DIGEST}.txt", &DIGEST[..2]), OUTPUT.to_owned());
}

/// What `args` print at noon of the day after the recent run.
fn json_of(root: &TestRoot, args: &[&str]) -> Value {
    let output = root
        .command(args)
        .arg("--json")
        .env("TSUKU_BATCH_NOW", "2026-03-03T12:00:00Z")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn shown() {
    let root = TestRoot::new(NOBODY, "");
    let output = json!({"output": {"sha256": DIGEST, "bytes": OUTPUT.len(), "truncated": false}});
    put(&root, OLD, "2026-01-02T00:00:00Z", &output);
    put(&root, RECENT, "2026-03-02T00:00:00Z", &json!({}));
    let failure = format!("{OLD}-one");
    let questions: [&[&str]; 6] = [
        &["failures", "list"],
        &["failures", "show", &failure],
        &["runs", "list", "--until", "2026-02-01"],
        &["runs", "show", OLD],
        &["repro", &failure],
        &["status"],
    ];
    let ask = |args: &&[&str]| {
        let mut command = root.command(args);
        command.arg("--json").env("TSUKU_BATCH_NOW", "2026-03-03T12:00:00Z");
        command.output().unwrap()
    };
    let before = questions.each_ref().map(ask);
    assert!(String::from_utf8_lossy(&before[1].stdout).contains("everything that it printed"));

    // Younger than 90 days.
    let none = json_of(&root, &["archive"]);
    assert_eq!(none["months"], json!([]));
    let planned = json_of(&root, &["archive", "--older-than", "30d", "--dry-run"]);
    assert!(!root.path("data/archive").exists());
    let done = json_of(&root, &["archive", "--older-than", "30d"]);
    let month = json!({"month": "2026-01", "failures": 1, "outputs": 1, "runs": 1, "breaker": 0});
    assert_eq!((&planned["months"], &done["months"]), (&json!([month]), &json!([month])));
    let total = json!({"failures": 2, "outputs": 1, "runs": 2, "breaker": 0});
    assert_eq!((&done["total_before"], &done["total_after"]), (&total, &total));
    assert!(!root.path(&format!("data/failures/{OLD}.jsonl")).exists());
    assert!(!root.path(&format!("data/metrics/batch-runs-{OLD}.jsonl")).exists());
    assert!(root.path(&format!("data/failures/{RECENT}.jsonl")).exists());

    let after = questions.each_ref().map(ask);
    for (args, (before, after)) in questions.iter().zip(before.iter().zip(&after)) {
        assert_eq!(before, after, "{args:?}");
    }
    root.ok(&["dashboard", "build"]);
    let text = root.ok(&["archive"]);
    assert!(text.contains("all records after   failures: 2, outputs: 1, runs: 2"), "{text}");

    // Another run is in progress.
    let lock = std::fs::File::options().write(true).open(root.path(".tsuku-batch/lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(root.run(&["archive"]).status.code(), Some(7));
    assert_eq!(root.run(&["archive", "--dry-run"]).status.code(), Some(0));
    assert_eq!(root.run(&["archive", "--older-than", "soon"]).status.code(), Some(2));
}

fn shares() {
    let root = TestRoot::new(NOBODY, "");
    let lost = json!({"category": "unknown", "subcategory": "evidence_lost"});
    // This one is older than the window.
    put(&root, OLD, "2026-01-02T00:00:00Z", &lost);
    put(&root, RECENT, "2026-03-02T00:00:00Z", &json!({}));
    put(&root, "npm-2026-03-01T00-00-00Z", "2026-03-01T00:00:00Z", &lost);
    let status = json_of(&root, &["status"]);
    let expected = json!([{
        "ecosystem": "npm", "counts": {"failures": 2, "evidence_lost": 1, "unclassified": 0},
        "lost_share": 0.5, "unclassified_share": 0.0}]);
    assert_eq!(status["evidence"], expected);
    let mut command = root.command(&["status"]);
    let output = command.env("TSUKU_BATCH_NOW", "2026-03-03T12:00:00Z").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains("npm 2 50 % 0 %"), "{text}");
}
