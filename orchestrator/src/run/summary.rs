//! What a run says at its end: to a person, and as JSON.

use std::fmt;

use batch_core::{
    decide::apply,
    model::{
        Attempt, BatchId, Delta, EcosystemId, Outcome, PackageId, PackageName, RecipeName,
        SkipReason,
    },
    persist::Persisted,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A run, as `run --json` prints it.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Summary {
    /// Earlier runs that had ended without a record, and are recorded now.
    pub recovered: Vec<BatchId>,
    /// Queue entries brought up to date with the recipes that are there.
    pub reconciled: usize,
    /// One for each ecosystem that ran.
    pub batches: Vec<BatchSummary>,
    /// Ecosystems passed over.
    pub skipped: Vec<SkippedEcosystem>,
    /// Whether Ctrl-C ended it; what had ended before is recorded.
    pub interrupted: bool,
}

/// One batch.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the run record says it")]
pub struct BatchSummary {
    pub batch_id: BatchId,
    pub ecosystem: EcosystemId,
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub blocked: u64,
    pub duration_seconds: u64,
    pub attempts: Vec<AttemptSummary>,
    /// What became of the breaker, where it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<String>,
}

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttemptSummary {
    /// What was attempted.
    pub package_id: PackageId,
    /// The newest version, if the registry said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The recipe that installed and verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeName>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureSummary>,
    /// What a person should know of the package.
    pub notes: Vec<String>,
    /// Time worked on it, waiting for its turn aside, in milliseconds.
    pub duration_ms: u64,
}

/// Why an attempt failed, in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the failure record says it")]
pub struct FailureSummary {
    pub category: String,
    pub subcategory: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<PackageName>,
}

/// An ecosystem that was passed over.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SkippedEcosystem {
    /// Which.
    pub ecosystem: EcosystemId,
    /// Why.
    pub reason: SkipReason,
    /// The reason in words.
    pub message: String,
}

impl From<&(EcosystemId, SkipReason)> for SkippedEcosystem {
    fn from((ecosystem, reason): &(EcosystemId, SkipReason)) -> Self {
        let message = reason.to_string();
        Self { ecosystem: ecosystem.clone(), reason: reason.clone(), message }
    }
}

impl From<&batch_core::model::Failure> for FailureSummary {
    fn from(failure: &batch_core::model::Failure) -> Self {
        let row = failure.finding.kind.row();
        Self {
            category: row.category.to_owned(),
            subcategory: row.subcategory.to_owned(),
            message: failure.message.clone(),
            blocked_by: failure.blocked_by.clone(),
        }
    }
}

impl From<&Attempt> for AttemptSummary {
    fn from(attempt: &Attempt) -> Self {
        let (recipe, failure) = match &attempt.outcome {
            Outcome::Succeeded { recipe, .. } => (Some(recipe.clone()), None),
            Outcome::Failed(failure) => (None, Some((&**failure).into())),
        };
        Self {
            package_id: attempt.package.clone(),
            version: attempt.upstream_version.clone(),
            recipe,
            failure,
            notes: attempt.notes.clone(),
            duration_ms: attempt.worked_ms,
        }
    }
}

impl BatchSummary {
    /// What `delta` was, and what persisting it changed.
    pub(super) fn new(delta: &Delta, persisted: &Persisted) -> Self {
        let record = batch_core::decide::record::run(delta);
        let moved = match persisted {
            Persisted::Now { transition, .. } => transition.as_ref(),
            Persisted::Before => None,
        };
        Self {
            batch_id: delta.batch.clone(),
            ecosystem: delta.batch.ecosystem().clone(),
            total: record.total,
            succeeded: record.succeeded,
            failed: record.failed,
            blocked: record.blocked,
            duration_seconds: record.duration_seconds,
            attempts: delta.attempts.iter().map(Into::into).collect(),
            breaker: moved
                .map(|moved| format!("breaker {}: {}", apply::describe(moved), moved.reason)),
        }
    }
}

/// For a person.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for batch in &self.recovered {
            writeln!(f, "Recovered {batch}, which had ended without a record.")?;
        }
        if self.reconciled > 0 {
            writeln!(f, "Reconciled {} queue entries with the recipes on disk.", self.reconciled)?;
        }
        for batch in &self.batches {
            write!(f, "{batch}")?;
        }
        if self.batches.is_empty() {
            writeln!(f, "Nothing could be attempted:")?;
            for skipped in &self.skipped {
                writeln!(f, "  {:<10} {}", skipped.ecosystem, skipped.message)?;
            }
        }
        if self.interrupted {
            writeln!(f, "Interrupted: what had ended is recorded, the rest is still queued.")?;
        }
        Ok(())
    }
}

impl fmt::Display for BatchSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch_id, total, succeeded, duration_seconds, .. } = self;
        writeln!(f, "{batch_id}: {succeeded} of {total} verified in {duration_seconds} s")?;
        for attempt in &self.attempts {
            let version = attempt.version.as_deref().unwrap_or("-");
            let package = &attempt.package_id;
            match (&attempt.recipe, &attempt.failure) {
                (Some(recipe), _) => {
                    writeln!(f, "  ok    {package} {version}  ->  recipe {recipe}")?;
                }
                (None, Some(failure)) => {
                    let FailureSummary { category, subcategory, message, .. } = failure;
                    writeln!(f, "  fail  {package} {version}  {category}/{subcategory}")?;
                    let last = message.lines().last().unwrap_or_default();
                    writeln!(f, "        {last}")?;
                }
                (None, None) => (),
            }
        }
        if let Some(breaker) = &self.breaker {
            writeln!(f, "  {breaker}")?;
        }
        if self.failed + self.blocked > 0 {
            writeln!(f, "  Details: tsuku-batch failures list --batch {batch_id}")?;
        }
        Ok(())
    }
}
