//! Several processes push into one repository at the same time, and some of them are killed.

use std::{collections::BTreeSet, process::Stdio, thread, time::Duration};

use serde_json::Value;

use super::{FAIL, PASS, ok};
use crate::push::remote::{Batch, Remote, git, merge};

const N_PROCESSES: i64 = 8;
const N_RUNS: i64 = 25;

/// One run in so many is killed.
const KILLED: u32 = 5;

fn name(process: i64, run: i64) -> String {
    format!("p{process}-{run}")
}

fn batch(process: i64, run: i64) -> Batch {
    let result = if run % 3 == 0 { FAIL } else { PASS };
    Batch::new(process * N_RUNS + run, &[(&name(process, run), result)])
}

pub(super) fn eight_processes() {
    let seed = std::env::var("TSUKU_BATCH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let all: Vec<(i64, i64)> =
        (0..N_PROCESSES).flat_map(|process| (0..N_RUNS).map(move |run| (process, run))).collect();
    let packages: Vec<String> = all.iter().map(|&(process, run)| name(process, run)).collect();
    let remote = Remote::new(&packages, "");
    thread::scope(|scope| {
        for process in 0..N_PROCESSES {
            let remote = &remote;
            scope.spawn(move || pushes(remote, process, seed));
        }
    });

    let merges = git(&remote.path(), &["rev-list", "--merges", "--count", "main"]);
    assert_eq!(merges.trim(), "0", "TSUKU_BATCH_TEST_SEED={seed}");
    let expected: BTreeSet<String> = all
        .iter()
        .map(|&(process, run)| format!("data/metrics/batch-runs-{}.jsonl", batch(process, run).id))
        .collect();
    let mut found = BTreeSet::new();
    for (commit, path, text) in remote.changes("main") {
        // Each commit adds records, and none of them was there before.
        if let Some(text) = &text {
            for document in documents(&path, text) {
                let read: Result<Value, _> = serde_json::from_str(document);
                assert!(read.is_ok(), "{commit} {path}: {read:?}");
            }
        }
        if path.starts_with("data/metrics/") {
            assert!(found.insert(path.clone()), "{path} was written twice");
        }
    }
    assert_eq!(found, expected, "TSUKU_BATCH_TEST_SEED={seed}");
    let entries = remote.entries();
    for (process, run) in all {
        let entry = &entries[&name(process, run)];
        let status = if run % 3 == 0 { "failed" } else { "success" };
        assert_eq!(entry["status"], status, "{entry}");
        assert_eq!(entry["last_batch_id"], batch(process, run).id.to_string());
        let failures = entry["consecutive_failures"].as_u64().unwrap_or(0);
        assert_eq!(failures, u64::from(run % 3 == 0), "counted once: {entry}");
    }
}

/// The runs of one process, each with a batch of its own.
fn pushes(remote: &Remote, process: i64, seed: u64) {
    let mut chance = fastrand::Rng::with_seed(seed ^ u64::try_from(process).unwrap());
    let root = remote.checkout();
    for run in 0..N_RUNS {
        batch(process, run).keep(&root);
        let mut child = merge(&root, &[]).stdout(Stdio::null()).spawn().unwrap();
        if chance.u32(..KILLED) == 0 {
            thread::sleep(Duration::from_millis(chance.u64(..800)));
            // It may have ended.
            let _ = child.kill();
        }
        let status = child.wait().unwrap();
        let is_expected = status.code().is_none_or(|code| matches!(code, 0 | 4));
        assert!(is_expected, "TSUKU_BATCH_TEST_SEED={seed}: {status}");
    }
    // What a killed process left is pushed by the next one.
    while ok(merge(&root, &[]))["push"]["outcome"] == "kept" {}
}

/// The JSON documents in a file.
fn documents<'t>(path: &str, text: &'t str) -> Vec<&'t str> {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    match extension {
        Some("json") => vec![text],
        Some("jsonl") => text.lines().collect(),
        _ => vec![],
    }
}
