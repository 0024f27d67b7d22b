//! How long a large queue takes to write, to read, and to find unchanged; each column should double
//! from line to line.
//!
//! `cargo run -p batch-core --example large_queue`. A debug build on two busy cores said:
//!
//! ```text
//!  entries      MB  write ms  read ms  unchanged ms
//!    25000       5       295      488           292
//!    50000      10       582     1005           737
//!   100000      21      1620     2015          1111
//!   200000      43      2366     3718          3342
//! ```

#![expect(clippy::print_stdout, reason = "an example says what it measured")]

use batch_core::{
    io::{
        Clock as _, FsState, QueueFile, StateError, StateReader as _, StateWriter as _, SystemClock,
    },
    model::{Control, EcosystemId, PackageId, QueueEntry, QueueHeader, Tier, TierMeanings},
};
use chrono::DateTime;

const ECO: EcosystemId = EcosystemId::from_static("eco");

fn queue(n_entries: u32) -> QueueFile {
    let now = DateTime::UNIX_EPOCH;
    let entry = |n: u32| {
        let id: PackageId = format!("eco:package-{n}").parse().expect("digits are in names");
        let mut entry = QueueEntry::new(id.clone(), Tier::REST, now);
        entry.last_attempt_at = Some(now);
        entry.upstream_version = Some("1.2.3".to_owned());
        (id, entry)
    };
    let header = QueueHeader { ecosystem: ECO, updated_at: now, tiers: TierMeanings::default() };
    QueueFile { header, entries: (0..n_entries).map(entry).collect(), quarantined: vec![] }
}

fn measure(n_entries: u32) -> Result<(), StateError> {
    let dir = tempfile::tempdir().expect("a machine has a place for temporary files");
    let (state, _) = FsState::init(dir.path(), &Control::default(), &[])?;
    let queue = queue(n_entries);
    let clock = SystemClock::default();
    let mut times = vec![clock.monotonic()];
    state.put_queue(&queue)?;
    times.push(clock.monotonic());
    assert_eq!(state.queue(&ECO)?.as_deref(), Some(&queue), "what was written is read");
    times.push(clock.monotonic());
    state.put_queue(&queue)?;
    times.push(clock.monotonic());
    let ms: Vec<_> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_millis()).collect();
    let bytes = std::fs::metadata(state.layout().queue(&ECO)).map_or(0, |file| file.len());
    println!("{n_entries:8} {:7} {:9} {:8} {:13}", bytes / 1_000_000, ms[0], ms[1], ms[2]);
    Ok(())
}

fn main() -> Result<(), StateError> {
    println!(" entries      MB  write ms  read ms  unchanged ms");
    [25_000, 50_000, 100_000, 200_000].into_iter().try_for_each(measure)
}
