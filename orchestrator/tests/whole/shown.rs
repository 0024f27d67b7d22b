//! What commands say about records and files, word for word.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 2] = [
        ("a_run_says_what_was_not_tested_and_who_told_the_commands", run_in_words),
        ("a_recipe_file_that_cannot_be_read_has_one_remedy", unreadable_recipes),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const NOBODY: &str = "http://127.0.0.1:9";
const BATCH: &str = "npm-2026-01-02T00-00-00Z";

fn run_in_words() {
    let root = TestRoot::new(NOBODY, "");
    let untested = |reason: &str| json!({"tested": 0, "passed": 0, "failed": 0, "skipped": 1, "skip_reasons": {reason: 1}});
    let record = json!({"schema_version": 2, "batch_id": BATCH, "ecosystem": "npm",
        "timestamp": "2026-01-02T00:00:00Z", "duration_seconds": 60, "outcome": "ran", "total": 2,
        "succeeded": 1, "failed": 0, "blocked": 0, "generated": 1, "merged": 1,
        "packages_processed": ["npm:one"], "recipes_generated": ["one"],
        "executables_from": {"one": "installation"}, "interrupted": true, "deferred": ["npm:two"],
        "requests": {"registry.npmjs.org": {"sent": 1, "throttled": 0, "waited_ms": 9}},
        "environments": {
            "linux-debian-glibc-x86_64": {"tested": 1, "passed": 1, "failed": 0, "skipped": 0},
            "linux-alpine-musl-x86_64": untested("not_this_machine"),
            "darwin-arm64": untested("not_this_machine"),
            "darwin-x86_64": untested("budget")}});
    let dir = root.path("data/metrics");
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join(format!("batch-runs-{BATCH}.jsonl"));
    std::fs::write(file, record.to_string() + "\n").unwrap();
    let shown = root.ok(&["runs", "show", BATCH]);
    for line in [
        "  interrupted; 1 package is deferred",
        "  linux-debian-glibc-x86_64  1 of 1 passed",
        "  not tested on this machine: linux-alpine-musl-x86_64, darwin-arm64",
        "  not tested because the week's budget did not suffice: darwin-x86_64",
        "  registry.npmjs.org  1 request, 0 throttled, 9 ms waited",
        "  recipe  one  commands from installation",
    ] {
        assert!(shown.lines().any(|it| it == line), "{line:?} is not in {shown}");
    }
    assert!(!shown.contains("0 of 0"), "{shown}");
    assert!(root.ok(&["runs", "list"]).ends_with("1 of 1 run\n"));
}

fn unreadable_recipes() {
    let root = TestRoot::new(NOBODY, "");
    let dir = root.path("recipes-to-check");
    std::fs::create_dir(&dir).unwrap();
    let check = |path: &std::path::Path| {
        let output = root.run(&["recipe", "check", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = dir.display();
    assert_eq!(
        check(&dir),
        format!(
            "{shown}: the file cannot be read: it is a folder: name a recipe file\n0 of 1 valid\n"
        )
    );
    let empty = dir.join("empty.toml");
    std::fs::write(&empty, "").unwrap();
    let said = check(&empty);
    assert!(said.contains("metadata is required: begin with [metadata]"), "{said}");
    assert!(!said.lines().any(|line| line.trim_end().ends_with(':')), "{said}");
}
