//! What became of each package in each run.

use std::collections::{BTreeMap, HashSet};

use batch_core::{
    decide::ahead,
    model::{Consequence, EcosystemId, FailureRecord, PackageId, RunRecord, Verdict},
};
use chrono::{DateTime, Utc};

use crate::Map;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// Its recipe was installed and verified, wherever it was tested.
    Verified,
    /// Its recipe was verified in some environments and failed in others.
    VerifiedInPart,
    /// It failed because of the package.
    Failed,
    /// It needs recipes that do not exist.
    Blocked,
    /// A service or a machine failed, which does not count against the package.
    Spared,
    /// No record says how it ended.
    Unknown,
}

impl Ended {
    /// The word in class names and filters.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::VerifiedInPart => "verified_in_part",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Spared => "transient",
            Self::Unknown => "not_recorded",
        }
    }

    pub(crate) const fn is_verified(self) -> bool {
        matches!(self, Self::Verified | Self::VerifiedInPart)
    }

    fn of(failures: &[&FailureRecord]) -> Self {
        let consequences = || failures.iter().map(|failure| failure.kind().consequence());
        if consequences().any(|it| it == Consequence::Blocked) {
            Self::Blocked
        } else if consequences().all(|it| it == Consequence::Spared) {
            Self::Spared
        } else {
            Self::Failed
        }
    }
}

/// One attempt at one package.
#[derive(Debug)]
pub(crate) struct Tried<'a> {
    pub(crate) package: &'a PackageId,
    pub(crate) batch_id: &'a str,
    /// The record of the run; runs of imported failures have none.
    pub(crate) run: Option<&'a RunRecord>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) ended: Ended,
    /// Newest first. Several if it failed in several environments.
    pub(crate) failures: Vec<&'a FailureRecord>,
}

/// All attempts, with the way to find those of a run.
#[derive(Debug, Default)]
pub(crate) struct Attempts<'a> {
    pub(crate) all: Vec<Tried<'a>>,
    by_batch: Map<&'a str, Vec<usize>>,
}

impl<'a> Attempts<'a> {
    /// From `runs` and `failures`, each newest first.
    pub(crate) fn new(runs: &'a [RunRecord], failures: &'a [FailureRecord]) -> Self {
        let mut of_batch: Map<&str, BTreeMap<&PackageId, Vec<&FailureRecord>>> = Map::default();
        for failure in failures {
            let of_package = of_batch.entry(&failure.batch_id).or_default();
            of_package.entry(&failure.package_id).or_default().push(failure);
        }
        let mut attempts = Self::default();
        for run in runs {
            let failures = of_batch.remove(&*run.batch_id).unwrap_or_default();
            attempts.add_run(run, failures);
        }
        // Those of runs without a record.
        let others: BTreeMap<_, _> = of_batch.into_iter().collect();
        for (batch_id, failures) in others {
            for (id, failed) in failures {
                attempts.push((id, batch_id), None, failed);
            }
        }
        attempts
    }

    fn add_run(
        &mut self,
        run: &'a RunRecord,
        mut failures: BTreeMap<&'a PackageId, Vec<&'a FailureRecord>>,
    ) {
        let first = self.all.len();
        let mut seen = HashSet::new();
        for id in run.packages_processed.iter().filter(|id| seen.insert(*id)) {
            let failed = failures.remove(id).unwrap_or_default();
            self.push((id, &run.batch_id), Some(run), failed);
        }
        // Runs of imported data do not list their packages.
        for (id, failed) in failures {
            self.push((id, &run.batch_id), Some(run), failed);
        }
        let n_verified = self.all[first..].iter().filter(|tried| tried.ended.is_verified()).count();
        if u64::try_from(n_verified) != Ok(run.succeeded) {
            // Failure records are missing, so an attempt without one need not have succeeded.
            let verified = self.all[first..].iter_mut();
            verified
                .filter(|tried| tried.ended == Ended::Verified)
                .for_each(|tried| tried.ended = Ended::Unknown);
        }
    }

    fn push(
        &mut self,
        (package, batch_id): (&'a PackageId, &'a str),
        run: Option<&'a RunRecord>,
        failures: Vec<&'a FailureRecord>,
    ) {
        let has_passed = || {
            let results = run.into_iter().flat_map(|run| &run.results);
            results.into_iter().any(|it| it.package_id == *package && it.result == Verdict::Pass)
        };
        let ended = match () {
            () if failures.is_empty() => Ended::Verified,
            () if has_passed() => Ended::VerifiedInPart,
            () => Ended::of(&failures),
        };
        let at = failures.first().map(|failure| failure.timestamp);
        let at = at.or(run.map(|run| run.timestamp)).unwrap_or_default();
        let i = self.all.len();
        self.by_batch.entry(batch_id).or_default().push(i);
        self.all.push(Tried { package, batch_id, run, at, ended, failures });
    }

    /// The attempts of a run, in its order.
    pub(crate) fn of_batch(&self, batch_id: &str) -> impl Iterator<Item = &Tried<'a>> {
        let indexes = self.by_batch.get(batch_id).map_or(&[][..], Vec::as_slice);
        indexes.iter().map(|&i| &self.all[i])
    }

    /// The runs that attempted something, in no order.
    pub(crate) fn batches(&self) -> impl Iterator<Item = &'a str> {
        self.by_batch.keys().copied()
    }

    /// The runs that attempted something, newest first, with the times of their newest attempts. Only
    /// attempts at packages of `ecosystem` count, and none in the future.
    pub(crate) fn newest_batches(
        &self,
        ecosystem: Option<&EcosystemId>,
        as_of: DateTime<Utc>,
    ) -> Vec<(&'a str, DateTime<Utc>)> {
        let counts = |tried: &&Tried<'_>| {
            ecosystem.is_none_or(|id| tried.package.ecosystem == *id)
                && !ahead::is_ahead(tried.at, as_of)
        };
        let newest = |(batch, indexes): (&&'a str, &Vec<usize>)| {
            let attempts = indexes.iter().map(|&i| &self.all[i]);
            Some((*batch, attempts.filter(counts).map(|tried| tried.at).max()?))
        };
        let mut batches: Vec<_> = self.by_batch.iter().filter_map(newest).collect();
        batches.sort_by(|a, b| (b.1, b.0).cmp(&(a.1, a.0)));
        batches
    }
}
