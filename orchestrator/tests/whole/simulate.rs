//! `simulate` and `plan --slots`, as an operator uses them.

use std::{fs, time::Duration};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    registry::{self, Package},
    root::TestRoot,
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 5] = [
        ("a_simulation_writes_only_the_files_that_it_is_asked_for", files),
        ("pull_requests_are_simulated_if_an_option_asks_for_them", pull_requests),
        ("a_scenario_is_read_from_a_file_and_from_options", scenario),
        ("what_a_simulation_cannot_use_is_named", refused),
        ("the_next_slots_are_shown_with_the_reasons", slots),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const START: &str = "2026-01-04T00:00:00Z";

fn root() -> TestRoot {
    let origin = registry::serve([Package::tool("one", 0)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["one", "two", "three"]);
    root
}

/// Exit code, standard output and standard error.
fn run(root: &TestRoot, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = root.command(args);
    let output = command.env("TSUKU_BATCH_NOW", START).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn files() {
    let root = root();
    let (trace, svg) = (root.path("t.jsonl"), root.path("s.svg"));
    let files = ["--trace", trace.to_str().unwrap(), "--svg", svg.to_str().unwrap()];
    let args = [&["simulate", "--hours", "48", "--json", "-q"][..], &files].concat();
    let (code, printed, said) = run(&root, &args);
    assert_eq!((code, &*said), (Some(0), ""), "{printed}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["runs"], 48);
    assert_eq!(report["entries_eligible"], 3);
    let lines = fs::read_to_string(trace).unwrap();
    assert_eq!(report["attempts"], lines.lines().count());
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["ecosystem"], "npm");
    let picture = fs::read_to_string(svg).unwrap();
    assert!(picture.starts_with("<svg ") && picture.contains(">npm</text>"), "{picture}");
    let (_, status, _) = run(&root, &["status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["health"]["verdict"], "never_run", "the root knows nothing of it");
}

fn scenario() {
    let root = root();
    let file = root.path("bad-days.toml");
    fs::write(&file, "outage = [\"npm=2026-01-04T00:00Z/5d\"]\nmissed_slots = \"50%\"\n").unwrap();
    let args = ["simulate", "--hours", "96", "--json", "--scenario", file.to_str().unwrap()];
    let report = |more: &[&str]| -> Value {
        let (code, printed, said) = run(&root, &[&args[..], more].concat());
        assert_eq!(code, Some(0), "{said}");
        serde_json::from_str(&printed).unwrap()
    };
    let missed = report(&[]);
    let runs = missed["runs"].as_u64().unwrap();
    assert!((20..80).contains(&runs), "{missed:#}");
    assert_eq!(missed["ecosystems"]["npm"]["merged"], 0, "nothing answers: {missed:#}");
    // An option takes precedence.
    let all = report(&["--missed-slots", "0%"]);
    assert_eq!(all["runs"], 96);
    assert!(all["ecosystems"]["npm"]["breaker_open_share"].as_f64().unwrap() > 0.1, "{all:#}");
}

fn pull_requests() {
    let root = root();
    let file = root.path("forge.toml");
    let content = "open_pr = \"3d\"\nslow_checks = \"90m\"\nstrict_protection = true\n";
    fs::write(&file, content).unwrap();
    let shown = |more: &[&str]| {
        let usual = ["simulate", "--hours", "120", "--oracle", "rate", "--success-rate", "1"];
        let (code, printed, said) = run(&root, &[&usual, more].concat());
        assert_eq!(code, Some(0), "{said}");
        printed
    };
    let report = |more: &[&str]| -> Value {
        serde_json::from_str(&shown(&[&["--json"], more].concat())).unwrap()
    };
    assert_eq!(report(&[])["pull_requests"], Value::Null);
    // The period begins at the start, so that the only pull request is the one that nobody merges.
    let open = "2026-01-04/3d";
    for options in
        [&["--open-pr", open][..], &["--scenario", file.to_str().unwrap(), "--open-pr", open]]
    {
        let report = report(options);
        let pulls = &report["pull_requests"];
        assert_eq!([&pulls["opened"], &pulls["merged"]], [1, 1], "{report:#}");
        assert_eq!(report["ecosystems"]["npm"]["merged"], 3, "{report:#}");
        assert_eq!(pulls["alerts"].as_array().unwrap().len(), 1, "{report:#}");
    }
    let quick = report(&["--strict-protection"]);
    assert!(quick["pull_requests"]["longest_open_hours"].as_f64().unwrap() < 0.2, "{quick:#}");
    let slow = report(&["--slow-checks", "90m"]);
    let longest = slow["pull_requests"]["longest_open_hours"].as_f64().unwrap();
    assert!((4.0..=6.0).contains(&longest), "{slow:#}");
    assert!(slow["pull_requests"]["state_waited_hours"].as_f64().unwrap() > 0.5, "{slow:#}");
    let text = shown(&["--open-pr", open]);
    assert!(text.contains("pull requests: 1 opened, 1 merged"), "{text}");
    assert!(text.contains("alert pr_old: npm-2026-01-04T"), "{text}");
}

fn refused() {
    let root = root();
    let file = root.path("odd.toml");
    fs::write(&file, "outages = []\n").unwrap();
    let odd = file.to_str().unwrap();
    for (args, expected) in [
        (&["--outage", "nmp=6h"][..], "npm"),
        (&["--outage", "npm=6"], "2026-03-20T00:00Z/6h"),
        (&["--missed-slots", "20"], "20%"),
        (&["--slot-delay", "26..10m"], "10..26m"),
        (&["--success-rate", "2"], "from 0 to 1"),
        (&["--open-pr", "52"], "2026-03-20T00:00Z/6h"),
        (&["--slow-checks", "90"], "such as 90m"),
        (&["--scenario", odd], "outages"),
        (&["--scenario", "/nowhere.toml"], "/nowhere.toml"),
        (&["--trace", "/nowhere/t.jsonl"], "/nowhere/t.jsonl"),
    ] {
        let (code, _, said) = run(&root, &[&["simulate", "--hours", "1"], args].concat());
        assert!(code != Some(0) && said.contains(expected), "{args:?}: {code:?} {said}");
    }
}

fn slots() {
    let root = root();
    let (code, printed, _) = run(&root, &["plan", "--slots", "3", "--json"]);
    assert_eq!(code, Some(0));
    let report: Value = serde_json::from_str(&printed).unwrap();
    let slots = report["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 3);
    assert_eq!(slots[1]["at"], "2026-01-04T01:00:00Z");
    for slot in slots {
        let is_explained = slot["ecosystem"] == slot["owner"] || slot["reason"].is_string();
        assert!(is_explained, "{slot}");
    }
    let (code, _, said) = run(&root, &["plan", "--slots", "3", "--ecosystem", "npm"]);
    assert!(code == Some(2) && said.contains("leave out --ecosystem"), "{said}");
}
