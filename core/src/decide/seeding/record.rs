//! The record of a seeding run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::seeding::{Merged, Walk, outcome},
    model::{HostUsage, SCHEMA_VERSION, SeedingRecord},
};

/// The record of the run with the facts `walk` and the result `merged`.
pub fn record(
    walk: &Walk<'_>,
    merged: &Merged,
    ended_at: DateTime<Utc>,
    usage: BTreeMap<String, HostUsage>,
) -> SeedingRecord {
    let sources = outcome::sources(walk);
    let sum = |of: fn(&crate::model::SourceRun) -> Option<usize>| -> Option<usize> {
        sources.iter().map(of).sum()
    };
    // A package that several sources list counts in each of them.
    let left = sources.iter().filter_map(|source| Some(source.total?.saturating_sub(source.seen)));
    let left: Vec<usize> = left.collect();
    let not_visited = (!left.is_empty()).then(|| left.into_iter().sum());
    SeedingRecord {
        schema_version: SCHEMA_VERSION,
        ecosystem: walk.start.ecosystem.clone(),
        started_at: walk.start.started_at,
        ended_at,
        outcome: outcome::overall(&sources),
        seen: walk.n_seen(),
        added: merged.added,
        refreshed: merged.refreshed,
        unchanged: merged.unchanged,
        skipped: merged.skipped.clone(),
        not_visited,
        cursor: sources.iter().find_map(|source| source.cursor.clone()),
        expected: sum(|source| source.expected),
        suspicious: merged.suspicious.clone(),
        sources,
        usage,
    }
}
