//! Creates a root with 100,000 entries in eight queues, for simulations of a large pipeline.
//!
//! `cargo run --release -p batch-core --example large_queues -- <new folder>`

use batch_core::{
    io::{FsState, QueueFile},
    model::{Control, EcosystemId, PackageId, QueueEntry, QueueHeader, Tier, TierMeanings},
};
use chrono::{DateTime, TimeDelta, Utc};

const ECOSYSTEMS: [&str; 8] =
    ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];

const ENTRIES_OF_EACH: i64 = 12_500;

fn queue(ecosystem: &'static str, now: DateTime<Utc>) -> QueueFile {
    let entry = |n: i64| {
        let name = match ecosystem {
            "go" => format!("example.com/{ecosystem}/p{n}"),
            _ => format!("{ecosystem}-p{n}"),
        };
        let id: PackageId = format!("{ecosystem}:{name}").parse().expect("these are names");
        let tier = if n % 100 == 0 { Tier::POPULAR } else { Tier::REST };
        (id.clone(), QueueEntry::new(id, tier, now - TimeDelta::minutes(n)))
    };
    let ecosystem = EcosystemId::from_static(ecosystem);
    let header = QueueHeader { ecosystem, updated_at: now, tiers: TierMeanings::default() };
    QueueFile { header, entries: (0..ENTRIES_OF_EACH).map(entry).collect(), quarantined: vec![] }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("name a new folder")?;
    let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse()?;
    let queues = ECOSYSTEMS.map(|ecosystem| queue(ecosystem, now));
    FsState::init(std::path::Path::new(&dir), &Control::default(), &queues)?;
    Ok(())
}
