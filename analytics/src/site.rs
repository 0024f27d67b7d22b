//! The records with the indexes that the pages need.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    decide::{
        ahead,
        headline::{FailureView, Headline, Remedy, headline, remedy},
    },
    model::{
        EcosystemId, FailureRecord, PackageId, QueueEntry, RecipeName, RunRecord, StatusLabel,
    },
    plugin::Registry,
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    blockers::{self, Blocker},
    causes::{self, Cause},
    records::Records,
};

/// Borrows from one set of records. Lists are in the order in which pages show them.
pub(crate) struct Site<'a> {
    pub(crate) records: &'a Records,
    registry: Option<&'a Registry>,
    /// The time for which the pages are made.
    pub(crate) as_of: DateTime<Utc>,
    /// The time of the newest record; `None` if there is no record.
    pub(crate) data_as_of: Option<DateTime<Utc>>,
    pub(crate) causes: Vec<Cause<'a>>,
    pub(crate) blockers: Vec<Blocker<'a>>,
    /// Every package that has a page. The entry is `None` if the package is in no queue.
    pub(crate) packages: BTreeMap<&'a PackageId, Option<&'a QueueEntry>>,
    runs_by_id: BTreeMap<&'a str, &'a RunRecord>,
    runs_by_package: BTreeMap<&'a PackageId, Vec<&'a RunRecord>>,
    failures_by_run: BTreeMap<&'a str, Vec<&'a FailureRecord>>,
    failures_by_package: BTreeMap<&'a PackageId, Vec<&'a FailureRecord>>,
    recipes: BTreeMap<&'a PackageId, &'a RecipeName>,
}

impl<'a> Site<'a> {
    pub(crate) fn new(
        records: &'a Records,
        registry: Option<&'a Registry>,
        as_of: DateTime<Utc>,
    ) -> Self {
        let mut site = Self {
            records,
            registry,
            as_of,
            data_as_of: newest(records, as_of),
            causes: causes::rank(&records.failures),
            blockers: blockers::rank(&records.queues),
            packages: BTreeMap::new(),
            runs_by_id: BTreeMap::new(),
            runs_by_package: BTreeMap::new(),
            failures_by_run: BTreeMap::new(),
            failures_by_package: BTreeMap::new(),
            recipes: BTreeMap::new(),
        };
        for failure in &records.failures {
            site.failures_by_run.entry(&failure.batch_id).or_default().push(failure);
            site.failures_by_package.entry(&failure.package_id).or_default().push(failure);
            site.packages.insert(&failure.package_id, None);
        }
        for run in &records.runs {
            site.runs_by_id.insert(&run.batch_id, run);
            let distinct: BTreeSet<&PackageId> = run.packages_processed.iter().collect();
            for id in distinct {
                site.runs_by_package.entry(id).or_default().push(run);
                site.packages.insert(id, None);
            }
        }
        for entry in records.queues.values().flat_map(BTreeMap::values) {
            site.packages.insert(&entry.id, Some(entry));
        }
        site.match_recipes();
        site
    }

    /// Finds out which recipe belongs to which package. A run lists its packages and its recipes in
    /// the same order, so the packages without a failure and the recipes match one by one. If their
    /// numbers differ, none is matched.
    fn match_recipes(&mut self) {
        for run in &self.records.runs {
            let succeeded = self.succeeded(run);
            if succeeded.len() == run.recipes_generated.len() {
                for (id, recipe) in succeeded.into_iter().zip(&run.recipes_generated) {
                    self.recipes.entry(id).or_insert(recipe);
                }
            }
        }
    }

