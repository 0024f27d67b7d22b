//! What the pipeline is to achieve, and what it achieves.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    decide::{ahead, health::WINDOW},
    model::{
        EcosystemId, FailureKind, FailureRecord, Queue, RunRecord, SeedingRecord, Status, Tier,
    },
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SloId {
    /// Recipes that were merged in the last 7 days.
    RecipesMerged,
    /// The smallest number of pending entries of an ecosystem.
    PendingEntries,
    /// Days since an ecosystem was filled from the lists of its registry, of the one that waits
    /// longest.
    SeedAgeDays,
    /// Hours for which a curated or popular package has waited for its first attempt, of the one that
    /// waits longest.
    FirstAttemptHours,
    /// The part of the attempts of the last 7 days that ended with a verdict about the package, from 0
    /// to 1; the others met a fault of a host, a tool or the machine.
    ValidatedShare,
    /// The part of the failures of the last 7 days with evidence whose cause no rule knows, from 0 to 1.
    UnclassifiedShare,
    /// Hours for which recipes have waited for their merge, of the batch that waits longest.
    MergeWaitHours,
}

impl SloId {
    /// All of them, in the order in which they are shown.
    pub const ALL: &[Self] = &[
        Self::RecipesMerged,
        Self::PendingEntries,
        Self::SeedAgeDays,
        Self::FirstAttemptHours,
        Self::ValidatedShare,
        Self::UnclassifiedShare,
        Self::MergeWaitHours,
    ];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecipesMerged => "recipes_merged",
            Self::PendingEntries => "pending_entries",
            Self::SeedAgeDays => "seed_age_days",
            Self::FirstAttemptHours => "first_attempt_hours",
            Self::ValidatedShare => "validated_share",
            Self::UnclassifiedShare => "unclassified_share",
            Self::MergeWaitHours => "merge_wait_hours",
        }
    }

    /// What it says, for a person.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::RecipesMerged => "recipes merged in 7 days (goal: 200)",
            Self::PendingEntries => "pending entries of the emptiest queue",
            Self::SeedAgeDays => "days since the oldest seeding",
            Self::FirstAttemptHours => "hours until a wanted package is first attempted",
            Self::ValidatedShare => "part of attempts without a fault",
            Self::UnclassifiedShare => "part of failures that no rule knows",
            Self::MergeWaitHours => "hours until recipes are merged",
        }
    }

    /// The target, and whether it is the least value.
    pub const fn target(self) -> (f64, bool) {
        match self {
            Self::RecipesMerged => (10.0, true),
            Self::PendingEntries => (1.0, true),
            Self::SeedAgeDays => (30.0, false),
            Self::FirstAttemptHours => (168.0, false),
            Self::ValidatedShare => (0.9, true),
            Self::UnclassifiedShare => (0.1, false),
            Self::MergeWaitHours => (48.0, false),
        }
    }
}

/// One measure.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ServiceLevel")]
pub struct Slo {
    /// What is measured.
    pub id: SloId,
    /// The value; `null` when there is nothing to measure.
    pub value: Option<f64>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// What it is to be.
    pub target: f64,
    /// Whether the target is the least value, and not the largest.
    pub at_least: bool,
    /// Whether the target is met; `null` when there is no value.
    pub ok: Option<bool>,
}

/// Collects what is measured, record by record.
#[derive(Debug, Clone)]
pub struct SloDigest {
    now: DateTime<Utc>,
    has_run: bool,
    merged: u64,
    n_succeeded: u64,
    n_failures: u64,
    n_faults: u64,
    n_with_evidence: u64,
    n_unclassified: u64,
    /// By ecosystem that can be attempted.
    pending: BTreeMap<EcosystemId, u64>,
    seeded_at: BTreeMap<EcosystemId, DateTime<Utc>>,
    waits_since: Option<DateTime<Utc>>,
    merges_since: Option<DateTime<Utc>>,
}

