//! The records of a run.

mod failures;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::headline::{FailureView, headline},
    model::{
        Attempt, BatchId, Consequence, Delta, EcosystemId, Environment, EnvironmentCounts,
        Exclusion, ExecutablesFrom, Failure, Outcome, PackageId, RecipeName, RecordedResult,
        RunRecord, RunnerMinutes, SCHEMA_VERSION, SlotOutcome, Stage, Turn, Verdict,
    },
};
pub use failures::{FailureWithOutput, failures};

/// Takes the place of the ecosystem in the id of a slot in which nothing ran.
const SLOT: EcosystemId = EcosystemId::from_static("slot");

/// The restrictions of the recipes of `delta`, each with the failures that are the reason.
fn exclusions(delta: &Delta) -> Vec<Exclusion> {
    let mut failure_ids: BTreeMap<PackageId, Vec<String>> = BTreeMap::new();
    for FailureWithOutput { record, .. } in failures(delta) {
        if record.removed_cell.is_some() {
            failure_ids.entry(record.package_id).or_default().push(record.id);
        }
    }
    let of = |attempt: &Attempt| match &attempt.outcome {
        Outcome::Succeeded { restriction: Some(restriction), .. } => Some(Exclusion {
            package_id: attempt.package.clone(),
            cells: restriction.removed.clone(),
            failure_ids: failure_ids.get(&attempt.package).cloned().unwrap_or_default(),
            recheck_at: restriction.recheck_at,
        }),
        Outcome::Succeeded { restriction: None, .. } | Outcome::Failed(_) => None,
    };
    delta.attempts.iter().filter_map(of).collect()
}

/// The record of a slot of `owner` in which nothing could be attempted at `now`.
pub fn empty_slot(owner: Option<EcosystemId>, now: DateTime<Utc>, reason: String) -> RunRecord {
    RunRecord {
        schema_version: SCHEMA_VERSION,
        batch_id: BatchId::new(SLOT, now).to_string(),
        ecosystem: None,
        slot: owner,
        timestamp: now,
        duration_seconds: 0,
        outcome: SlotOutcome::Skipped,
        skip_reason: Some(reason),
        sweep: None,
        total: 0,
        succeeded: 0,
        failed: 0,
        blocked: 0,
        generated: 0,
        merged: 0,
        excluded: 0,
        constrained: 0,
        exclusions: vec![],
        pull_request: None,
        requeued: 0,
        used_disambiguation: 0,
        disambiguations: vec![],
        packages_processed: vec![],
        recipes_generated: vec![],
        executables_from: BTreeMap::new(),
        environments: BTreeMap::new(),
        results: vec![],
        minutes: RunnerMinutes::default(),
        minutes_saved: RunnerMinutes::default(),
        requests: BTreeMap::new(),
        run_id: None,
        interrupted: false,
        deferred: vec![],
        deferred_for: BTreeMap::new(),
        generator: String::new(),
        workflow_run_url: None,
    }
}

/// The record of the run. `merged` is 0, because only whoever writes the recipes can count them.
pub fn run(delta: &Delta) -> RunRecord {
    let started_at = delta.batch.started_at();
    let is = |attempt: &&Attempt, blocked: bool| match &attempt.outcome {
        Outcome::Succeeded { .. } => false,
        Outcome::Failed(failure) => {
            (failure.finding.kind.consequence() == Consequence::Blocked) == blocked
        }
    };
    let recipes: Vec<_> = delta
        .attempts
        .iter()
        .filter_map(|attempt| match &attempt.outcome {
            Outcome::Succeeded { recipe, .. } => Some(recipe.clone()),
            Outcome::Failed(_) => None,
        })
        .collect();
    let exclusions = exclusions(delta);
    let (slot, outcome, skip_reason) = slot(delta);
    RunRecord {
        schema_version: SCHEMA_VERSION,
        batch_id: delta.batch.to_string(),
        ecosystem: Some(delta.batch.ecosystem().clone()),
        slot: Some(slot.clone()),
        timestamp: started_at,
        duration_seconds: (delta.ended_at - started_at).num_seconds().try_into().unwrap_or(0),
        outcome,
        skip_reason,
        sweep: delta.sweep,
        total: count(delta.attempts.len()),
        succeeded: count(recipes.len()),
        failed: count(delta.attempts.iter().filter(|attempt| is(attempt, false)).count()),
        blocked: count(delta.attempts.iter().filter(|attempt| is(attempt, true)).count()),
        generated: count(delta.attempts.iter().filter(|attempt| attempt.generated).count()),
        merged: 0,
        excluded: count(delta.attempts.iter().filter(|attempt| is_left_out(attempt)).count()),
        constrained: count(exclusions.len()),
        exclusions,
        pull_request: None,
        requeued: delta.requeued,
        used_disambiguation: 0,
        disambiguations: vec![],
        packages_processed: delta.attempts.iter().map(|attempt| attempt.package.clone()).collect(),
        recipes_generated: recipes,
        executables_from: executables_from(delta),
        environments: environments(delta),
        results: results(delta),
        minutes: delta.minutes,
        minutes_saved: delta.minutes_saved,
        requests: delta.requests.clone(),
        run_id: delta.run_id.clone(),
        interrupted: delta.interrupted,
        deferred: delta.deferred.clone(),
        deferred_for: delta.deferred_for.clone(),
        generator: delta.generator.clone(),
        workflow_run_url: delta.workflow_run_url.clone(),
    }
}

