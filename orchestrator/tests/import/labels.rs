//! What the records of an earlier pipeline say, compared with what people read in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::LazyLock,
};

use batch_core::model::FailureKind;
use serde_json::Value;

use crate::{corpus::FOLDER, old_tree::import};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("records_get_the_kind_that_a_person_read_in_them", labels),
    ("the_shares_of_lost_and_unclassified_records_do_not_grow", ceilings),
    ("what_only_resembles_a_cause_in_the_corpus_is_none", resemblances),
];

/// Lines of: file, number of the record in it, kind, and whether the text states the cause.
const LABELS: &str = include_str!("labels.tsv");

/// The file of a record, relative to the tree, and its number in the file.
type Origin = (String, u64);

/// Every failure of the corpus, imported.
pub(crate) static RECORDS: LazyLock<BTreeMap<Origin, Value>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    let mut records = BTreeMap::new();
    for entry in fs::read_dir(root.join("data/failures")).unwrap() {
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let origin = &record["origin"];
            let file = origin["file"].as_str().unwrap().to_owned();
            records.insert((file, origin["record"].as_u64().unwrap()), record);
        }
    }
    records
});

/// The texts and old categories of the failures in `file`, in the order of their numbers.
fn old_failures(file: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(FOLDER).join(file)).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failure = |failure: &Value| (word(&failure["message"]), word(&failure["category"]));
    documents
        .flat_map(|document| match document["failures"].as_array() {
            Some(failures) => failures.iter().map(failure).collect(),
            None => vec![failure(&document)],
        })
        .collect()
}

pub(crate) fn kind(record: &Value) -> FailureKind {
    let word = |key: &str| record[key].as_str().unwrap();
    FailureKind::parse(word("category"), word("subcategory")).unwrap()
}

fn labels() {
    let lines = LABELS.lines().filter(|line| !line.starts_with('#'));
    let labels: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    assert!(labels.len() >= 400, "{} labels", labels.len());
    let stating = labels.iter().filter(|label| label[3] == "yes").count();
    assert!(stating >= 250, "{stating} labels of texts that state their cause");
    let kinds: BTreeSet<&str> = labels.iter().map(|label| label[2]).collect();
    assert!(kinds.len() >= 18, "{kinds:?}");
    let wrong: Vec<String> = labels
        .iter()
        .filter_map(|label| {
            let origin = (label[0].to_owned(), label[1].parse().unwrap());
            let found = kind(&RECORDS[&origin]);
            let is_right = found == label[2].parse().unwrap();
            (!is_right)
                .then(|| format!("{}, record {}: {found}, not {}", label[0], label[1], label[2]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} wrong: {wrong:#?}", wrong.len(), labels.len());
}

/// For each ecosystem the number of records, of those whose evidence is lost, and of those with a cause
/// that no rule knows. The last two may only become smaller.
const CEILINGS: &[(&str, usize, usize, usize)] = &[
    ("cargo", 486, 481, 0),
    ("homebrew", 906, 626, 0),
    ("npm", 635, 476, 0),
    ("pypi", 457, 448, 0),
    ("rubygems", 729, 331, 0),
    ("unknown", 509, 0, 0),
];

fn ceilings() {
    let mut found: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    for record in RECORDS.values() {
        let counts = found.entry(record["ecosystem"].as_str().unwrap()).or_default();
        counts.0 += 1;
        counts.1 += usize::from(kind(record) == FailureKind::EvidenceLost);
        counts.2 += usize::from(kind(record) == FailureKind::Unclassified);
    }
    let ceilings: BTreeMap<&str, (usize, usize, usize)> = CEILINGS
        .iter()
        .map(|&(ecosystem, n, lost, unknown)| (ecosystem, (n, lost, unknown)))
        .collect();
    assert_eq!(found, ceilings, "lower a ceiling if there are fewer, and never raise one");
}

fn resemblances() {
    let files: BTreeSet<&str> = RECORDS.keys().map(|(file, _)| file.as_str()).collect();
    let (mut n_hashes, mut n_limits, mut n_cut) = (0, 0, 0);
    for file in files {
        for (n, (text, category)) in (0_u64..).zip(old_failures(file)) {
            let record = &RECORDS[&(file.to_owned(), n)];
            let kind = kind(record);
            let place = format!("{file}, record {n}: {kind}");
            if text.contains("with hash verification") {
                n_hashes += 1;
                let verification = [
                    FailureKind::VerifyFailed,
                    FailureKind::VerifyPatternMismatch,
                    FailureKind::VerifyTimeout,
                ];
                assert!(!verification.contains(&kind), "{place}");
            }
            if kind == FailureKind::RateLimited {
                n_limits += 1;
                assert!(kind.row().transient, "{place}");
            }
            if text.contains("rate limit") && !text.contains("rate limit ex") {
                assert_eq!(kind, FailureKind::EvidenceLost, "{place}");
            }
            // A log that ends within a step of the preparation says nothing about the package.
            if text.ends_with("...") && text.contains("\nStep 1/") {
                n_cut += 1;
                assert_eq!(kind, FailureKind::EvidenceLost, "{place}, stored as {category}");
                assert_eq!(record["confidence"], "lost", "{place}");
            }
        }
    }
    assert!(n_hashes > 90 && n_limits > 10 && n_cut > 1000, "{n_hashes} {n_limits} {n_cut}");
}
