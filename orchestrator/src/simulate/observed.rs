//! What is observed in a simulation: attempts, batches, recoveries, and violated rules.

use std::collections::{BTreeMap, HashSet};

use batch_core::model::{EcosystemId, FailureRecord, PackageId, RunRecord};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// One attempt: a line of the file of `--trace`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TraceLine<'a> {
    /// When its batch started.
    pub at: DateTime<Utc>,
    /// The beginning of the slot.
    pub slot: DateTime<Utc>,
    /// The ecosystem.
    pub ecosystem: &'a EcosystemId,
    /// The batch.
    pub batch_id: &'a str,
    /// The package.
    pub package_id: &'a PackageId,
    /// Since when it had been due; absent if it was not due, but a probe of a half-open breaker.
    pub due_since: Option<DateTime<Utc>>,
    /// `succeeded`, or category and subcategory of the failure.
    pub outcome: &'a str,
}

/// Something that must not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// What happened, as a code.
    pub code: &'static str,
    /// The package or ecosystem.
    pub subject: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What was expected, and what was found.
    pub detail: String,
}

/// How a breaker closed after something was wrong with its ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Recovery {
    /// When it was over.
    pub outage_end: DateTime<Utc>,
    /// Until when the breaker was open at that time; absent if it was closed.
    pub open_until: Option<DateTime<Utc>>,
    /// When the breaker closed; absent if it was closed, or still was open at the end of the
    /// simulation.
    pub closed_at: Option<DateTime<Utc>>,
}

/// A finished batch.
pub struct Batch<'a> {
    /// The beginning of the slot.
    pub slot: DateTime<Utc>,
    /// Its record.
    pub record: &'a RunRecord,
    /// Its failures.
    pub failures: &'a [FailureRecord],
    /// Whether its attempts were probes.
    pub probing: bool,
    /// How many entries of the ecosystem were due at its end.
    pub n_due: usize,
    /// Since when the packages were due.
    pub due_since: &'a dyn Fn(&PackageId) -> Option<DateTime<Utc>>,
}

/// What a simulation has shown of one ecosystem.
#[derive(Default)]
pub struct OfEcosystem {
    /// Attempts.
    pub attempts: u64,
    /// The packages that were attempted.
    pub distinct: HashSet<PackageId>,
    /// Recipes.
    pub merged: u64,
    /// Slots, and those of them in which the breaker was open at the beginning.
    pub slots: u64,
    /// See `slots`.
    pub open_slots: u64,
    /// How long the packages waited for their first attempts since the start of the simulation.
    pub first_waits: Vec<TimeDelta>,
    /// Starts of the runs that attempted a whole batch, oldest first.
    pub batch_starts: Vec<DateTime<Utc>>,
    /// The largest number of entries that were due at the same time.
    pub max_due: usize,
    /// The largest number of batches that started while an entry was due, before it was attempted.
    pub max_wait: usize,
    /// What happened after each disturbance.
    pub recoveries: Vec<Recovery>,
    /// Attempts and recipes of each day.
    pub days: BTreeMap<NaiveDate, (u64, u64)>,
    /// When the breaker was open.
    pub open: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl OfEcosystem {
    /// In how many runs each entry has its turn.
    pub fn bound(&self, half: usize) -> usize {
        self.max_due.div_ceil(half)
    }

    /// A pull request with `n` recipes was found merged at `at`.
    pub fn merged_later(&mut self, n: u64, at: DateTime<Utc>) {
        self.merged += n;
        self.days.entry(at.date_naive()).or_default().1 += n;
    }

    /// The number of whole batches that started at `since` or later.
    pub fn n_batches_since(&self, since: DateTime<Utc>) -> usize {
        self.batch_starts.len() - self.batch_starts.partition_point(|start| *start < since)
    }
}
