//! Runs: one at a time, recorded while they run, and stored completely after any interruption.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]
#![expect(clippy::disallowed_methods, reason = "a test lays its files out itself")]

mod journal;
mod locks;
mod persist;
mod set_aside;

use std::{collections::BTreeMap, fs, path::Path};

use batch_core::{
    decide::{
        apply::{Merging, Rules},
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
    },
    io::{FsState, QueueFile, StateError, StateWriter},
    model::{
        Attempt, BatchId, Control, Delta, EcosystemId, Failure, FailureKind, HostUsage, Outcome,
        Queue, QueueHeader, StoredBreaker, TierMeanings,
    },
    persist::{Persisted, persist},
};
use batch_sim::{attempt, failed_on, queue, succeeded};
use chrono::{DateTime, Utc};
use tempfile::TempDir;

const ECO: EcosystemId = EcosystemId::from_static("eco");
const OWN: &str = "own.example";

fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(n, 0).unwrap()
}

/// The third unhealthy run in a row would open its breaker.
fn root() -> (TempDir, FsState) {
    let dir = tempfile::tempdir().unwrap();
    let state = init(dir.path());
    (dir, state)
}

fn init(path: &Path) -> FsState {
    let breaker = StoredBreaker { consecutive_failures: 2, ..StoredBreaker::default() };
    let control = Control { ecosystems: [(ECO, breaker)].into(), ..Control::default() };
    let entries = queue([("a", 1, 0), ("b", 2, 0), ("c", 3, 0), ("d", 3, 0)]);
    FsState::init(path, &control, &[queue_file(entries)]).unwrap().0
}

fn queue_file(entries: Queue) -> QueueFile {
    let tiers = TierMeanings::default();
    let header = QueueHeader { ecosystem: ECO, updated_at: second(0), tiers };
    QueueFile { header, entries, quarantined: vec![] }
}

fn rules((backoff, breaker): &(BackoffPolicy, BreakerPolicy)) -> Rules<'_> {
    Rules { own_services: [OWN].into(), backoff, breaker, merging: Merging::AtOnce }
}

fn put(state: &impl StateWriter, delta: &Delta) -> Result<Persisted, StateError> {
    persist(state, delta, &rules(&Default::default()))
}

fn delta(attempts: Vec<Attempt>) -> Delta {
    let ended = |attempt| Attempt { started_at: second(101), ended_at: second(150), ..attempt };
    let batch = BatchId::new(ECO, second(100));
    Delta {
        ended_at: second(200),
        requests: [(OWN.to_owned(), HostUsage { sent: 3, throttled: 1, waited_ms: 9 })].into(),
        pauses: [(OWN.to_owned(), second(900))].into(),
        ..batch_sim::delta(batch, attempts.into_iter().map(ended).collect())
    }
}

fn with_output(outcome: Outcome, output: &str) -> Outcome {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    Outcome::Failed(Box::new(Failure { output: output.to_owned(), ..*failure }))
}

/// A recipe, failures with and without output, one cut output, and two failures with the same
/// output.
fn mixed() -> Delta {
    let failed = |kind, output: &str| with_output(failed_on(kind, None), output);
    delta(vec![
        attempt("eco:a", succeeded("a")),
        attempt("eco:b", failed(FailureKind::InstallFailed, "no such file\n")),
        attempt("eco:c", failed(FailureKind::VerifyFailed, &"x".repeat(100_000))),
        attempt("eco:d", failed(FailureKind::InstallFailed, "no such file\n")),
    ])
}

/// Opens the breaker.
fn unhealthy() -> Delta {
    let fault = || failed_on(FailureKind::Timeout, Some(OWN));
    delta(vec![attempt("eco:a", fault()), attempt("eco:b", with_output(fault(), "timed out"))])
}

/// Every file of the state, by its path.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_file() {
                files.insert(name, fs::read(path).unwrap());
            } else if name != ".tsuku-batch" {
                dirs.push(path);
            }
        }
    }
    files
}
