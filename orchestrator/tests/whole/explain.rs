//! `explain`: what is said about packages, failures and runs.

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    history::{failure, put_failures, put_run},
    root::TestRoot,
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 5] = [
        ("a_failed_package_is_explained_with_its_causes_and_commands", failed),
        ("the_place_of_a_package_is_that_of_the_plan", place),
        ("what_blocks_a_package_and_what_it_blocks_is_told", blocked),
        ("a_package_that_only_has_a_recipe_is_explained_too", recipe_only),
        ("an_unknown_subject_is_answered_with_near_ones_and_nothing_else", unknown),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const OLD: &str = "npm-2026-01-01T00-00-00Z";
const NEW: &str = "npm-2026-01-11T00-00-00Z";
const NOW: &str = "2026-01-11T12:00:00Z";

fn entry(name: &str, status: &str, more: &Value) -> Value {
    let mut entry = json!({"id": format!("npm:{name}"), "tier": 1, "status": status,
        "added_at": "2026-01-01T00:00:00Z"});
    for (key, value) in more.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn root(entries: &[Value]) -> TestRoot {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_queue(&json!(entries).to_string());
    root
}

/// What is said at [`NOW`].
fn explained(root: &TestRoot, subject: &str) -> Value {
    let mut command = root.command(&["explain", subject, "--json"]);
    let output = command.env("TSUKU_BATCH_NOW", NOW).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let report = serde_json::from_slice(&output.stdout).unwrap();
    check_schema(root, &report);
    report
}

fn check_schema(root: &TestRoot, report: &Value) {
    let dir = root.path("schemas");
    root.ok(&["schema", "--dir", dir.to_str().unwrap()]);
    let text = std::fs::read_to_string(dir.join("output-explain.schema.json")).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(report).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?} in {report:#}");
}

fn failed() {
    let root = root(&[entry(
        "one",
        "failed",
        &json!({"consecutive_failures": 2, "last_attempt_at": "2026-01-11T00:00:00Z",
            "next_retry_at": "2026-01-14T00:00:00Z", "last_batch_id": NEW}),
    )]);
    let packages = json!({"packages_processed": ["npm:one"]});
    put_run(&root, OLD, [1, 1], &packages);
    put_run(&root, NEW, [0, 1], &packages);
    put_failures(&root, &[failure(NEW, "npm:one", "validation_failed/install_failed", 7)]);
    let report = explained(&root, "npm:one");
    let text = |key: &str| report[key].as_str().unwrap().to_owned();
    assert_eq!((text("subject"), text("status")), ("npm:one".into(), "failed".into()));
    assert_eq!(report["history"], "worked_before", "the older run has no failure of it");
    assert!(text("rule").contains("validation_failed/install_failed"), "{report:#}");
    assert_eq!(report["next_attempt"]["at"], "2026-01-14T00:00:00Z");
    assert_eq!(report["queue_place"], Value::Null);
    let attempts = report["last_attempts"].as_array().unwrap();
    let results: Vec<(&Value, &Value)> =
        attempts.iter().map(|attempt| (&attempt["batch_id"], &attempt["result"])).collect();
    assert_eq!(results, [(&json!(NEW), &json!("failed")), (&json!(OLD), &json!("passed"))]);
    let id = format!("{NEW}-one");
    assert_eq!(attempts[0]["causes"][0]["failure_id"], *id);
    // Every command is one that exists.
    for command in report["commands"].as_array().unwrap() {
        let words: Vec<&str> = command.as_str().unwrap().split(' ').collect();
        assert_eq!(words[0], "tsuku-batch", "{command}");
        let help = root.run(&[&words[1..], &["--help"]].concat());
        assert!(help.status.success(), "{command}: {help:?}");
    }
    root.ok(&["failures", "show", &id]);

    let of_failure = explained(&root, &id);
    assert_eq!(
        (&of_failure["subject"], &of_failure["package_id"]),
        (&json!(id), &json!("npm:one"))
    );
    assert_eq!(of_failure["rule"], report["rule"]);
    let of_run = explained(&root, NEW);
    assert_eq!((&of_run["status"], &of_run["history"]), (&json!("ran"), &Value::Null));
    assert_eq!(of_run["last_attempts"][0]["package_id"], "npm:one");
    let shown = root.ok(&["explain", "npm:one"]);
    assert!(
        shown.starts_with("npm:one: failed; it worked before, and does not work now\n"),
        "{shown}"
    );
    assert!(shown.contains("What you can do:\n  tsuku-batch failures show "), "{shown}");
}

fn place() {
    let names: Vec<String> = (0..25).map(|n| format!("p{n:02}")).collect();
    let entries: Vec<Value> = names
        .iter()
        .map(|name| entry(name, "pending", &json!({"added_at": format!("2025-01-{}T00:00:00Z", &name[1..].replace("00", "31"))})))
        .collect();
    let root = root(&entries);
    let plan = root.command(&["plan", "--ecosystem", "npm", "--json"]).output().unwrap();
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    let mut n_in_first_run = 0;
    for name in &names {
        let report = explained(&root, &format!("npm:{name}"));
        let place = &report["queue_place"];
        assert_eq!(
            (&report["history"], &place["n_eligible"]),
            (&json!("never_attempted"), &json!(25))
        );
        let is_first = place["n_runs_before"] == 0;
        n_in_first_run += usize::from(is_first);
        assert!(report["next_attempt"]["at"].as_str().unwrap() > NOW, "{report:#}");
        // Without the tool of npm nothing is planned here.
        if let Some(attempts) = plan["batches"][0]["attempts"].as_array() {
            let id = json!(format!("npm:{name}"));
            assert_eq!(attempts.contains(&id), is_first, "{name}");
        }
    }
    assert_eq!(n_in_first_run, 10);
    let control = json!({"schema_version": 2, "enabled": true, "disabled_ecosystems": ["npm"]});
    std::fs::write(root.path("batch-control.json"), control.to_string()).unwrap();
    let report = explained(&root, "npm:p01");
    assert_eq!(
        (&report["queue_place"], &report["next_attempt"]["at"]),
        (&Value::Null, &Value::Null)
    );
    assert!(report["next_attempt"]["why"].as_str().unwrap().contains("disabled"), "{report:#}");
}

fn blocked() {
    let root = root(&[
        entry("app", "blocked", &json!({"blocked_by": ["lib", "other"]})),
        entry("lib", "pending", &json!({})),
    ]);
    let app = explained(&root, "npm:app");
    let blocked_by = json!([
        {"name": "lib", "has_recipe": false, "status": "pending"},
        {"name": "other", "has_recipe": false},
    ]);
    assert_eq!(app["blocked_by"], blocked_by);
    assert_eq!(app["commands"][0], "tsuku-batch explain npm:lib");
    assert_eq!(app["commands"][1], "tsuku-batch queue add npm:other");
    assert_eq!(explained(&root, "npm:lib")["blocks"], json!(["npm:app"]));
}

fn recipe_only() {
    let root = root(&[]);
    let recipe = "[metadata]\nname = \"one\"\ndescription = \"One.\"\n\n[[steps]]\n\
        action = \"npm_install\"\npackage = \"@x/one\"\nexecutables = [\"one\"]\n\n[verify]\n\
        command = \"one --version\"\npattern = \"{version}\"\n";
    std::fs::create_dir_all(root.path("recipes/o")).unwrap();
    std::fs::write(root.path("recipes/o/one.toml"), recipe).unwrap();
    let report = explained(&root, "npm:@x/one");
    assert_eq!((&report["status"], &report["history"]), (&json!("recipe_only"), &json!("works")));
    assert!(
        report["rule"].as_str().unwrap().starts_with("the recipe one installs it"),
        "{report:#}"
    );
    assert_eq!(report["commands"][0], "tsuku-batch queue add npm:@x/one");
}

fn unknown() {
    let root = root(&[entry("prettier", "pending", &json!({}))]);
    put_failures(&root, &[failure(NEW, "npm:one", "api_error/timeout", 1)]);
    put_run(&root, NEW, [0, 1], &json!({}));
    for (subject, code, said) in [
        ("npm:pretier", 3, "did you mean npm:prettier?"),
        ("nmp:prettier", 2, "did you mean npm?"),
        ("prettier", 3, "did you mean npm:prettier?"),
        ("pretier", 3, "write a package as <ecosystem>:<name>"),
        (&format!("{NEW}-two"), 3, &format!("did you mean {NEW}-one")),
        ("npm-2026-01-12T00-00-00Z", 3, &format!("did you mean {NEW}?")),
    ] {
        for json in [&["--json"][..], &[]] {
            let output = root.run(&[&["explain", subject], json].concat());
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{subject}: {text}");
            assert!(text.contains(said) && output.stdout.is_empty(), "{subject}: {output:?}");
        }
    }
}
