//! The real data of an earlier pipeline. The numbers are counted here independently of the program.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use crate::old_tree::{OldTree, bytes, import, run};

pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/tsuku");

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("everything_in_the_corpus_is_imported_and_importing_it_again_changes_nothing", everything),
    ("todays_rules_say_the_same_about_what_was_just_imported", reclassified),
    ("every_version_of_the_queue_is_read", queues),
    ("every_version_of_the_control_file_is_read", controls),
    ("the_mixed_file_of_failures_is_read", mixed_failures),
];

/// All JSON documents in the files of `folder` whose names begin with `prefix`.
fn documents(folder: &str, prefix: &str) -> Vec<Value> {
    let mut found = vec![];
    for entry in fs::read_dir(Path::new(FOLDER).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(prefix) {
            let text = fs::read_to_string(path).unwrap();
            let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            found.extend(documents.map(Result::unwrap));
        }
    }
    found
}

fn history(prefix: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(Path::new(FOLDER).join("history")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(prefix)).collect()
}

fn n_failures(documents: &[Value]) -> usize {
    let n = |document: &Value| document["failures"].as_array().map_or(1, Vec::len);
    documents.iter().map(n).sum()
}

fn everything() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    let report = import(Path::new(FOLDER), &root, &[]);
    assert_eq!(report["quarantined"], json!([]), "{report:#}");

    let failures = documents("data/failures", "");
    assert_eq!(n_failures(&failures), 3722, "another corpus");
    check_kind(&report, "failure", n_failures(&failures));
    let runs = documents("data/metrics", "batch-runs");
    check_kind(&report, "run", runs.len());
    assert_eq!(report["kinds"]["run"]["files"], 1148);
    let n = |run: &Value, key: &str| run[key].as_u64().unwrap_or(0);
    for key in ["generated", "merged", "excluded", "constrained", "duration_seconds"] {
        let sum: u64 = runs.iter().map(|run| n(run, key)).sum();
        assert_eq!(report["sums"][key], json!({"in": sum, "out": sum}), "{key}");
    }
    for key in ["tested", "passed", "failed"] {
        let of = |run: &Value| -> u64 {
            run["platforms"].as_object().unwrap().values().map(|counts| n(counts, key)).sum()
        };
        let sum: u64 = runs.iter().map(of).sum();
        assert_eq!(report["sums"][key], json!({"in": sum, "out": sum}), "{key}");
    }
    let entries = &report["kinds"]["queue_entry"];
    let whole =
        json!({"files": 1, "records_in": 5305, "records_out": 5296, "merged": 9, "quarantined": 0});
    assert_eq!(*entries, whole);
    check_kind(&report, "control", 1);
    check_kind(&report, "seeding", documents("data/metrics", "seeding-runs").len());
    check_kind(&report, "selection", 20);
    check_kind(&report, "audit", documents("data/disambiguations/audit", "").len());
    assert_eq!(report["kinds"]["audit"]["records_in"], 4059, "another corpus");
    let oddities = &report["oddities"];
    for (oddity, n) in [("duplicate_sources", 9), ("impossible_dates", 2), ("empty_files", 5)] {
        assert_eq!(oddities[oddity], n, "{oddity}: {oddities:#}");
    }

    check_failures(&root);
    let before = bytes(&root);
    let again = import(Path::new(FOLDER), &root, &[]);
    assert_eq!(again["written"], 0, "{again:#}");
    assert!(bytes(&root) == before, "importing again changed a file");
}

/// The same rules, so nothing moves, whether it is archived or not.
fn reclassified() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    let reclassify = || -> Value {
        let output = run(&root, &["reclassify", "--diff", "--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = reclassify();
    assert_eq!((&report["failures"], &report["changed"]), (&json!(3722), &json!(0)), "{report:#}");
    let archived = run(&root, &["archive", "--older-than", "200d", "--json"]);
    let archived: Value = serde_json::from_slice(&archived.stdout).unwrap();
    assert!(2 < archived["months"].as_array().unwrap().len(), "{archived:#}");
    assert_eq!(archived["total_before"], archived["total_after"]);
    assert_eq!(archived["total_after"]["failures"], 3722);
    let report = reclassify();
    assert_eq!((&report["failures"], &report["changed"]), (&json!(3722), &json!(0)), "{report:#}");
}

fn check_kind(report: &Value, kind: &str, n: usize) {
    let count = &report["kinds"][kind];
    assert_eq!(count["records_in"], n, "{kind}: {count}");
    assert_eq!(count["records_out"], n, "{kind}: {count}");
}

/// Every failure is there once, under an ecosystem of ours or none.
fn check_failures(root: &Path) {
    let mut origins = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut n = 0;
    for (path, content) in bytes(&root.join("data/failures")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for line in String::from_utf8(content).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            n += 1;
            let ecosystem = record["ecosystem"].as_str().unwrap();
            let ours = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];
            assert!(ours.contains(&ecosystem) || ecosystem == "unknown", "{line}");
            assert!(name.starts_with(&format!("{ecosystem}-")), "{name}: {line}");
            let batch = record["batch_id"].as_str().unwrap();
            assert_eq!(name, format!("{batch}.jsonl"));
            assert!(ids.insert(record["id"].as_str().unwrap().to_owned()), "twice: {line}");
            assert!(origins.insert(record["origin"].to_string()), "twice: {line}");
        }
    }
    assert_eq!((n, origins.len()), (3722, 3722));
}

fn queues() {
    let files = history("priority-queue");
    assert!(files.len() >= 4, "another corpus");
    let more = ["priority-queue.json", "priority-queue-homebrew.json"];
    let more = more.map(|name| Path::new(FOLDER).join("data/queues").join(name));
    for file in files.iter().chain(&more) {
        let text = fs::read_to_string(file).unwrap();
        let queue: Value = serde_json::from_str(&text).unwrap();
        let entries = queue["entries"].as_array().or(queue["packages"].as_array()).unwrap();
        let tree = OldTree::new(&[]);
        let report = tree.import(&["--queue", file.to_str().unwrap()]);
        let count = &report["kinds"]["queue_entry"];
        assert_eq!(report["quarantined"], json!([]), "{}", file.display());
        assert_eq!(count["records_in"], entries.len(), "{}: {count}", file.display());
        let out = count["records_out"].as_u64().unwrap() + count["merged"].as_u64().unwrap();
        assert_eq!(out, entries.len() as u64, "{}: {count}", file.display());
    }
}

fn controls() {
    for file in history("batch-control") {
        let text = fs::read_to_string(&file).unwrap();
        let tree = OldTree::new(&[("batch-control.json", &text)]);
        let report = tree.import(&[]);
        assert_eq!(report["quarantined"], json!([]), "{}", file.display());
        check_kind(&report, "control", 1);
    }
}

fn mixed_failures() {
    let files = history("homebrew-mixed");
    let text = fs::read_to_string(&files[0]).unwrap();
    let documents: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tree = OldTree::new(&[("data/failures/homebrew.jsonl", &text)]);
    let report = tree.import(&[]);
    assert_eq!(report["quarantined"], json!([]));
    check_kind(&report, "failure", n_failures(&documents));
}
