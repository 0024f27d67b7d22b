//! `config check`, and settings with unknown keys.

use std::process::Output;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{facts::check_schema, root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 2] = [
        ("config_check_computes_the_plan_from_recorded_runs_and_says_what_does_not_fit", check),
        ("an_unknown_key_of_the_settings_is_named_with_line_and_nearest_key", unknown_keys),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const NOBODY: &str = "http://127.0.0.1:9";

fn config(root: &TestRoot) -> (Option<i32>, Value) {
    let output = root.run(&["config", "check", "--json"]);
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

fn put(root: &TestRoot, settings: &str) {
    std::fs::write(root.path("pipeline.toml"), settings).unwrap();
}

fn line<'a>(report: &'a Value, check: &str, subject: &str) -> &'a Value {
    let lines = report["lines"].as_array().unwrap();
    let is_it = |it: &&Value| it["check"] == check && it["subject"] == subject;
    lines.iter().find(is_it).unwrap_or_else(|| panic!("{check} {subject}: {report:#}"))
}

fn check() {
    let root = TestRoot::new(NOBODY, "");
    put(&root, "");
    let (code, report) = config(&root);
    assert_eq!((code, &report["fits"]), (Some(0), &json!(true)), "{report:#}");
    assert!(report["unknown"].to_string().contains("registry.npmjs.org"), "{report:#}");
    check_schema(&root, "output-config-check", &report);

    let batch = "npm-2026-01-02T00-00-00Z";
    let run = json!({"schema_version": 2, "batch_id": batch, "ecosystem": "npm",
        "timestamp": "2026-01-02T00:00:00Z", "duration_seconds": 100, "outcome": "ran", "total": 10,
        "succeeded": 10, "failed": 0, "blocked": 0, "generated": 10, "merged": 10,
        "generator": "builtin 0",
        "requests": {"registry.npmjs.org": {"sent": 21, "throttled": 0, "waited_ms": 0}}});
    std::fs::create_dir_all(root.path("data/metrics")).unwrap();
    let file = format!("data/metrics/batch-runs-{batch}.jsonl");
    std::fs::write(root.path(&file), format!("{run}\n")).unwrap();
    let (code, report) = config(&root);
    assert_eq!(code, Some(0), "{report:#}");
    let requests = line(&report, "requests_of_slot", "registry.npmjs.org");
    assert_eq!(requests["needed"], 30, "{requests:#}");
    assert!(requests["arithmetic"].as_str().unwrap().contains(batch), "{requests:#}");

    // A host that may be asked every ten minutes: seven in an hour.
    put(
        &root,
        "[limits]\n\"registry.npmjs.org/\" = { period_ms = 600000 }\n[plan]\nenvironments = \
         [\"darwin-arm64\"]\n[selection]\nbatch_size = 20\n",
    );
    let (code, report) = config(&root);
    assert_eq!((code, &report["fits"]), (Some(1), &json!(false)), "{report:#}");
    let requests = line(&report, "requests_of_slot", "registry.npmjs.org");
    assert_eq!((&requests["needed"], &requests["over"]), (&json!(60), &json!(53)), "{requests:#}");
    let minutes = line(&report, "minutes_on_macos", "[budget]");
    assert_eq!(minutes["over"], 168 * 20 * 5 - 1000, "{minutes:#}");
    let text = String::from_utf8(root.run(&["config", "check"]).stdout).unwrap();
    assert!(text.contains("; 53 requests too many\n"), "{text}");
}

fn unknown_keys() {
    let root = TestRoot::new(NOBODY, "");
    put(&root, "[selection]\n\nbach_size = 20\n");
    for args in [&["config", "check"][..], &["status"], &["plan"]] {
        let output: Output = root.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{said}");
        for word in ["pipeline.toml: ", "line 3", "did you mean `batch_size`?"] {
            assert!(said.contains(word), "{said}");
        }
    }
}
