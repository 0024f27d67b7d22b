//! Groups failures by their cause, and says for each cause which packages its removal would help.
//!
//! Failures are added one by one, newest first, and forgotten at once. What is kept is bounded: at
//! most [`MAX_CLUSTERS`] causes and [`MAX_PACKAGES`] pairs of cause and package, of which only
//! hashes of 64 bits are kept. That two of a million hashes are equal by chance has a probability of
//! one in ten million.

mod targets;

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash},
};

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use targets::Sums;
pub use targets::{AffectedPopularity, Targets};

use crate::{
    decide::ahead,
    model::{FailureKind, FailureSummary, Fingerprint},
};

/// Maximal number of causes that are distinguished. The failures of further ones are only counted.
pub const MAX_CLUSTERS: usize = 200_000;

/// Maximal number of pairs of cause and package that are remembered. Beyond it the numbers of
/// packages are too low, which [`Ranking::packages_are_complete`] says.
pub const MAX_PACKAGES: usize = 3_000_000;

/// The period whose failures are compared with those of the same period before it.
pub const TREND_PERIOD: TimeDelta = TimeDelta::days(7);

/// How the number of failures changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// The first failure of the selection lies in the last 7 days.
    New,
    /// In the last 7 days there were at least twice as many failures as in the 7 days before.
    Rising,
    /// Neither of the others.
    Steady,
    /// In the last 7 days there were at most half as many failures as in the 7 days before.
    Falling,
    /// There was none in the last 7 days.
    Quiet,
}

impl Trend {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Rising => "rising",
            Self::Steady => "steady",
            Self::Falling => "falling",
            Self::Quiet => "quiet",
        }
    }
}

/// The failures with one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "FailureCluster")]
pub struct Cluster {
    /// The fingerprint that its failures have in common.
    pub fingerprint: Fingerprint,
    /// The category of its newest failure.
    pub category: &'static str,
    /// The subcategory of its newest failure.
    pub subcategory: &'static str,
    /// Number of failures.
    pub count: u64,
    /// Number of different packages that failed so.
    pub packages: u64,
    /// Number of packages that wait in a queue, have no recipe, and failed so the last time: those
    /// that removing the cause may unlock.
    pub unlocks: u64,
    /// The popularity of the packages of `unlocks`, added up for each ecosystem and unit, because
    /// different units cannot be compared. Packages of unknown popularity do not count.
    pub popularity: Vec<AffectedPopularity>,
    /// When the oldest of the failures happened.
    pub first_seen: DateTime<Utc>,
    /// When the newest of the failures happened.
    pub last_seen: DateTime<Utc>,
    /// How the number of failures changes.
    pub trend: Trend,
    /// Number of failures in the last 7 days.
    pub last_7_days: u64,
    /// Number of failures in the 7 days before these.
    pub previous_7_days: u64,
    /// The id of its newest failure.
    pub example: String,
    /// What a person can do about it.
    pub remediation: &'static str,
}

/// All causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The causes that unlock most packages come first; then those of most packages, of most
    /// failures, and with the lowest fingerprints.
    pub clusters: Vec<Cluster>,
    /// Number of all failures.
    pub n_failures: u64,
    /// Number of failures of further causes, beyond [`MAX_CLUSTERS`].
    pub n_unassigned: u64,
    /// Whether all packages were counted.
    pub packages_are_complete: bool,
}

/// Collects the failures.
#[derive(Debug)]
pub struct Clusters {
    /// The end of the period of the trend.
    end: DateTime<Utc>,
    targets: Targets,
    tallies: HashMap<Fingerprint, Tally, Hasher>,
    /// Hashes of cause and package.
    seen: HashSet<u64, Hasher>,
    /// The hash of the run of the newest failure of a package, by the hash of the package.
    newest_run: HashMap<u64, u64, Hasher>,
    n_failures: u64,
    n_unassigned: u64,
    packages_are_complete: bool,
}

/// Without random keys, so that a result can be repeated.
type Hasher = BuildHasherDefault<DefaultHasher>;

fn hash(value: impl Hash) -> u64 {
    Hasher::default().hash_one(value)
}

/// What is kept of a cause.
#[derive(Debug)]
struct Tally {
    kind: FailureKind,
    example: Box<str>,
    count: u64,
    packages: u64,
    unlocks: u64,
    popularity: Sums,
    first_seen: DateTime<Utc>,
    last_seen: DateTime<Utc>,
    last_period: u64,
    period_before: u64,
}

