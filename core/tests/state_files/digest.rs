//! The digest of all files of the state.

use std::{collections::BTreeSet, fs};

use batch_core::io::StateReader as _;

use super::root;

#[test]
fn the_digest_changes_with_every_file_and_with_nothing_else() {
    let root = root();
    let files = [
        "data/queues/priority-queue-eco.json",
        "data/failures/eco-2026-01-01T00-00-00Z.jsonl",
        "data/metrics/batch-runs-eco-2026-01-01T00-00-00Z.jsonl",
        "data/metrics/seeding-runs.jsonl",
        "data/breaker-log.jsonl",
        "data/disambiguations/curated.jsonl",
        "data/outputs/ab/abcd.txt",
        "data/archive/2026-01/failures.jsonl.zst",
        "recipes/a/a.toml",
        "batch-control.json",
    ];
    let mut seen = BTreeSet::new();
    let mut is_new = || seen.insert(root.state.digest().unwrap());
    assert!(is_new());
    for file in files {
        // More than is read at once, and a change at its end.
        let text = "x".repeat(200_000);
        root.write(file, text.clone() + "1");
        assert!(is_new(), "{file} is written");
        root.write(file, text.clone() + "2");
        assert!(is_new(), "{file} is changed");
        assert!(!is_new(), "nothing is changed");
        root.write(file, text + "1");
        assert!(!is_new(), "{file} is as it was");
    }
    fs::rename(root.path("recipes/a/a.toml"), root.path("recipes/a/b.toml")).unwrap();
    assert!(is_new(), "a file is renamed");
    fs::remove_file(root.path("recipes/a/b.toml")).unwrap();
    assert!(is_new(), "a file is removed");
    root.write(".tsuku-batch/work/file", "x");
    assert!(!is_new(), "it does not belong to the state");
}

#[cfg(unix)]
#[test]
fn a_state_with_a_link_has_no_digest() {
    let root = root();
    assert!(root.state.digest().is_some());
    super::link("/tmp", &root.path("recipes/t"));
    assert_eq!(root.state.digest(), None);
    fs::remove_file(root.path("recipes/t")).unwrap();
    assert!(root.state.digest().is_some());
    let control = root.path("batch-control.json");
    fs::rename(&control, root.path("elsewhere")).unwrap();
    super::link("elsewhere", &control);
    assert_eq!(root.state.digest(), None);
}