impl SloDigest {
    /// The measures at `now`, before any record is added.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            has_run: false,
            merged: 0,
            n_succeeded: 0,
            n_failures: 0,
            n_faults: 0,
            n_with_evidence: 0,
            n_unclassified: 0,
            pending: BTreeMap::new(),
            seeded_at: BTreeMap::new(),
            waits_since: None,
            merges_since: None,
        }
    }

    fn is_recent(&self, at: DateTime<Utc>) -> bool {
        self.now - WINDOW <= at && !ahead::is_ahead(at, self.now)
    }

    /// Adds a run.
    pub fn run(&mut self, run: &RunRecord) {
        if self.is_recent(run.timestamp) {
            self.has_run = true;
            self.merged += run.merged;
            // A test of recipes that exist is no attempt.
            self.n_succeeded += if run.sweep.is_none() { run.succeeded } else { 0 };
        }
    }

    /// Adds a failure.
    pub fn failure(&mut self, failure: &FailureRecord) {
        if !self.is_recent(failure.timestamp) {
            return;
        }
        let kind = failure.kind();
        self.n_failures += 1;
        self.n_faults += u64::from(kind.is_not_package_fault());
        self.n_with_evidence += u64::from(kind != FailureKind::EvidenceLost);
        self.n_unclassified += u64::from(kind == FailureKind::Unclassified);
    }

    /// Adds the queue of an ecosystem.
    pub fn queue(&mut self, ecosystem: &EcosystemId, queue: &Queue) {
        let mut n_pending = 0;
        let earliest = |known: Option<DateTime<Utc>>, at: DateTime<Utc>| {
            Some(known.map_or(at, |known| known.min(at)))
        };
        for entry in queue.values() {
            match &entry.status {
                Status::Pending => {
                    n_pending += 1;
                    if entry.last_attempt_at.is_none() && entry.tier < Tier::REST {
                        self.waits_since = earliest(self.waits_since, entry.added_at);
                    }
                }
                Status::InProgress { batch } => {
                    self.merges_since = earliest(self.merges_since, batch.started_at());
                }
                Status::Success
                | Status::Failed
                | Status::Blocked { .. }
                | Status::RequiresManual { .. }
                | Status::Excluded { .. } => (),
            }
        }
        self.pending.insert(ecosystem.clone(), n_pending);
    }

    /// Adds a seeding.
    pub fn seeding(&mut self, seeding: &SeedingRecord) {
        if ahead::is_ahead(seeding.ended_at, self.now) {
            return;
        }
        let at = self.seeded_at.entry(seeding.ecosystem.clone()).or_insert(seeding.ended_at);
        *at = seeding.ended_at.max(*at);
    }

    /// The measures, in their order.
    pub fn measure(&self) -> Vec<Slo> {
        SloId::ALL.iter().map(|&id| measured(id, self.value(id))).collect()
    }

    /// The value, or why there is none.
    fn value(&self, id: SloId) -> Result<f64, &'static str> {
        const NO_RUN: &str = "nothing ran in the last 7 days";
        match id {
            SloId::RecipesMerged if !self.has_run => Err(NO_RUN),
            SloId::RecipesMerged => Ok(float(self.merged)),
            SloId::PendingEntries => {
                let fewest = self.pending.values().min().copied();
                fewest.map(float).ok_or("there is no queue")
            }
            SloId::SeedAgeDays => {
                let queued = self.seeded_at.iter().filter(|(id, _)| self.pending.contains_key(id));
                let oldest = queued.map(|(_, &at)| at).min();
                oldest.map(|at| self.since(at) / 24.0).ok_or("no seeding is recorded")
            }
            SloId::FirstAttemptHours => {
                let none = "no curated or popular package waits for its first attempt";
                self.waits_since.map(|at| self.since(at)).ok_or(none)
            }
            SloId::ValidatedShare => {
                let whole = self.n_succeeded + self.n_failures;
                share(whole - self.n_faults, whole)
                    .ok_or("nothing was attempted in the last 7 days")
            }
            SloId::UnclassifiedShare => share(self.n_unclassified, self.n_with_evidence)
                .ok_or("no failure of the last 7 days has evidence"),
            SloId::MergeWaitHours => {
                let none = "no recipe waits for its merge";
                self.merges_since.map(|at| self.since(at)).ok_or(none)
            }
        }
    }

    /// Hours since `at`.
    fn since(&self, at: DateTime<Utc>) -> f64 {
        let minutes = self.now.signed_duration_since(at).max(TimeDelta::zero()).num_minutes();
        float(minutes.unsigned_abs()) / 60.0
    }
}

