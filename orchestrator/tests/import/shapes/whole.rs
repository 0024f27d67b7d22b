//! Whole imports: malformed parts, a second import, a dry run, and folders that are refused.

use serde_json::json;

use super::{CONTROL, QUEUE, batch, entry, failure, old_run, queue};
use crate::old_tree::{OldTree, bytes, run};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("a_malformed_part_is_named_with_its_line_and_nothing_else_is_lost", malformed),
    ("importing_twice_changes_no_byte_and_undoes_nothing", twice),
    ("a_dry_run_writes_nothing", dry_run),
    ("the_root_itself_and_other_folders_are_refused", refusals),
];

fn malformed() {
    let good = batch("npm", &[failure("npm:good", "install_failed", "x")]);
    let nested = json!({
        "schema_version": 1, "ecosystem": "npm", "updated_at": "2026-02-19T08-45-18Z",
        "failures": [failure("npm:a", "install_failed", "x"), {"package_id": 7}, failure("npm:b", "install_failed", "x")],
    });
    let bad_id = batch("npm", &[failure("npm:<script>", "install_failed", "x")]);
    let text = format!(
        "{good}{{\"schema_version\":1,\"failures\":[{{\n{nested}\n[1]\n{bad_id}{good}{{\"a\":"
    );
    let file = "data/failures/npm-2026-02-19T08-45-18Z.jsonl";
    let tree = OldTree::new(&[(file, &text), ("batch-control.json", "{"), (QUEUE, "[]")]);
    let report = tree.import(&[]);
    let places: Vec<(&str, u64)> = report["quarantined"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| (piece["file"].as_str().unwrap(), piece["line"].as_u64().unwrap()))
        .collect();
    let expected = [
        (QUEUE, 1),
        (file, 2),
        (file, 3),
        (file, 4),
        (file, 7),
        (file, 5),
        ("batch-control.json", 1),
    ];
    assert_eq!(places, expected, "{report:#}");
    let records = tree.lines(file);
    let origins: Vec<u64> =
        records.iter().map(|record| record["origin"]["record"].as_u64().unwrap()).collect();
    assert_eq!(origins, [0, 1, 3, 5]);
}

fn twice() {
    let tree = OldTree::new(&[
        (
            QUEUE,
            &queue(&[
                entry("jq", "homebrew:jq", "pending", &json!({"failure_count": 2})),
                entry("yq", "homebrew:yq", "pending", &json!({})),
                entry("task", "homebrew:go-task", "success", &json!({})),
            ]),
        ),
        (
            "data/failures/homebrew-2026-02-19T08-45-18Z.jsonl",
            &batch(
                "homebrew",
                &[failure("homebrew:jq", "install_failed", "one\nerror: two\nthree")],
            ),
        ),
        (
            "data/metrics/batch-runs-2026-02-18T14-01-11Z.jsonl",
            &old_run("2026-02-18T14:01:12Z", &json!({"ecosystems": {"npm": 5}})),
        ),
        ("batch-control.json", CONTROL),
    ]);
    let first = tree.import(&[]);
    // The queue, the failure with its whole text, the run and the control file.
    assert_eq!(first["written"], 5, "{first:#}");
    let before = bytes(&tree.root());
    let second = tree.import(&[]);
    assert_eq!((&second["written"], &second["kept_entries"]), (&json!(0), &json!(0)), "{second:#}");
    assert_eq!(bytes(&tree.root()), before);
    for key in ["records_in", "records_out", "oddities", "sums", "kinds"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    // What happened in between stays.
    let file = tree.root().join("data/queues/priority-queue-homebrew.json");
    let text = std::fs::read_to_string(&file).unwrap().replace("\"success\"", "\"failed\"");
    std::fs::write(&file, &text).unwrap();
    assert_eq!(tree.import(&[])["kept_entries"], 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

fn dry_run() {
    let tree =
        OldTree::new(&[(QUEUE, &queue(&[entry("jq", "homebrew:jq", "pending", &json!({}))]))]);
    let report = tree.import(&["--dry-run"]);
    assert_eq!((&report["dry_run"], &report["records_out"]), (&json!(true), &json!(1)));
    assert!(!tree.root().exists());
    let text = run(&tree.root(), &["import", tree.old().to_str().unwrap(), "--dry-run"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("queue entries") && text.contains("nothing was written"), "{text}");
}

fn refusals() {
    let tree = OldTree::new(&[(QUEUE, &queue(&[])), ("batch-control.json", CONTROL)]);
    let old = tree.old();
    let own = run(&old, &["import", old.to_str().unwrap()]);
    assert_eq!(own.status.code(), Some(2), "{own:?}");
    let before = bytes(&old);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = run(&tree.root(), &["import", elsewhere.path().to_str().unwrap()]);
    assert_eq!(other.status.code(), Some(6), "{other:?}");
    let missing = run(&tree.root(), &["import", old.to_str().unwrap(), "--queue", "no-such.json"]);
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    assert!(!tree.root().exists());
    assert_eq!(bytes(&old), before);
}
