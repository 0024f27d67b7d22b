//! Writes a seeding run into the stored state.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        apply,
        seeding::{self, Merging, Walk},
    },
    io::{QueueFile, StateError, StateWriter},
    model::{HostUsage, SeedingRecord},
};

/// When a seeding run ended, and its requests.
#[derive(Debug, Clone, Default)]
pub struct SeedingTraffic {
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// Requests to each host.
    pub usage: BTreeMap<String, HostUsage>,
    /// Hosts that asked for a pause, and until when.
    pub pauses: BTreeMap<String, DateTime<Utc>>,
}

/// Writes what `walk` found into the newest state. `empty` is the queue that is used if there is
/// none yet.
///
/// As with a run, each step can be repeated, and the record comes last.
pub fn persist_seeding<S: StateWriter + ?Sized>(
    state: &S,
    walk: &Walk<'_>,
    merging: &Merging<'_>,
    empty: QueueFile,
    seeding_traffic: SeedingTraffic,
) -> Result<SeedingRecord, StateError> {
    let SeedingTraffic { ended_at, usage, pauses } = seeding_traffic;
    let _no_operator_in_between = state.exclusive()?;
    let ecosystem = empty.header.ecosystem.clone();
    let tiers = empty.header.tiers.clone();
    let mut file = state.queue(&ecosystem)?.map_or(empty, Arc::unwrap_or_clone);
    let (queue, quarantined) = (std::mem::take(&mut file.entries), file.quarantined_ids());
    let merged = seeding::merge(queue, &quarantined, walk, merging);
    let record = seeding::record(walk, &merged, ended_at, usage);
    if 0 < merged.added + merged.refreshed || file.header.tiers != tiers {
        file.header.updated_at = file.header.updated_at.max(merging.started_at);
    }
    file.header.tiers = tiers;
    file.entries = merged.queue;
    state.put_queue(&file)?;
    let remembered = state.remembered(&ecosystem)?;
    let remembered = seeding::remember(remembered, walk, merging.started_at.date_naive());
    if !remembered.is_empty() {
        state.put_remembered(&ecosystem, &remembered)?;
    }
    let control = state.control()?;
    let rested = apply::with_pauses(control.clone(), &pauses, ended_at);
    if rested != control {
        state.put_control(&rested)?;
    }
    state.put_seeding_run(&record)?;
    Ok(record)
}
