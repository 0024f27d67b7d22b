//! Whether the runs of each ecosystem still give recipes.
//!
//! A pipeline that works for one ecosystem and not for the others looks healthy as a whole.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::WINDOW;
use crate::model::{EcosystemId, RunRecord};

/// So many runs in a row without a recipe are not a coincidence. In the rotation an ecosystem has three
/// turns a day.
const MAX_RUNS: u64 = 9;

/// Less time without a recipe is no trend.
const MIN_AGE: TimeDelta = TimeDelta::days(6);

/// What the runs of the window say about each ecosystem.
#[derive(Debug, Clone, Default)]
pub(super) struct Coverage(BTreeMap<EcosystemId, Progress>);

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    has_recipe: bool,
    n_runs: u64,
    /// The start of the oldest run of the window.
    since: Option<DateTime<Utc>>,
}

impl Coverage {
    /// Adds a run that attempted packages, as of `now`. Runs come newest first.
    pub(super) fn add(&mut self, run: &RunRecord, now: DateTime<Utc>) {
        let Some(ecosystem) = &run.ecosystem else { return };
        if run.total == 0 || WINDOW < now.signed_duration_since(run.timestamp) {
            return;
        }
        let progress = self.0.entry(ecosystem.clone()).or_default();
        progress.has_recipe |= run.succeeded > 0 || run.merged > 0;
        progress.n_runs += 1;
        progress.since = Some(run.timestamp);
    }

    /// The ecosystems without a recipe from all runs of the window, and since when.
    pub(super) fn stuck(
        &self,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (&EcosystemId, DateTime<Utc>)> {
        self.0.iter().filter_map(move |(id, progress)| {
            let since = progress.since?;
            let is_long = MIN_AGE <= now.signed_duration_since(since);
            (!progress.has_recipe && MAX_RUNS <= progress.n_runs && is_long).then_some((id, since))
        })
    }
}