/// The ecosystem that owned the slot of `delta`, what happened to it, and why another one used it.
fn slot(delta: &Delta) -> (&EcosystemId, SlotOutcome, Option<String>) {
    match &delta.turn {
        Turn::Own => (delta.batch.ecosystem(), SlotOutcome::Ran, None),
        Turn::FellThrough { from, reason } => {
            (from, SlotOutcome::FellThrough, Some(reason.to_string()))
        }
    }
}

/// Whether the recipe of `attempt` was made, tested, and left out of the batch.
fn is_left_out(attempt: &Attempt) -> bool {
    let is_tested = attempt.results.iter().any(|result| result.verdict == Verdict::Fail);
    let is_refused = match &attempt.outcome {
        Outcome::Failed(failure) => failure.stage == Stage::Merge,
        Outcome::Succeeded { .. } => return false,
    };
    attempt.generated && (is_tested || is_refused)
}

/// Who told the commands of each verified recipe, unless it was the registry.
fn executables_from(delta: &Delta) -> BTreeMap<RecipeName, ExecutablesFrom> {
    let other = |attempt: &Attempt| match &attempt.outcome {
        Outcome::Succeeded { recipe, .. } => {
            let from = attempt.executables_from?;
            (from != ExecutablesFrom::Registry).then(|| (recipe.clone(), from))
        }
        Outcome::Failed(_) => None,
    };
    delta.attempts.iter().filter_map(other).collect()
}

fn environments(delta: &Delta) -> BTreeMap<Environment, EnvironmentCounts> {
    let mut environments: BTreeMap<_, EnvironmentCounts> = BTreeMap::new();
    for result in delta.attempts.iter().flat_map(|attempt| &attempt.results) {
        let counts = environments.entry(result.environment).or_default();
        counts.tested += u64::from(result.verdict.is_of_test());
        match result.verdict {
            Verdict::Pass => counts.passed += 1,
            Verdict::Fail => counts.failed += 1,
            Verdict::Blocked => counts.blocked += 1,
            Verdict::Skipped { reason } => {
                counts.skipped += 1;
                *counts.skip_reasons.entry(reason).or_default() += 1;
            }
        }
    }
    environments
}

fn results(delta: &Delta) -> Vec<RecordedResult> {
    let of = |attempt: &Attempt| {
        let tested = attempt.results.iter().filter(|result| result.verdict.is_of_test());
        let recorded = tested.map(|result| RecordedResult {
            package_id: attempt.package.clone(),
            environment: result.environment,
            result: result.verdict,
            tries: result.tries,
            duration_ms: result.duration_ms,
        });
        recorded.collect::<Vec<_>>()
    };
    delta.attempts.iter().flat_map(of).collect()
}

/// Why the entry of `package` is excluded or needs a person, in one line: the kind of its failure, and
/// what happened.
pub fn reason(failure: &Failure, package: &PackageId) -> String {
    let kind = failure.finding.kind.row().subcategory;
    format!("{kind}: {}", headline(&FailureView::of_attempt(failure, package)))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
