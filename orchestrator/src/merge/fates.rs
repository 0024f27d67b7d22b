//! Writes what became of pull requests into the state.

use std::collections::BTreeMap;

use batch_core::{
    decide::pull_request::{FateChanges, fates},
    io::{HistoryFilter, StateWriter},
    model::{BatchId, BatchPullRequest, FailureRecord, Fate},
};
use chrono::{DateTime, Utc};

use crate::run::RunConfig;

/// Numbers of packages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fates {
    pub(super) merged: usize,
    pub(super) closed: usize,
    pub(super) red: usize,
}

/// Writes into `state` what the pull requests `pulls` change: entries, failures, and the records of their
/// batches. A queue that cannot be read stays as it is.
pub(crate) fn write(
    state: &dyn StateWriter,
    pulls: &BTreeMap<BatchId, BatchPullRequest>,
    config: &RunConfig<'_>,
    now: DateTime<Utc>,
) -> anyhow::Result<Fates> {
    let mut all = Fates::default();
    if pulls.is_empty() {
        return Ok(all);
    }
    for ecosystem in state.queued_ecosystems()? {
        let Ok(Some(file)) = state.queue(&ecosystem) else { continue };
        let FateChanges { entries, failures, merged, closed } =
            fates(&file.entries, pulls, now, &config.backoff);
        all.merged += merged;
        all.closed += closed;
        all.red += failures.len();
        add_failures(state, failures)?;
        if !entries.is_empty() {
            state.put_entries(file, entries, now)?;
        }
    }
    for (batch, pull) in pulls {
        note(state, batch, pull)?;
    }
    Ok(all)
}

/// Adds `failures` to those of their batches, each only once.
fn add_failures(state: &dyn StateWriter, failures: Vec<FailureRecord>) -> anyhow::Result<()> {
    let mut by_batch: BTreeMap<String, Vec<FailureRecord>> = BTreeMap::new();
    for failure in failures {
        by_batch.entry(failure.batch_id.clone()).or_default().push(failure);
    }
    for (batch, new) in by_batch {
        let mut records = state.failures(&HistoryFilter::of_batch(&batch))?.records;
        // They are read with the newest first.
        records.reverse();
        records.retain(|record| !new.iter().any(|it| it.id == record.id));
        records.extend(new);
        state.put_failures(&batch, &records)?;
    }
    Ok(())
}

/// Notes in the record of `batch` where its pull request is, and how many recipes are merged.
fn note(state: &dyn StateWriter, batch: &BatchId, pull: &BatchPullRequest) -> anyhow::Result<()> {
    let Some(before) = state.run(&batch.to_string())? else { return Ok(()) };
    let mut after = before.clone();
    after.pull_request = Some(pull.link.clone());
    if pull.fate == Fate::Merged {
        after.merged = u64::try_from(after.recipes_generated.len()).unwrap_or(u64::MAX);
    }
    if after != before {
        state.put_run(&after)?;
    }
    Ok(())
}
