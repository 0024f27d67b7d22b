//! The summary at the end of a run, for a person and as JSON.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::apply,
    model::{
        Attempt, BatchId, Delta, EcosystemId, ExecutablesFrom, Failure, Outcome, PackageId,
        PackageName, RecipeName, RunRecord, Skip,
    },
    persist::Persisted,
    plugin::Registry,
};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{SkippedEcosystem, next_step::next_step};
use crate::{counted::counted, explained};

/// A run, in the form of `run --json`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Summary {
    /// The run, `run-<time>`; empty for one of which only what was left is written.
    pub run_id: String,
    /// Earlier runs that had ended without a record and are recorded now.
    pub recovered: Vec<BatchId>,
    /// Number of queue entries that changed because recipes were added or removed.
    pub reconciled: usize,
    /// Number of queue entries that changed because of decisions about sources, taken names, or what
    /// packages wait for.
    pub requeued: usize,
    /// The packages that were asked for and were not attempted, with the reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_attempted: Vec<Skip>,
    /// One for each ecosystem that ran.
    pub batches: Vec<BatchSummary>,
    /// Ecosystems that were skipped.
    pub skipped: Vec<SkippedEcosystem>,
    /// Whether Ctrl-C ended it. Everything that had ended before is recorded.
    pub interrupted: bool,
    /// The record of a slot in which nothing could be attempted, if it is to be kept.
    #[serde(skip)]
    pub empty_slot: Option<RunRecord>,
}

/// One batch.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the run record says it")]
pub struct BatchSummary {
    pub batch_id: BatchId,
    pub ecosystem: EcosystemId,
    /// Whether it was written into the state now.
    pub recorded: Recording,
    pub total: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub blocked: u64,
    /// Planned and not attempted: still due.
    pub deferred: u64,
    /// Hosts whose pauses kept packages from being attempted, and until when.
    pub deferred_for: BTreeMap<String, DateTime<Utc>>,
    pub duration_seconds: u64,
    /// Empty if `merge` finds that the batch was recorded before.
    pub attempts: Vec<AttemptSummary>,
    /// How the breaker changed, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breaker: Option<String>,
}

/// When a batch was written into the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// Now.
    Now,
    /// Before, with the same results. Nothing was written.
    Before,
    /// Before, with other results. Nothing was written, and later results are not used.
    BeforeWithOtherResults,
    /// Not yet: it is kept for `merge --push --resume`.
    Kept,
}

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttemptSummary {
    /// The package.
    pub package_id: PackageId,
    /// The newest version, if the registry named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The recipe that was installed and verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeName>,
    /// Why there is no recipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureSummary>,
    /// Who told the commands; absent if they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executables_from: Option<ExecutablesFrom>,
    /// What a person should know about the package.
    pub notes: Vec<String>,
    /// How long the work took, without waiting, in milliseconds.
    pub duration_ms: u64,
}

/// Why an attempt failed, in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the failure record says it")]
pub struct FailureSummary {
    pub category: String,
    pub subcategory: String,
    /// What happened, to what, and whose fault it is; one line.
    pub headline: String,
    pub message: String,
    /// What a person can do about it.
    pub remediation: String,
    /// A command for a POSIX shell that does it or shows more; absent where nobody needs to do
    /// anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<PackageName>,
}

impl FailureSummary {
    /// The summary of a failed attempt at `package`.
    pub fn new(failure: &Failure, package: &PackageId, registry: &Registry) -> Self {
        let row = failure.finding.kind.row();
        let (headline, remedy) = explained::of_attempt(failure, package, registry);
        Self {
            category: row.category.to_owned(),
            subcategory: row.subcategory.to_owned(),
            headline: headline.line,
            message: failure.message.clone(),
            remediation: remedy.text,
            command: remedy.command,
            blocked_by: failure.blocked_by.clone(),
        }
    }
}

impl AttemptSummary {
    fn new(attempt: &Attempt, registry: &Registry) -> Self {
        let (recipe, failure) = match &attempt.outcome {
            Outcome::Succeeded { recipe, .. } => (Some(recipe.clone()), None),
            Outcome::Failed(failure) => {
                (None, Some(FailureSummary::new(failure, &attempt.package, registry)))
            }
        };
        Self {
            package_id: attempt.package.clone(),
            version: attempt.upstream_version.clone(),
            recipe,
            failure,
            executables_from: attempt.executables_from,
            notes: attempt.notes.clone(),
            duration_ms: attempt.worked_ms,
        }
    }
}

