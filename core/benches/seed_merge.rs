//! Measures the time and the memory to merge 100,000 candidates into a queue of 100,000 entries,
//! half of which are the same packages: `cargo bench -p batch-core --bench seed_merge`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it measures, and prints what"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use batch_core::{
    decide::seeding::{Merging, TrustedSize, Walk, merge, record},
    io::{FsState, QueueFile, StateReader as _, StateWriter as _},
    model::{
        Candidate, Control, EcosystemId, PackageId, PackageName, Page, Popularity, Queue,
        QueueEntry, QueueHeader, SCHEMA_VERSION, SeedLine, SeedStart, SeedVerdict, Threshold, Tier,
        TierMeanings,
    },
};
use chrono::{DateTime, NaiveDate, Utc};

const N: usize = 100_000;
const BENCH: EcosystemId = EcosystemId::from_static("bench");

fn id(i: usize) -> PackageId {
    let name = format!("package-{:x}-{i}", i.wrapping_mul(0x9e37_79b9) & 0xfff_ffff);
    PackageId { ecosystem: BENCH, name: name.parse().expect("letters and digits are a name") }
}

fn candidate(i: usize) -> Candidate {
    let popularity = Popularity {
        value: i as u64,
        unit: "downloads".to_owned(),
        period_days: Some(30),
        source: "https://registry.example/top".to_owned(),
        as_of: NaiveDate::default(),
    };
    let commands = Some(vec![format!("command-{i}").parse().expect("it is a command's name")]);
    Candidate {
        id: id(i),
        popularity: Some(popularity),
        commands,
        has_repository: Some(false),
        version: None,
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH;
    let entries: Queue = (0..N).map(|i| (id(i), QueueEntry::new(id(i), Tier::REST, now))).collect();
    let (ecosystem, tiers) = (BENCH, TierMeanings::default());
    let header = QueueHeader { ecosystem, updated_at: now, tiers };
    let file = QueueFile { header, entries, quarantined: vec![] };
    let (state, _) = FsState::init(dir.path(), &Control::default(), &[file])?;
    let candidates = (N / 2..N / 2 + N).map(candidate).collect();

    let began = Instant::now();
    let mut file = Arc::unwrap_or_clone(state.queue(&BENCH)?.ok_or("the queue is gone")?);
    let read = began.elapsed();
    let identity = |name: &PackageName| name.to_string();
    let queued: BTreeSet<String> = file.entries.keys().map(|id| id.name.to_string()).collect();
    let known = |id: &PackageId| queued.contains(id.name.as_str()).then_some(SeedVerdict::Queued);
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: BENCH,
        started_at: now,
        limit: None,
        left: vec![],
    };
    let mut walk = Walk::new(start, &[("top", TrustedSize::default())], &identity, &known);
    let (source, cursor) = ("top".to_owned(), None);
    walk.take(SeedLine::Page { source, cursor, page: Page { candidates, ..Page::default() } });
    walk.fetch(true);
    // A tenth of them are popular. The others are compared with these.
    let threshold =
        Threshold { value: (N + N / 2 - N / 10) as u64, unit: "downloads", period_days: Some(30) };
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: Some(threshold),
        identity: &identity,
        started_at: now,
    };
    let merged = merge(file.entries, &BTreeSet::new(), &walk, &merging);
    let record = record(&walk, &merged, now, BTreeMap::new());
    let decided = began.elapsed().saturating_sub(read);
    file.entries = merged.queue;
    state.put_queue(&file)?;
    let all = began.elapsed();
    println!(
        "{} entries and {} candidates: {} entries; read {read:.2?}, merged {decided:.2?}, with writing {all:.2?}",
        N,
        record.seen,
        file.entries.len()
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("{peak}");
    }
    Ok(())
}
