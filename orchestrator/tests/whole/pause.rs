//! What operators stop, and breakers that they open: nothing is attempted, and no registry is asked.

use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    facts::check_schema,
    history::put_run,
    registry::{self, Package},
    root::TestRoot,
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 5] = [
        ("a_pause_stops_every_command_that_attempts_something", pause_stops),
        ("a_pause_with_an_end_ends_by_itself", pause_ends),
        ("a_pause_of_one_ecosystem_is_resumed_by_its_name", one_ecosystem),
        ("a_breaker_is_opened_for_a_time_and_closed_by_an_operator", breaker),
        ("status_shows_an_outage_of_three_ecosystems_and_how_long_ago_something_ran", outage),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const START: &str = "2026-01-04T00:00:00Z";

fn root() -> TestRoot {
    let origin = registry::serve([Package::tool("one", 0)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["one"]);
    root
}

/// What `args` print at `now`, and the exit code. No tool is found, so nothing is attempted anyway.
fn at(root: &TestRoot, now: &str, args: &[&str]) -> (Option<i32>, String) {
    let mut command = root.command(args);
    let output = command.env("TSUKU_BATCH_NOW", now).env("PATH", "/nowhere").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[track_caller]
fn json_at(root: &TestRoot, now: &str, args: &[&str]) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json", "-q"]).collect();
    let (_, printed) = at(root, now, &args);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

fn pause_stops() {
    let root = root();
    let pause = ["pause", "--reason", "maintenance", "--by", "somebody"];
    let artifacts = root.path("artifacts");
    assert!(at(&root, START, &pause).1.contains("Everything is paused until `tsuku-batch resume`"));
    for args in [
        &["run", "--ecosystem", "npm"][..],
        &["run", "--ecosystem", "all"],
        &["try", "npm:one"],
        &["seed", "npm"],
        &["plan", "--ecosystem", "npm"],
        &["preflight", "--artifacts", artifacts.to_str().unwrap(), "--ecosystem", "npm"],
    ] {
        let (code, printed) = at(&root, START, args);
        assert_eq!(code, Some(4), "{args:?}: {printed}");
        assert!(printed.contains("disabled in batch-control.json"), "{args:?}: {printed}");
    }
    let (_, status) = at(&root, START, &["status"]);
    assert!(status.starts_with("PAUSED: maintenance"), "{status}");
    assert_eq!(at(&root, START, &["status", "--exit-code"]).0, Some(12));
    // Again, and it says so.
    assert_eq!(json_at(&root, START, &pause)["changed"], false);
    assert_eq!(json_at(&root, START, &["resume", "--dry-run"])["enabled"], true);
    assert_eq!(at(&root, START, &["status", "--exit-code"]).0, Some(12), "nothing was written");
    assert_eq!(at(&root, START, &["resume"]).1, "Nothing is paused.\n");
    assert!(!at(&root, START, &["plan"]).1.contains("disabled"));
}

fn pause_ends() {
    let root = root();
    let pause = ["pause", "--for", "2h", "--reason", "deploy", "--incident", "https://x.example/1"];
    let shown = json_at(&root, START, &pause);
    assert_eq!(shown["pauses"][0]["until"], "2026-01-04T02:00:00Z");
    let stopped = "paused by an operator until 2026-01-04 02:00:00 UTC";
    for now in [START, "2026-01-04T01:59:59Z"] {
        let (code, printed) = at(&root, now, &["run", "--ecosystem", "npm"]);
        assert_eq!((code, printed.contains(stopped)), (Some(4), true), "{printed}");
        assert!(at(&root, now, &["status"]).1.starts_with("PAUSED: until"), "{now}");
        assert!(at(&root, now, &["try", "npm:one"]).1.contains("deploy"), "{now}");
    }
    let (_, plan) = at(&root, "2026-01-04T02:00:00Z", &["plan", "--ecosystem", "npm"]);
    assert!(plan.contains("npm is not installed here"), "it goes on: {plan}");
    for args in [&["pause", "--for", "soon", "--reason", "x"][..], &["pause", "--for", "2h"]] {
        assert_eq!(at(&root, START, args).0, Some(2), "{args:?}");
    }
}

fn one_ecosystem() {
    let root = root();
    let (code, printed) = at(&root, START, &["pause", "-e", "nmp", "--reason", "x"]);
    assert_eq!((code, printed.contains("did you mean npm?")), (Some(2), true), "{printed}");
    let shown = json_at(&root, START, &["pause", "-e", "gem", "-e", "npm", "--reason", "why"]);
    assert_eq!(shown["disabled_ecosystems"], json!(["rubygems", "npm"]));
    let (_, plan) = at(&root, START, &["plan", "--ecosystem", "all"]);
    assert!(plan.contains("npm: disabled in") && plan.contains("rubygems: disabled in"), "{plan}");
    assert!(!plan.contains("cargo: disabled"), "{plan}");
    let shown = json_at(&root, START, &["resume", "-e", "node"]);
    assert_eq!(shown["disabled_ecosystems"], json!(["rubygems"]));
    let (_, printed) = at(&root, START, &["resume"]);
    assert!(printed.contains("rubygems is paused until `tsuku-batch resume --ecosystem rubygems`"));
}

fn breaker() {
    let root = root();
    let open = ["breaker", "open", "npm", "--for", "2h", "--reason", "the registry is moved"];
    let state = |now: &str| {
        let shown = json_at(&root, now, &["breaker", "status"]);
        let all = shown["ecosystems"].as_array().unwrap();
        all.iter().find(|line| line["ecosystem"] == "npm").unwrap()["state"].clone()
    };
    let tried = [open.as_slice(), &["--dry-run"]].concat();
    assert!(at(&root, START, &tried).1.contains("open until 2026-01-04 02:00:00 UTC"));
    assert_eq!(state(START), "closed", "nothing was written");
    assert_eq!(at(&root, START, &open).0, Some(0));
    assert_eq!((state(START), state("2026-01-04T02:00:00Z")), (json!("open"), json!("half_open")));
    let (code, printed) = at(&root, START, &["run", "--ecosystem", "npm"]);
    assert_eq!((code, printed.contains("breaker")), (Some(4), true), "{printed}");
    let close = ["breaker", "close", "--all", "--reason", "it was moved"];
    assert_eq!(at(&root, "2026-01-04T00:30:00Z", &close).0, Some(0));
    assert_eq!(state(START), "closed");
    let log = std::fs::read_to_string(root.path("data/breaker-log.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "only the breaker that changed: {log}");
    assert_eq!((&lines[0]["to"], &lines[1]["to"]), (&json!("open"), &json!("closed")));
    assert_eq!(lines[1]["reason"], "closed by an operator: it was moved");
    for args in [&["breaker", "open", "--reason", "x"][..], &["breaker", "open", "npm"]] {
        assert_eq!(at(&root, START, args).0, Some(2), "{args:?}");
    }
}

fn outage() {
    let root = root();
    let ids = ["cargo", "npm", "pypi"];
    let open = json!({"circuit_state": "open", "opened_at": "2026-01-04T00:00:00Z",
        "backoff_until": "2026-01-04T09:00:00Z", "backoff_level": 1});
    let breakers: Value = ids.map(|id| (id.to_owned(), open.clone())).into_iter().collect();
    let control = json!({"schema_version": 2, "enabled": true, "ecosystems": breakers});
    std::fs::write(root.path("batch-control.json"), control.to_string()).unwrap();
    let line = |id: &str| {
        let line = json!({"schema_version": 2, "at": "2026-01-04T00:00:00Z", "ecosystem": id,
            "from": "closed", "to": "open", "reason": "r", "evidence": ["a failure"]});
        format!("{line}\n")
    };
    std::fs::write(root.path("data/breaker-log.jsonl"), ids.map(line).concat()).unwrap();
    put_run(
        &root,
        "npm-2026-01-03T20-00-00Z",
        [0, 1],
        &json!({"timestamp": "2026-01-03T20:00:00Z"}),
    );
    put_run(
        &root,
        "npm-2026-01-02T01-00-00Z",
        [1, 1],
        &json!({"timestamp": "2026-01-02T01:00:00Z"}),
    );
    let now = "2026-01-04T01:00:00Z";
    let shown = json_at(&root, now, &["status"]);
    check_schema(&root, "output-status", &shown);
    let reasons = shown["health"]["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|it| it["code"] == "correlated_outage").unwrap();
    assert_eq!(reason["subject"], "cargo, npm, pypi");
    assert_eq!(reason["since"], "2026-01-04T00:00:00Z");
    let hours = [&shown["hours_since_last_run"], &shown["hours_since_last_merge"]];
    assert_eq!(hours.map(Value::as_u64), [Some(4), Some(47)]);
    let (_, text) = at(&root, now, &["status"]);
    assert!(text.contains("correlated_outage: cargo, npm, pypi stopped working within"), "{text}");
    assert!(text.contains("Last run: 4 hours ago; last merged recipe: 47 hours ago"), "{text}");
}