    /// The packages of `run` without a failure record, in the order of the run.
    fn succeeded(&self, run: &'a RunRecord) -> Vec<&'a PackageId> {
        let failed: BTreeSet<&PackageId> =
            self.failures_of(&run.batch_id).iter().map(|failure| &failure.package_id).collect();
        run.packages_processed.iter().filter(|id| !failed.contains(id)).collect()
    }

    /// Whether every package of `run` without a failure record succeeded. If not, failure records
    /// are missing.
    pub(crate) fn is_complete(&self, run: &'a RunRecord) -> bool {
        u64::try_from(self.succeeded(run).len()) == Ok(run.succeeded)
    }

    /// The cause of `failure` in one line.
    pub(crate) fn headline(&self, failure: &FailureRecord) -> Headline {
        headline(&self.view(failure))
    }

    /// What a person can do about `failure`.
    pub(crate) fn remedy(&self, failure: &FailureRecord) -> Remedy {
        remedy(&self.view(failure))
    }

    fn view<'f>(&self, failure: &'f FailureRecord) -> FailureView<'f> {
        let ecosystem = &failure.package_id.ecosystem;
        let reason =
            |registry: &Registry| registry.reason(ecosystem, failure.kind(), &failure.message);
        FailureView::of_record(failure).with_own_reason(self.registry.and_then(reason))
    }

    pub(crate) fn run(&self, batch_id: &str) -> Option<&'a RunRecord> {
        self.runs_by_id.get(batch_id).copied()
    }

    pub(crate) fn runs_with(&self, id: &PackageId) -> &[&'a RunRecord] {
        self.runs_by_package.get(id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn failures_of(&self, batch_id: &str) -> &[&'a FailureRecord] {
        self.failures_by_run.get(batch_id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn failures_with(&self, id: &PackageId) -> &[&'a FailureRecord] {
        self.failures_by_package.get(id).map_or(&[], Vec::as_slice)
    }

    /// The name and the text of the recipe that a run made of `id`, if the recipe still exists.
    pub(crate) fn recipe(&self, id: &PackageId) -> Option<(&'a RecipeName, &'a str)> {
        let name = *self.recipes.get(id)?;
        Some((name, self.records.recipes.get(name)?))
    }

    /// The name of the recipe of `id`, whether or not its text is there.
    pub(crate) fn recipe_name(&self, id: &PackageId) -> Option<&'a RecipeName> {
        self.recipes.get(id).copied()
    }

    /// The entries with that status, of one ecosystem or of all, sorted by tier and id.
    pub(crate) fn entries(
        &self,
        ecosystem: Option<&EcosystemId>,
        status: Option<StatusLabel>,
    ) -> Vec<&'a QueueEntry> {
        let is_asked = |id: &EcosystemId| ecosystem.is_none_or(|asked| asked == id);
        let queues = self.records.queues.iter().filter(|(id, _)| is_asked(id));
        let mut entries: Vec<_> = queues
            .flat_map(|(_, queue)| queue.values())
            .filter(|entry| status.is_none_or(|asked| asked == entry.status.label()))
            .collect();
        entries.sort_by(|a, b| (a.tier, &a.id).cmp(&(b.tier, &b.id)));
        entries
    }

    /// Every ecosystem that occurs in the records, sorted.
    pub(crate) fn ecosystems(&self) -> BTreeSet<&'a EcosystemId> {
        let records = self.records;
        let of_runs = records.runs.iter().filter_map(|run| run.ecosystem.as_ref());
        let of_failures = records.failures.iter().map(|failure| &failure.package_id.ecosystem);
        let known = records.queues.keys().chain(records.control.ecosystems.keys());
        known.chain(of_runs).chain(of_failures).collect()
    }
}

/// The newest instant in the records that is not later than `as_of`.
fn newest(records: &Records, as_of: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let ended = |run: &RunRecord| {
        let seconds = i64::try_from(run.duration_seconds).ok().and_then(TimeDelta::try_seconds);
        run.timestamp.checked_add_signed(seconds.unwrap_or_default()).unwrap_or(run.timestamp)
    };
    let runs = records.runs.iter().map(ended);
    let failures = records.failures.iter().map(|failure| failure.timestamp);
    let transitions = records.transitions.iter().map(|transition| transition.at);
    let entries = records.queues.values().flat_map(BTreeMap::values).map(QueueEntry::waiting_since);
    let all = runs.chain(failures).chain(transitions).chain(entries);
    all.filter(|&at| !ahead::is_ahead(at, as_of)).max()
}