fn measured(id: SloId, value: Result<f64, &'static str>) -> Slo {
    let (target, at_least) = id.target();
    let ok = value.ok().map(|value| if at_least { target <= value } else { value <= target });
    Slo { id, value: value.ok(), reason: value.err(), target, at_least, ok }
}

#[expect(clippy::cast_precision_loss, reason = "a measure is shown with few digits")]
fn float(n: u64) -> f64 {
    n as f64
}

/// `None` for a part of nothing.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| float(part) / float(whole))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::records;

    fn now() -> DateTime<Utc> {
        "2026-01-10T00:00:00Z".parse().unwrap()
    }

    fn value(digest: &SloDigest, id: SloId) -> (Option<f64>, Option<bool>) {
        let all = digest.measure();
        let slo = all.iter().find(|slo| slo.id == id).unwrap();
        assert_eq!(slo.value.is_none(), slo.reason.is_some(), "{slo:?}");
        (slo.value, slo.ok)
    }

    fn run(day: u8, merged: u64) -> RunRecord {
        serde_json::from_value(json!({
            "schema_version": 2, "batch_id": "x", "ecosystem": "zoo",
            "timestamp": format!("2026-01-{day:02}T00:00:00Z"), "duration_seconds": 1,
            "outcome": "ran", "total": 9, "succeeded": 6, "failed": 3, "blocked": 0,
            "generated": 6, "merged": merged}))
        .unwrap()
    }

    fn failure(category: &str, subcategory: &str) -> FailureRecord {
        serde_json::from_value(json!({
            "schema_version": 2, "id": "x", "package_id": "zoo:x", "ecosystem": "zoo",
            "batch_id": "x", "stage": "validate", "category": category,
            "subcategory": subcategory, "confidence": "stated", "message": "it failed",
            "fingerprint": "00000000000000ff", "timestamp": "2026-01-09T00:00:00Z"}))
        .unwrap()
    }

    #[test]
    fn without_data_there_is_no_value_and_no_verdict() {
        let digest = SloDigest::new(now());
        for &id in SloId::ALL {
            assert_eq!(value(&digest, id), (None, None), "{id:?}");
        }
    }

    #[test]
    fn only_the_last_seven_days_count() {
        let mut digest = SloDigest::new(now());
        for (day, merged) in [(9, 4), (3, 6), (2, 100), (11, 100)] {
            digest.run(&run(day, merged));
        }
        assert_eq!(value(&digest, SloId::RecipesMerged), (Some(10.0), Some(true)));
    }

    #[test]
    fn faults_are_no_verdicts_and_lost_evidence_needs_no_rule() {
        let mut digest = SloDigest::new(now());
        digest.run(&run(9, 6));
        for (category, subcategory) in [
            ("api_error", "timeout"),
            ("unknown", "unclassified"),
            ("unknown", "evidence_lost"),
            ("validation_failed", "install_failed"),
        ] {
            let kind = FailureKind::parse(category, subcategory);
            assert!(kind.is_some(), "{category}/{subcategory}");
            digest.failure(&failure(category, subcategory));
        }
        assert_eq!(value(&digest, SloId::ValidatedShare), (Some(0.9), Some(true)));
        let (unclassified, ok) = value(&digest, SloId::UnclassifiedShare);
        assert!((unclassified.unwrap() - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(ok, Some(false));
    }

    #[test]
    fn what_waits_longest_counts() {
        let id = EcosystemId::from_static("zoo");
        let mut queue = records::queue([("a", 1, 0), ("b", 3, 0), ("c", 2, 0)]);
        let days = [9, 99, 5];
        for (entry, days) in queue.values_mut().zip(days) {
            entry.added_at = now() - TimeDelta::days(days);
        }
        let mut digest = SloDigest::new(now());
        digest.queue(&id, &queue);
        assert_eq!(value(&digest, SloId::FirstAttemptHours), (Some(216.0), Some(false)));
        assert_eq!(value(&digest, SloId::PendingEntries), (Some(3.0), Some(true)));
        let batch = "zoo-2026-01-09T00-00-00Z".parse().unwrap();
        let first = queue.values_mut().next().unwrap();
        first.status = Status::InProgress { batch };
        digest.queue(&id, &queue);
        assert_eq!(value(&digest, SloId::MergeWaitHours), (Some(24.0), Some(true)));
    }
}
