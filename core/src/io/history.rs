//! Reads history record by record, without loading all of it: which records are wanted, and in what
//! form they come.

use std::ops::ControlFlow;

use chrono::{DateTime, SubsecRound as _, Utc};

use crate::{
    io::{Quarantined, Records, StateError},
    model::{EcosystemId, FailureRecord, FailureSummary, Month, PackageId, RunName, RunRecord},
};

/// Which records are wanted. An absent field excludes nothing.
///
/// Instants are the starts of runs in whole seconds, because file names contain these. So a file
/// from another time need not be opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only records of this ecosystem.
    pub ecosystem: Option<EcosystemId>,
    /// Only runs that started at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only runs that started at this time or earlier.
    pub until: Option<DateTime<Utc>>,
    /// Only the run with this id.
    pub batch: Option<String>,
    /// Only failures of this package, and only runs that attempted it.
    pub package: Option<PackageId>,
    /// Only the failure with this id, and no run.
    pub failure: Option<String>,
}

/// What a visitor of history gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Visited<T> {
    /// A wanted record.
    Record(T),
    /// Something unreadable in a file that could contain wanted records.
    Damaged(Quarantined),
}

/// Gets the records one by one, and can stop.
pub type Visitor<'a, T> = &'a mut dyn FnMut(Visited<T>) -> ControlFlow<()>;

impl HistoryFilter {
    /// Only the run with this id, and its failures.
    pub fn of_batch(batch_id: &str) -> Self {
        Self { batch: Some(batch_id.to_owned()), ..Self::default() }
    }

    /// Only the failure with this id.
    pub fn of_failure(id: &str) -> Self {
        Self { failure: Some(id.to_owned()), ..Self::default() }
    }

    /// Whether `run` is wanted.
    pub fn takes_run(&self, run: &RunRecord) -> bool {
        let is_of = |id: &EcosystemId| run.ecosystem.as_ref() == Some(id);
        self.failure.is_none()
            && self.ecosystem.as_ref().is_none_or(is_of)
            && self.batch.as_ref().is_none_or(|batch| run.batch_id == *batch)
            && self.package.as_ref().is_none_or(|id| run.packages_processed.contains(id))
            && self.takes_start_of(&run.batch_id, run.timestamp)
    }

    /// Whether `failure` is wanted.
    pub fn takes_failure(&self, failure: &FailureRecord) -> bool {
        let FailureRecord { id, package_id, ecosystem, batch_id, timestamp, .. } = failure;
        self.takes_of([id, batch_id], package_id, ecosystem, *timestamp)
    }

    /// Whether the failure with this summary is wanted.
    pub fn takes_summary(&self, summary: &FailureSummary) -> bool {
        let FailureSummary { id, package_id, ecosystem, batch_id, timestamp, .. } = summary;
        self.takes_of([id, batch_id], package_id, ecosystem, *timestamp)
    }

    fn takes_of(
        &self,
        [id, batch_id]: [&str; 2],
        package_id: &PackageId,
        ecosystem: &EcosystemId,
        timestamp: DateTime<Utc>,
    ) -> bool {
        self.failure.as_ref().is_none_or(|wanted| id == wanted)
            && self.ecosystem.as_ref().is_none_or(|wanted| ecosystem == wanted)
            && self.batch.as_ref().is_none_or(|wanted| batch_id == wanted)
            && self.package.as_ref().is_none_or(|wanted| package_id == wanted)
            && self.takes_start_of(batch_id, timestamp)
    }

    /// Whether the run `batch_id` started in the wanted period. A run whose id does not say when it
    /// started counts as started at `timestamp`, the time of its record.
    fn takes_start_of(&self, batch_id: &str, timestamp: DateTime<Utc>) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let start = started_at(batch_id).unwrap_or(timestamp).trunc_subsecs(0);
        self.since.is_none_or(|since| since.trunc_subsecs(0) <= start)
            && self.until.is_none_or(|until| start <= until.trunc_subsecs(0))
    }

    /// Whether a file with the stem `name` can contain wanted records. A name of unknown form can.
    pub(crate) fn takes_name(&self, name: &str) -> bool {
        let Some(name) = RunName::parse(name) else { return true };
        let ecosystem = self.ecosystem.as_ref().or(self.package.as_ref().map(|id| &id.ecosystem));
        ecosystem.is_none_or(|id| id.as_str() == name.owner)
            && self.since.is_none_or(|since| *RunName::text_of(since) <= *name.start)
            && self.until.is_none_or(|until| *name.start <= *RunName::text_of(until))
    }

    /// Whether records of `month` can be wanted.
    pub(crate) fn takes_month(&self, month: Month) -> bool {
        let of_failure = self.failure.as_deref().map(RunName::batch_of_failure);
        let batch = self.batch.as_deref().map(Some).or(of_failure);
        let takes = |batch: Option<&str>| batch.and_then(month_of) == Some(month);
        batch.is_none_or(takes)
            && self.since.is_none_or(|since| Month::of(since) <= month)
            && self.until.is_none_or(|until| month <= Month::of(until))
    }

    /// Whether archived records of the run `batch` can be wanted.
    pub(crate) fn takes_batch(&self, batch: &str) -> bool {
        let of_failure = self.failure.as_deref().and_then(RunName::batch_of_failure);
        let only = self.batch.as_deref().or(of_failure);
        only.is_none_or(|only| only == batch) && self.takes_name(batch)
    }

    /// Texts that are in every line with a wanted record, unless they are written with escapes.
    pub(crate) fn words(&self) -> Vec<String> {
        let quoted = |text: String| serde_json::Value::from(text).to_string();
        let package = self.package.as_ref().map(|id| quoted(id.to_string()));
        let failure = self.failure.clone().map(quoted);
        package.into_iter().chain(failure).collect()
    }
}

fn month_of(batch_id: &str) -> Option<Month> {
    RunName::parse(batch_id)?.month()
}

fn started_at(batch_id: &str) -> Option<DateTime<Utc>> {
    RunName::parse(batch_id)?.started_at()
}

impl<T> Records<T> {
    /// Collects everything that `visit` yields, in its order. For results that are known to be
    /// small, or needed completely.
    pub fn collect(
        visit: impl FnOnce(Visitor<'_, T>) -> Result<(), StateError>,
    ) -> Result<Self, StateError> {
        let mut records = Self::default();
        visit(&mut |visited| {
            match visited {
                Visited::Record(record) => records.records.push(record),
                Visited::Damaged(damaged) => records.quarantined.push(damaged),
            }
            ControlFlow::Continue(())
        })?;
        Ok(records)
    }
}