impl Clusters {
    /// Nothing yet. Trends are those at `end`; `targets` are the packages of the queues.
    pub fn new(end: DateTime<Utc>, targets: Targets) -> Self {
        Self {
            end,
            targets,
            tallies: HashMap::default(),
            seen: HashSet::default(),
            newest_run: HashMap::default(),
            n_failures: 0,
            n_unassigned: 0,
            packages_are_complete: true,
        }
    }

    /// Adds a failure that is not newer than those before it.
    pub fn add(&mut self, failure: &FailureSummary) {
        self.n_failures += 1;
        let is_known = self.tallies.contains_key(&failure.fingerprint);
        if !is_known && MAX_CLUSTERS <= self.tallies.len() {
            self.n_unassigned += 1;
            return;
        }
        let new = || Tally::new(failure);
        let tally = self.tallies.entry(failure.fingerprint).or_insert_with(new);
        tally.count(failure, self.end);
        let package = hash(&failure.package_id);
        let pair = hash((failure.fingerprint, package));
        if self.seen.contains(&pair) {
            return;
        }
        if MAX_PACKAGES <= self.seen.len() {
            self.packages_are_complete = false;
            return;
        }
        self.seen.insert(pair);
        tally.packages += 1;
        // The failures of one run are equally new: they are of different environments.
        let run = hash(&failure.batch_id);
        let is_newest = *self.newest_run.entry(package).or_insert(run) == run;
        if is_newest && let Some(waiting) = self.targets.waiting(package) {
            tally.unlocks += 1;
            tally.popularity.add(waiting);
        }
    }

    /// The causes of all failures that were added.
    pub fn ranking(self) -> Ranking {
        let Self { targets, end, tallies, .. } = self;
        let cluster =
            |(fingerprint, tally): (Fingerprint, Tally)| tally.cluster(fingerprint, &targets, end);
        let mut clusters: Vec<Cluster> = tallies.into_iter().map(cluster).collect();
        clusters.sort_unstable_by(|a, b| {
            let size = |cluster: &Cluster| (cluster.unlocks, cluster.packages, cluster.count);
            size(b).cmp(&size(a)).then(a.fingerprint.cmp(&b.fingerprint))
        });
        Ranking {
            clusters,
            n_failures: self.n_failures,
            n_unassigned: self.n_unassigned,
            packages_are_complete: self.packages_are_complete,
        }
    }
}

impl Tally {
    fn new(newest: &FailureSummary) -> Self {
        Self {
            kind: newest.kind(),
            example: newest.id.as_str().into(),
            count: 0,
            packages: 0,
            unlocks: 0,
            popularity: Sums::default(),
            first_seen: newest.timestamp,
            last_seen: newest.timestamp,
            last_period: 0,
            period_before: 0,
        }
    }

    fn count(&mut self, failure: &FailureSummary, end: DateTime<Utc>) {
        let at = failure.timestamp;
        self.count += 1;
        self.first_seen = self.first_seen.min(at);
        self.last_seen = self.last_seen.max(at);
        let age = end.signed_duration_since(at);
        if ahead::is_ahead(at, end) {
            // A wrong clock says nothing about a trend.
        } else if age < TREND_PERIOD {
            self.last_period += 1;
        } else if age < TREND_PERIOD * 2 {
            self.period_before += 1;
        }
    }

    fn trend(&self, end: DateTime<Utc>) -> Trend {
        let (last, before) = (self.last_period, self.period_before);
        if last == 0 {
            Trend::Quiet
        } else if end.signed_duration_since(self.first_seen) < TREND_PERIOD {
            Trend::New
        } else if before.saturating_mul(2) <= last {
            Trend::Rising
        } else if last.saturating_mul(2) <= before {
            Trend::Falling
        } else {
            Trend::Steady
        }
    }

    fn cluster(self, fingerprint: Fingerprint, targets: &Targets, end: DateTime<Utc>) -> Cluster {
        let row = self.kind.row();
        Cluster {
            fingerprint,
            category: row.category,
            subcategory: row.subcategory,
            count: self.count,
            packages: self.packages,
            unlocks: self.unlocks,
            trend: self.trend(end),
            popularity: self.popularity.named(targets),
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            last_7_days: self.last_period,
            previous_7_days: self.period_before,
            example: self.example.into_string(),
            remediation: row.remediation,
        }
    }
}

#[cfg(test)]
mod tests;
