//! Simulations on the real queue of an earlier pipeline, with the outcomes that it recorded. What the
//! program says about them is computed here once more from the trace.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    corpus::FOLDER,
    old_tree::{bytes, import, run},
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("simulated_runs_attempt_every_package_of_the_corpus_that_is_due", in_turn),
    ("probes_of_six_half_open_breakers_go_round_the_queues_of_the_corpus", half_open),
];

const START: &str = "2026-03-13T00:00Z";

/// The root with the queue of 2026-03-13.
fn imported(dir: &Path) -> std::path::PathBuf {
    let root = dir.join("root");
    let queue = Path::new(FOLDER).join("history/priority-queue-2026-03-13.json");
    import(Path::new(FOLDER), &root, &["--queue", queue.to_str().unwrap()]);
    root
}

/// What the program prints, and the lines of the trace.
fn simulate(root: &Path, args: &[&str]) -> (Value, Vec<Value>) {
    let before = bytes(root);
    let trace = root.with_extension("trace");
    let mut all = vec!["simulate", "--json", "--seed", "7", "--from", START];
    all.extend(["--trace", trace.to_str().unwrap()]);
    all.extend(args);
    let output = run(root, &all);
    assert!(output.status.success(), "{output:?}");
    let report = serde_json::from_slice(&output.stdout).unwrap();
    assert!(bytes(root) == before, "a simulation changes nothing");
    let lines = fs::read_to_string(trace).unwrap();
    (report, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn text<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap()
}

/// The number of attempts at packages that were due and not attempted since they became due.
fn n_due(trace: &[Value]) -> usize {
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let mut n = 0;
    for line in trace {
        let before = last.insert(text(line, "package_id"), text(line, "at"));
        // Times of one form are sorted as texts; fractions of a second come after the whole second.
        let due_since = line["due_since"].as_str();
        n += usize::from(due_since.is_some_and(|since| {
            since.trim_end_matches('Z') <= text(line, "at").trim_end_matches('Z')
                && before
                    .is_none_or(|before| before.trim_end_matches('Z') < since.trim_end_matches('Z'))
        }));
    }
    n
}

fn in_turn() {
    let dir = tempfile::tempdir().unwrap();
    let root = imported(dir.path());
    let (report, trace) = simulate(&root, &["--hours", "1092", "--batch-size", "10"]);
    assert_eq!(report["violations"], json!([]));
    assert_eq!(report["runs"], 1092);
    assert_eq!(report["attempts"], trace.len());
    let n_due = n_due(&trace);
    assert!(n_due * 100 >= 95 * trace.len(), "{n_due} of {}", trace.len());
    let counts = [n_due, trace.len()].map(|n| f64::from(u32::try_from(n).unwrap()));
    let due_share = counts[0] / counts[1];
    assert!((report["due_share"].as_f64().unwrap() - due_share).abs() < 0.001, "{due_share}");
    let distinct: BTreeSet<&str> = trace.iter().map(|line| text(line, "package_id")).collect();
    assert_eq!(report["distinct_packages"], distinct.len());
    let eligible = usize::try_from(report["entries_eligible"].as_u64().unwrap()).unwrap();
    assert!(distinct.len() * 100 >= 95 * eligible.min(trace.len()), "{report:#}");
    assert_eq!(report["never_attempted"], 0);
    assert!(report["recipes_per_week"].as_f64().unwrap() >= 200.0, "{report:#}");
    assert!(report["max_macos_minutes_of_a_week"].as_u64().unwrap() <= 1000, "{report:#}");
    let history = &report["history"];
    assert_eq!(history["failures"], 3722);
    assert!(history["failed_packages"].as_u64().unwrap() < distinct.len() as u64);
    let of = |key: &str| history[key].as_u64().unwrap();
    assert!(of("jobs_of_ladder") * 5 <= of("jobs_of_full_matrix"), "80 % are saved: {history}");
}

fn half_open() {
    let dir = tempfile::tempdir().unwrap();
    let root = imported(dir.path());
    let control = root.join("batch-control.json");
    let mut content: Value = serde_json::from_str(&fs::read_to_string(&control).unwrap()).unwrap();
    let six = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go"];
    for id in six {
        content["ecosystems"][id] = json!({
            "circuit_state": "open",
            "consecutive_failures": 995,
            "opened_at": "2026-03-01T00:00:00Z",
            "backoff_until": "2026-03-12T00:00:00Z",
            "reason": "for this test",
        });
    }
    fs::write(&control, serde_json::to_string_pretty(&content).unwrap()).unwrap();
    // Tools that are not taken from their libraries are no turn of anybody, here as in the simulation.
    assert!(run(&root, &["queue", "reconcile"]).status.success());
    let all = ["--ecosystem", "all", "--hours", "24", "--oracle", "rate", "--success-rate", "0"];
    let (report, trace) = simulate(&root, &all);
    assert_eq!(report["violations"], json!([]), "{report:#}");
    let queue = |id: &str| {
        let path = root.join(format!("data/queues/priority-queue-{id}.json"));
        serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap()
    };
    for id in six {
        let is_open = |entry: &&Value| ["pending", "failed"].contains(&text(entry, "status"));
        let n = queue(id)["packages"].as_array().unwrap().iter().filter(is_open).count();
        let of_it = trace.iter().filter(|line| line["ecosystem"] == id);
        let distinct: BTreeSet<&str> = of_it.map(|line| text(line, "package_id")).collect();
        assert!(distinct.len() >= n.min(24), "{id}: {} of {n}", distinct.len());
    }
}
