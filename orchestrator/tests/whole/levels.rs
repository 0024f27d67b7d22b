//! What `status` says about objectives, slots and pushes, and the same as metrics of Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{facts::check_schema, root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, fn()); 2] = [
        ("status_shows_objectives_next_slots_and_what_waits_for_a_push", shown),
        ("the_metrics_of_status_keep_to_the_format_of_prometheus", metrics),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, None)).collect()
}

const NOW: &str = "2026-01-04T12:00:00Z";
const BATCH: &str = "npm-2026-01-03T00-00-00Z";

fn root() -> TestRoot {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one", "two"]);
    let run = json!({"schema_version": 2, "batch_id": BATCH, "ecosystem": "npm",
        "timestamp": "2026-01-03T00:00:00Z", "duration_seconds": 60, "outcome": "ran", "total": 10,
        "succeeded": 9, "failed": 1, "blocked": 0, "generated": 9, "merged": 9,
        "generator": "builtin 0"});
    put(&root, &format!("data/metrics/batch-runs-{BATCH}.jsonl"), &format!("{run}\n"));
    let failure = json!({"schema_version": 2, "id": format!("{BATCH}-x"), "package_id": "npm:x",
        "ecosystem": "npm", "batch_id": BATCH, "stage": "validate", "category": "api_error",
        "subcategory": "timeout", "confidence": "stated", "message": "it failed",
        "fingerprint": "00000000000000ff", "timestamp": "2026-01-03T00:00:30Z"});
    put(&root, &format!("data/failures/{BATCH}.jsonl"), &format!("{failure}\n"));
    put(&root, ".tsuku-batch/unpushed/npm-2026-01-04T00-00-00Z.jsonl", "");
    let control = json!({"schema_version": 2, "enabled": true,
        "hosts": {"a\"b\\c.example": {"paused_until": "2026-01-04T12:30:00Z"}}});
    put(&root, "batch-control.json", &control.to_string());
    root
}

fn put(root: &TestRoot, file: &str, text: &str) {
    let path = root.path(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn status(root: &TestRoot, args: &[&str]) -> String {
    let mut command = root.command(&["status"]);
    let output = command.args(args).env("TSUKU_BATCH_NOW", NOW).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn shown() {
    let root = root();
    let report: Value = serde_json::from_str(&status(&root, &["--json"])).unwrap();
    check_schema(&root, "output-status", &report);
    let slo = |id: &str| {
        let all = report["slos"].as_array().unwrap();
        all.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("{id}: {report:#}")).clone()
    };
    let merged = slo("recipes_merged");
    assert_eq!((&merged["value"], &merged["ok"]), (&json!(9.0), &json!(false)), "{merged:#}");
    let share = slo("validated_share");
    assert_eq!((&share["value"], &share["ok"]), (&json!(0.9), &json!(true)), "{share:#}");
    let seeded = slo("seed_age_days");
    assert_eq!((&seeded["value"], &seeded["ok"]), (&json!(null), &json!(null)), "{seeded:#}");
    assert_eq!(seeded["reason"], "no seeding is recorded");
    assert_eq!(slo("first_attempt_hours")["value"], 84.0, "since the first of January");
    assert_eq!(report["unpushed"], json!(["npm-2026-01-04T00-00-00Z"]));
    assert_eq!(report["next_slots"].as_array().unwrap().len(), 3);
    let text = status(&root, &[]);
    for words in [
        "Next slots: 12:00 npm (2 packages); ",
        "1 batch waits for a push, since 2026-01-04 00:00:00 UTC",
        "recipes merged in 7 days (goal: 200)             9      ≥ 10    missed\n",
        "no seeding is recorded\n",
    ] {
        assert!(text.contains(words), "{words:?}: {text}");
    }
    assert!(text.lines().count() <= 45, "it is one page: {text}");
}

fn metrics() {
    let root = root();
    let file = root.path("metrics.prom");
    put(&root, "metrics.prom", "an older file\n");
    status(&root, &["--prometheus", file.to_str().unwrap()]);
    let text = std::fs::read_to_string(&file).unwrap();
    let samples = parsed(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        samples.get(&(format!("tsuku_batch_{name}"), labels)).copied()
    };
    let pending = [("ecosystem", "npm"), ("status", "pending")];
    assert_eq!(value("queue_entries", &pending), Some(2.0), "{text}");
    assert_eq!(value("verdict", &[("verdict", "degraded")]), Some(0.0), "{text}");
    assert_eq!(value("unpushed_batches", &[]), Some(1.0));
    assert_eq!(value("slo_value", &[("slo", "recipes_merged")]), Some(9.0));
    assert_eq!(value("slo_met", &[("slo", "recipes_merged")]), Some(0.0));
    assert_eq!(value("slo_value", &[("slo", "seed_age_days")]), None, "there is no data");
    let paused = [("host", "a\"b\\c.example")];
    assert_eq!(value("host_paused_until_seconds", &paused), Some(1_767_529_800.0), "{text}");
    let left = std::fs::read_dir(root.dir.path()).unwrap();
    let drafts =
        left.filter(|it| it.as_ref().unwrap().file_name().to_string_lossy().contains(".prom."));
    assert_eq!(drafts.count(), 0, "a draft is left");
    for wrong in
        ["x 1\n", "# TYPE x gauge\nx 1", "# TYPE x gauge\nx{a=\"b} 1\n", "# TYPE x gauge\n1x 1\n"]
    {
        assert!(parsed(wrong).is_err(), "{wrong:?}");
    }
}

type Samples = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// The samples of `text`, which must keep to every rule of the format.
fn parsed(text: &str) -> Result<Samples, String> {
    let (mut samples, mut typed, mut helped) = (Samples::new(), BTreeSet::new(), BTreeSet::new());
    let mut last = String::new();
    if !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in text.lines() {
        let fail = |why: &str| Err(format!("{why}: {line}"));
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').ok_or("a help without text")?;
            if !is_name(name) || words.is_empty() || !helped.insert(name.to_owned()) {
                return fail("help");
            }
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').ok_or("a type without a word")?;
            let is_kind = ["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind);
            if !is_name(name) || !is_kind || !typed.insert(name.to_owned()) {
                return fail("type");
            }
            name.clone_into(&mut last);
        } else {
            let (name, labels, value) = sample(line)?;
            if name != last {
                return fail("a sample is not below its type");
            }
            let value: f64 = value.parse().map_err(|_| format!("no number: {line}"))?;
            if samples.insert((name, labels), value).is_some() {
                return fail("a sample is there twice");
            }
        }
    }
    Ok(samples)
}

fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.chars().enumerate().all(|(n, c)| is_letter(c) || n > 0 && c.is_ascii_digit())
        && !text.is_empty()
}

/// Name, labels and value of a line.
fn sample(line: &str) -> Result<(String, BTreeMap<String, String>, &str), String> {
    let fail = || format!("no sample: {line}");
    let end = line.find(['{', ' ']).ok_or_else(fail)?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").ok_or_else(fail)?;
            let (text, after) = quoted(after).ok_or_else(fail)?;
            if !is_name(label) || labels.insert(label.to_owned(), text).is_some() {
                return Err(fail());
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').ok_or_else(fail)?;
    if is_name(name) { Ok((name.to_owned(), labels, value)) } else { Err(fail()) }
}

/// The text up to the closing quotation mark, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}
