//! Creates a root with a very long history, to measure how long commands take with it.
//!
//! `cargo run --release -p batch-core --example large_history -- DIR [FILES] [FAILURES PER FILE]`
//! writes 100,000 runs of one ecosystem with 10 failures of about 760 bytes each: 1,000,000
//! failures, one run for each hour back from now, and a queue of 100,000 entries. `docs/scale.md`
//! says what to measure with it. The folder must not exist.

#![expect(clippy::print_stdout, reason = "an example says what it did")]

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use batch_core::{
    io::{Clock as _, FsState, QueueFile, SystemClock},
    model::{
        BatchId, Confidence, Control, EcosystemId, FailureHead, FailureKind, FailureRecord,
        Fingerprint, PackageId, QueueEntry, QueueHeader, RunRecord, SCHEMA_VERSION, SlotOutcome,
        Stage, Tier, TierMeanings,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

const ECOSYSTEM: EcosystemId = EcosystemId::from_static("npm");
const N_PACKAGES: u32 = 100_000;

/// Gives a record the average length of real records.
const MESSAGE: &str = "npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree\n\
    npm error While resolving: package@1.2.3\nnpm error Found: typescript@5.4.2\n\
    npm error Could not resolve dependency: peer typescript@\"^4.0.0\" from another-package@7.8.9\n\
    npm error Fix the upstream dependency conflict, or retry this command with --force or \
    --legacy-peer-deps to accept an incorrect and potentially broken resolution.";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("usage: large_history DIR [FILES] [FAILURES PER FILE]")?;
    let mut number = |default: u32| args.next().map_or(Ok(default), |text| text.parse());
    let (n_files, n_each) = (number(100_000)?, number(10)?);
    if Path::new(&dir).exists() {
        return Err(format!("{dir} is there already; name a new folder").into());
    }
    let now = SystemClock::default().now();
    let (state, _) = FsState::init(&dir, &Control::default(), &[queue(now)])?;
    std::fs::create_dir_all(state.layout().failure_files())?;
    std::fs::create_dir_all(state.layout().metrics())?;
    let mut example = None;
    for n in 0..n_files {
        let batch = BatchId::new(ECOSYSTEM, now - TimeDelta::hours(n.into()));
        let failures: Vec<FailureRecord> =
            (0..n_each).map(|i| failure(&batch, (n * n_each + i) % N_PACKAGES)).collect();
        let id = batch.to_string();
        // Not through the state, which waits for the disk after each file.
        lines(&state.layout().failures(&id), &failures)?;
        lines(&state.layout().run(&id), &[run(&batch, &failures)])?;
        if n == n_files / 2 {
            example = failures.into_iter().next();
        }
    }
    println!("{n_files} runs with {n_each} failures each lie in {dir}");
    if let Some(failure) = example {
        println!("from the middle: {} of {}", failure.id, failure.package_id);
    }
    Ok(())
}

fn lines<T: serde::Serialize>(path: &Path, records: &[T]) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create_new(path)?);
    for record in records {
        serde_json::to_writer(&mut file, record)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn package(n: u32) -> PackageId {
    format!("{ECOSYSTEM}:package-{n}").parse().expect("letters and digits are in names")
}

fn queue(now: DateTime<Utc>) -> QueueFile {
    let entry = |n: u32| (package(n), QueueEntry::new(package(n), Tier::REST, now));
    QueueFile {
        header: QueueHeader {
            ecosystem: ECOSYSTEM,
            updated_at: now,
            tiers: TierMeanings::default(),
        },
        entries: (0..N_PACKAGES).map(entry).collect(),
        quarantined: vec![],
    }
}

fn failure(batch: &BatchId, n: u32) -> FailureRecord {
    let package_id = package(n);
    FailureRecord::new(FailureHead {
        id: format!("{batch}-{}", package_id.name),
        package_id,
        batch_id: batch.clone(),
        stage: Stage::Validate,
        kind: FailureKind::DependencyResolutionFailed,
        confidence: Confidence::Stated,
        message: MESSAGE.to_owned(),
        fingerprint: Fingerprint(u64::from(n % 7)),
        timestamp: batch.started_at() + TimeDelta::minutes(5),
    })
}

fn run(batch: &BatchId, failures: &[FailureRecord]) -> RunRecord {
    let n = u64::try_from(failures.len()).unwrap_or(u64::MAX);
    let record = serde_json::json!({
        "schema_version": SCHEMA_VERSION,
        "batch_id": batch,
        "ecosystem": ECOSYSTEM,
        "slot": ECOSYSTEM,
        "timestamp": batch.started_at(),
        "duration_seconds": 600,
        "outcome": SlotOutcome::Ran,
        "total": n + 1, "succeeded": 1, "failed": n, "blocked": 0, "generated": n + 1, "merged": 1,
        "packages_processed": failures.iter().map(|failure| &failure.package_id).collect::<Vec<_>>(),
    });
    serde_json::from_value(record).expect("a run record has these fields")
}
