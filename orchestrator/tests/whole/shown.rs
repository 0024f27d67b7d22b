//! What commands say about records and files, word for word.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 3] = [
        ("a_run_says_what_was_not_tested_and_who_told_the_commands", run_in_words),
        ("a_recipe_file_that_cannot_be_read_has_one_remedy", unreadable_recipes),
        ("every_host_has_its_limits_and_what_the_last_run_used_of_them", limits),
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

fn limits() {
    let root = TestRoot::new(NOBODY, "");
    let asked = |day: u32, requests: serde_json::Value| {
        let batch = format!("npm-2026-01-{day:02}T00-00-00Z");
        let record = json!({"schema_version": 2, "batch_id": batch, "ecosystem": "npm",
            "timestamp": format!("2026-01-{day:02}T00:00:00Z"), "duration_seconds": 100,
            "outcome": "ran", "total": 0, "succeeded": 0, "failed": 0, "blocked": 0,
            "generated": 0, "merged": 0, "requests": requests});
        let dir = root.path("data/metrics");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(format!("batch-runs-{batch}.jsonl")), record.to_string() + "\n")
            .unwrap();
    };
    let used = |sent: u32| json!({"sent": sent, "throttled": 2, "waited_ms": 12_345});
    asked(1, json!({"pypi.org": used(7), "registry.npmjs.org": used(1)}));
    asked(2, json!({"registry.npmjs.org": used(30)}));
    // Less than the plugin declares; it would be a mistake to show what does not apply here.
    let settings = std::fs::read_to_string(root.path("pipeline.toml")).unwrap();
    let slower = settings.replace("[limits]\n", "[limits]\n\"pypi.org/\" = { period_ms = 5000 }\n");
    assert_ne!(slower, settings);
    std::fs::write(root.path("pipeline.toml"), slower).unwrap();
    let report = root.json(&["limits"]);
    let host = |name: &str| {
        report["hosts"].as_array().unwrap().iter().find(|host| host["host"] == name).unwrap()
    };
    let npm = &host("registry.npmjs.org")["last_use"];
    assert_eq!((&npm["sent"], &npm["throttled"]), (&json!(30), &json!(2)), "the newest run: {npm}");
    assert!(host("registry.npmjs.org")["limits"].as_array().unwrap().len() > 1, "{report:#}");
    let pypi = host("pypi.org");
    let slowest = |limit: &serde_json::Value| limit["rate"]["period_ms"] == 5000;
    assert!(pypi["limits"].as_array().unwrap().iter().any(slowest), "{pypi:#}");
    assert_eq!(pypi["last_use"]["batch_id"], "npm-2026-01-01T00-00-00Z");
    assert!(host("formulae.brew.sh").get("last_use").is_none());
    let text = root.ok(&["limits"]);
    assert!(text.contains("requests, 2 throttled, 12 s waited (npm-2026-01-01"), "{text}");
    assert!(root.run(&["limits", "extra"]).status.code() == Some(2));
}
