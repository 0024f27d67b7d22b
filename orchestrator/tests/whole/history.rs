//! The commands that look at the history: which records each option chooses, in which form they are
//! printed, and what is said about wrong options.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 6] = [
        ("every_option_of_a_listing_chooses_its_part_of_the_history", options),
        ("json_listings_print_whole_records_one_on_each_line", json_lines),
        ("identical_failures_of_a_run_are_one_row_in_print", grouped),
        ("a_package_stands_for_its_newest_failure", newest_of_a_package),
        ("an_unknown_name_in_an_option_is_answered_with_the_nearest", unknown_names),
        ("a_reader_that_has_enough_ends_a_listing_quietly", enough),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const NOBODY: &str = "http://127.0.0.1:9";
/// The time of every command.
const NOW: &str = "2026-01-03T00:00:00Z";
const MUSL: &str = "linux-alpine-musl-x86_64";

pub(crate) fn failure(batch: &str, package: &str, kind: &str, fingerprint: u8) -> Value {
    let (ecosystem, name) = package.split_once(':').unwrap();
    let (category, subcategory) = kind.split_once('/').unwrap();
    let start = &batch[batch.len() - 20..];
    let timestamp = format!("{}T{}", &start[..10], start[11..].replace('-', ":"));
    json!({
        "schema_version": 2, "id": format!("{batch}-{name}"), "package_id": package,
        "ecosystem": ecosystem, "batch_id": batch, "stage": "validate", "category": category,
        "subcategory": subcategory, "confidence": "stated", "message": format!("{name} failed"),
        "fingerprint": format!("{fingerprint:016x}"), "timestamp": timestamp})
}

pub(crate) fn put_failures(root: &TestRoot, failures: &[Value]) {
    let dir = root.path("data/failures");
    std::fs::create_dir_all(&dir).unwrap();
    let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
    let batch = failures[0]["batch_id"].as_str().unwrap();
    std::fs::write(dir.join(format!("{batch}.jsonl")), lines.join("\n") + "\n").unwrap();
}

pub(crate) fn put_run(root: &TestRoot, batch: &str, [succeeded, total]: [u64; 2], more: &Value) {
    let ecosystem = batch.split_once('-').unwrap().0;
    let mut record = json!({
        "schema_version": 2, "batch_id": batch, "ecosystem": ecosystem,
        "timestamp": "2026-01-01T00:00:00Z", "duration_seconds": 60, "outcome": "ran",
        "total": total, "succeeded": succeeded, "failed": total - succeeded, "blocked": 0,
        "generated": total, "merged": succeeded, "packages_processed": []});
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    let dir = root.path("data/metrics");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("batch-runs-{batch}.jsonl")), format!("{record}\n")).unwrap();
}

const OLD: &str = "npm-2026-01-01T00-00-00Z";
const CARGO: &str = "cargo-2026-01-02T06-00-00Z";
const NEW: &str = "npm-2026-01-02T18-00-00Z";

/// Two runs of npm and one of cargo.
fn history() -> TestRoot {
    let root = TestRoot::new(NOBODY, "");
    let mut on_musl = failure(NEW, "npm:one", "validation_failed/libc_mismatch", 3);
    on_musl["environment"] = json!(MUSL);
    put_failures(&root, &[failure(OLD, "npm:one", "api_error/timeout", 1)]);
    put_failures(&root, &[failure(CARGO, "cargo:two", "missing_dep/recipe_missing", 2)]);
    put_failures(
        &root,
        &[
            on_musl,
            failure(NEW, "npm:three", "validation_failed/install_failed", 4),
            failure(NEW, "npm:four", "validation_failed/install_failed", 4),
        ],
    );
    put_run(&root, OLD, [1, 2], &json!({"packages_processed": ["npm:one"]}));
    put_run(&root, CARGO, [0, 0], &json!({"packages_processed": ["cargo:two"], "blocked": 1}));
    let counts = json!({"tested": 1, "passed": 0, "failed": 1, "skipped": 0});
    put_run(
        &root,
        NEW,
        [1, 4],
        &json!({"packages_processed": ["npm:one"], "environments": {MUSL: counts}}),
    );
    root
}

fn listed(root: &TestRoot, args: &[&str], key: &str) -> Vec<String> {
    let output = root.command(args).arg("--json").env("TSUKU_BATCH_NOW", NOW).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let of =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()[key].as_str().unwrap().to_owned();
    text.lines().map(of).collect()
}