impl BatchSummary {
    /// The summary of `delta`, and what writing it changed.
    pub(crate) fn new(delta: &Delta, persisted: &Persisted, registry: &Registry) -> Self {
        let record = batch_core::decide::record::run(delta);
        let (recorded, moved) = match persisted {
            Persisted::Now { transition, .. } => (Recording::Now, transition.as_ref()),
            Persisted::Before => (Recording::Before, None),
        };
        Self {
            attempts: delta
                .attempts
                .iter()
                .map(|attempt| AttemptSummary::new(attempt, registry))
                .collect(),
            breaker: moved
                .map(|moved| format!("breaker {}: {}", apply::describe(moved), moved.reason)),
            ..Self::of_record(delta.batch.clone(), &record, recorded)
        }
    }

    /// The summary of `delta`, which is kept and not written into the state.
    pub(super) fn kept(delta: &Delta, registry: &Registry) -> Self {
        let kept = Self::new(delta, &Persisted::Before, registry);
        Self { recorded: Recording::Kept, ..kept }
    }

    /// The summary of `batch`, whose record was written before if `recorded` says so.
    pub(super) fn of_record(batch: BatchId, record: &RunRecord, recorded: Recording) -> Self {
        Self {
            ecosystem: batch.ecosystem().clone(),
            batch_id: batch,
            recorded,
            total: record.total,
            succeeded: record.succeeded,
            failed: record.failed,
            blocked: record.blocked,
            deferred: u64::try_from(record.deferred.len()).unwrap_or(u64::MAX),
            deferred_for: record.deferred_for.clone(),
            duration_seconds: record.duration_seconds,
            attempts: vec![],
            breaker: None,
        }
    }
}

/// In words for a person.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for batch in &self.recovered {
            writeln!(f, "Recorded {batch}, a batch of an earlier run that was interrupted.")?;
        }
        if self.reconciled > 0 {
            writeln!(
                f,
                "Updated {} queue entries according to the recipes on disk.",
                self.reconciled
            )?;
        }
        if self.requeued > 0 {
            let n = counted(self.requeued, "queue entry", "queue entries");
            writeln!(f, "Updated {n} according to overrides, names and dependencies.")?;
        }
        for batch in &self.batches {
            write!(f, "{batch}")?;
        }
        for Skip { package_id, reason } in &self.not_attempted {
            writeln!(f, "  not attempted: {package_id}: {reason}")?;
        }
        if self.batches.is_empty() {
            writeln!(f, "Nothing could be attempted:")?;
            for skipped in &self.skipped {
                writeln!(f, "  {}: {}", skipped.ecosystem, skipped.message)?;
            }
        }
        if self.interrupted {
            writeln!(
                f,
                "Interrupted: finished attempts are recorded; the other packages stay in the queue."
            )?;
        }
        writeln!(f, "Next: {}", next_step(self))
    }
}

impl fmt::Display for BatchSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch_id, total, succeeded, duration_seconds, .. } = self;
        let results = format!("{succeeded} of {total} verified");
        match self.recorded {
            Recording::Now => writeln!(f, "{batch_id}: {results} in {duration_seconds} s")?,
            Recording::Kept => writeln!(
                f,
                "{batch_id}: {results} in {duration_seconds} s; it is kept, to be pushed"
            )?,
            Recording::Before => {
                writeln!(f, "{batch_id}: recorded before ({results}); there is nothing to do")?;
            }
            Recording::BeforeWithOtherResults => writeln!(
                f,
                "{batch_id}: recorded before ({results}); the later results in the folder change nothing"
            )?,
        }
        for attempt in &self.attempts {
            let version = attempt.version.as_deref().unwrap_or("-");
            let package = &attempt.package_id;
            match (&attempt.recipe, &attempt.failure) {
                (Some(recipe), _) => {
                    let from = match attempt.executables_from {
                        Some(ExecutablesFrom::Installation) => "  (commands from installation)",
                        Some(ExecutablesFrom::Registry) | None => "",
                    };
                    writeln!(f, "  ok    {package} {version}  ->  recipe {recipe}{from}")?;
                }
                (None, Some(failure)) => {
                    let FailureSummary { category, subcategory, headline, .. } = failure;
                    writeln!(f, "  fail  {package} {version}  {category}/{subcategory}")?;
                    writeln!(f, "        {headline}")?;
                }
                (None, None) => (),
            }
        }
        if self.deferred > 0 {
            let deferred = counted(self.deferred, "package is", "packages are");
            write!(f, "  {deferred} not attempted and still due")?;
            for (i, (host, until)) in self.deferred_for.iter().enumerate() {
                let comma = if i == 0 { ":" } else { "," };
                write!(f, "{comma} {host} asked for a pause until {}", until.trunc_subsecs(0))?;
            }
            writeln!(f)?;
        }
        if let Some(breaker) = &self.breaker {
            writeln!(f, "  {breaker}")?;
        }
        Ok(())
    }
}