fn options() {
    let root = history();
    let (old, cargo) = (format!("{OLD}-one"), format!("{CARGO}-two"));
    let new = ["three", "one", "four"].map(|name| format!("{NEW}-{name}"));
    let [three, one, four] = &new;
    let check = |option: &[&str], expected: &[&String], runs: &[&str]| {
        let args = [&["failures", "list"], option].concat();
        let found = listed(&root, &args, "id");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{args:?}");
        let args = [&["runs", "list"], option].concat();
        assert_eq!(listed(&root, &args, "batch_id"), *runs, "{args:?}");
    };
    check(&[], &[three, one, four, &cargo, &old], &[NEW, CARGO, OLD]);
    check(&["--ecosystem", "crates.io"], &[&cargo], &[CARGO]);
    check(&["--package", "npm:one"], &[one, &old], &[NEW, OLD]);
    check(&["--batch", OLD], &[&old], &[OLD]);
    check(&["--environment", MUSL], &[one], &[NEW]);
    check(&["--category", "validation_failed"], &[three, one, four], &[NEW]);
    check(&["--subcategory", "install_failed"], &[three, four], &[NEW]);
    check(&["--category", "api_error", "--subcategory", "timeout"], &[&old], &[OLD]);
    check(&["--category", "libc_mismatch", "--environment", MUSL], &[one], &[NEW]);
    check(&["--category", "verify_failed"], &[], &[]);
    check(&["--since", "12h"], &[three, one, four], &[NEW]);
    check(&["--since", "2026-01-02"], &[three, one, four, &cargo], &[NEW, CARGO]);
    check(&["--until", "2026-01-01"], &[&old], &[OLD]);
    check(&["--since", "1d", "--until", "7h"], &[&cargo], &[CARGO]);
    check(&["--limit", "1"], &[three], &[NEW]);
    let failed = listed(&root, &["runs", "list", "--failed"], "batch_id");
    assert_eq!(failed, [NEW, OLD]);
    let runs = root.ok(&["runs", "list", "--ecosystem", "npm"]);
    assert!(runs.contains("npm: 2 of 6 attempts verified (33 %)\n2 of 2 runs\n"), "{runs}");
}

fn json_lines() {
    let root = history();
    let stored = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(root.path(file)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut shown = root.json_lines(&["failures", "list", "--batch", NEW]);
    for failure in &mut shown {
        // These follow from the record by the rules of this version.
        let derived = ["headline", "owner"].map(|key| failure.as_object_mut().unwrap().remove(key));
        assert!(derived.iter().all(Option::is_some), "{failure:#}");
    }
    let [one, three, four] = stored(&format!("data/failures/{NEW}.jsonl")).try_into().unwrap();
    assert_eq!(shown, [three, one, four]);
    let run = root.json_lines(&["runs", "list", "--batch", OLD]);
    let stored = &stored(&format!("data/metrics/batch-runs-{OLD}.jsonl"))[0];
    for (key, value) in stored.as_object().unwrap() {
        assert_eq!(run[0][key], *value, "{key}");
    }
    // More than a person sees without being asked.
    let names: Vec<String> = (0..30).map(|n| format!("npm:p{n}")).collect();
    let many: Vec<Value> =
        names.iter().map(|name| failure(NEW, name, "api_error/timeout", 1)).collect();
    put_failures(&root, &many);
    assert_eq!(root.json_lines(&["failures", "list", "--batch", NEW]).len(), 30);
    let shown = root.ok(&["failures", "list", "--batch", NEW]);
    assert!(shown.ends_with("the newest 20 failures; --limit shows more\n"), "{shown}");
    let shown = root.ok(&["failures", "list", "--batch", NEW, "--limit", "30"]);
    assert!(shown.ends_with("30 of 30 failures\n"), "{shown}");
}

fn grouped() {
    let root = history();
    let shown = root.ok(&["failures", "list"]);
    let rows: Vec<Vec<&str>> =
        shown.lines().map(|line| line.split_whitespace().collect()).collect();
    let first = format!("{NEW}-three");
    assert_eq!(rows[1][..3], [&*first, "2", "validation_failed/install_failed"], "{shown}");
    assert!(!shown.contains("four"), "{shown}");
    assert!(shown.ends_with("5 of 5 failures\n"), "{shown}");
}

fn newest_of_a_package() {
    let root = history();
    let shown = root.json(&["failures", "show", "npm:one"]);
    assert_eq!(shown["record"]["id"], format!("{NEW}-one"));
    assert_eq!(root.json(&["repro", "npm:one"])["record"]["id"], format!("{NEW}-one"));
    let output = root.run(&["failures", "show", "npm:thre"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("there is no failure of npm:thre; did you mean npm:three"), "{said}");
    let shown = root.ok(&["runs", "show", NEW]);
    assert!(!shown.contains("  | "), "{shown}");
}

fn unknown_names() {
    let root = history();
    for (option, word, said) in [
        ("--ecosystem", "nmp", "did you mean npm?"),
        ("--category", "api_eror", "did you mean api_error"),
        ("--subcategory", "timeot", "did you mean timeout"),
        ("--environment", "linux-alpine-x86_64", "did you mean linux-alpine-musl-x86_64"),
        ("--package", "nmp:one", "did you mean npm?"),
        ("--since", "yesterday", "12h"),
    ] {
        for noun in ["failures", "runs"] {
            let output = root.run(&[noun, "list", option, word]);
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{noun} {option}: {text}");
            assert!(text.contains(said) && output.stdout.is_empty(), "{noun} {option}: {text}");
        }
    }
    for noun in ["failures", "runs"] {
        let batch = OLD.replace("01-01", "01-09");
        let output = root.run(&[noun, "list", "--batch", &batch, "--json"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{noun}: {text}");
        assert!(text.contains("did you mean") && text.contains(OLD), "{noun}: {text}");
    }
}

fn enough() {
    let root = TestRoot::new(NOBODY, "");
    // Many times what a pipe holds, in several files.
    for hour in 0..10 {
        let batch = format!("npm-2026-01-01T0{hour}-00-00Z");
        let names: Vec<String> = (0..300).map(|n| format!("npm:p{n}")).collect();
        let failures: Vec<Value> =
            names.iter().map(|name| failure(&batch, name, "api_error/timeout", 1)).collect();
        put_failures(&root, &failures);
    }
    let mut list = root.command(&["failures", "list", "--json"]);
    let mut child = list.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with('{') && first.ends_with("}\n"), "{first}");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said), (Some(0), String::new()));
}
