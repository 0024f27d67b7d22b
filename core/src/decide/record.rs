//! What is written down of a run.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::fold,
    model::{
        Attempt, BatchId, Consequence, Delta, EcosystemId, EnvironmentCounts, EnvironmentResult,
        Failure, FailureHead, FailureRecord, Minutes, Outcome, RunRecord, SCHEMA_VERSION,
        SlotOutcome, Turn, Verdict, slug,
    },
};

/// Stands for the ecosystem in the id of a slot that ran nothing.
const SLOT: EcosystemId = EcosystemId::from_static("slot");

/// A failure record, and the output to store beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct NotedFailure {
    /// Without its reference to the output, which storing gives.
    pub record: FailureRecord,
    /// Empty where no program ran.
    pub output: String,
}

/// The records of every attempt of `delta` that failed: one for each environment that decided it,
/// one without environment where none did.
pub fn failures(delta: &Delta) -> Vec<NotedFailure> {
    let mut n_of_id = BTreeMap::new();
    let mut noted = vec![];
    for attempt in &delta.attempts {
        let Outcome::Failed(failure) = &attempt.outcome else { continue };
        let decisive = fold::decisive(&attempt.results);
        let slug = slug(attempt.package.name.as_str());
        let mut note = |failure: &Failure, result: Option<&EnvironmentResult>| {
            let id = match result.filter(|_| decisive.len() > 1) {
                Some(result) => format!("{}-{slug}-{}", delta.batch, result.environment),
                None => format!("{}-{slug}", delta.batch),
            };
            let n: &mut u32 = n_of_id.entry(id.clone()).or_default();
            *n += 1;
            let id = if *n == 1 { id } else { format!("{id}-{n}") };
            let mut record = failure_record(delta, attempt, failure, id);
            record.environment = result.map(|result| result.environment);
            record.sandbox = result.and_then(|result| result.sandbox.clone());
            noted.push(NotedFailure { record, output: failure.output.clone() });
        };
        if decisive.is_empty() {
            note(failure, None);
        }
        for result in &decisive {
            note(result.failure.as_deref().unwrap_or(failure), Some(result));
        }
    }
    noted
}

fn failure_record(
    delta: &Delta,
    attempt: &Attempt,
    failure: &Failure,
    id: String,
) -> FailureRecord {
    let mut record = FailureRecord::new(FailureHead {
        id,
        package_id: attempt.package.clone(),
        batch_id: delta.batch.clone(),
        stage: failure.stage,
        kind: failure.finding.kind,
        confidence: failure.finding.confidence,
        message: failure.message.clone(),
        fingerprint: failure.fingerprint,
        timestamp: attempt.ended_at,
    });
    record.service.clone_from(&failure.finding.service);
    record.exit_code = failure.exit_code;
    record.generator = Some(delta.generator.clone());
    record.blocked_by.clone_from(&failure.blocked_by);
    record.notes.clone_from(&attempt.notes);
    record.workflow_run_url.clone_from(&delta.workflow_run_url);
    record
}

/// The line about a slot of `owner` in which nothing could be attempted at `now`.
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
        total: 0,
        succeeded: 0,
        failed: 0,
        blocked: 0,
        generated: 0,
        merged: 0,
        excluded: 0,
        constrained: 0,
        requeued: 0,
        used_disambiguation: 0,
        packages_processed: vec![],
        recipes_generated: vec![],
        environments: BTreeMap::new(),
        minutes: Minutes::default(),
        requests: BTreeMap::new(),
        run_id: None,
        interrupted: false,
        deferred: vec![],
        generator: String::new(),
        workflow_run_url: None,
    }
}

/// The one line about the run.
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
    let (slot, outcome, skip_reason) = match &delta.turn {
        Turn::Own => (delta.batch.ecosystem(), SlotOutcome::Ran, None),
        Turn::FellThrough { from, reason } => {
            (from, SlotOutcome::FellThrough, Some(reason.to_string()))
        }
    };
    RunRecord {
        schema_version: SCHEMA_VERSION,
        batch_id: delta.batch.to_string(),
        ecosystem: Some(delta.batch.ecosystem().clone()),
        slot: Some(slot.clone()),
        timestamp: started_at,
        duration_seconds: (delta.ended_at - started_at).num_seconds().try_into().unwrap_or(0),
        outcome,
        skip_reason,
        total: count(delta.attempts.len()),
        succeeded: count(recipes.len()),
        failed: count(delta.attempts.iter().filter(|attempt| is(attempt, false)).count()),
        blocked: count(delta.attempts.iter().filter(|attempt| is(attempt, true)).count()),
        generated: count(delta.attempts.iter().filter(|attempt| attempt.generated).count()),
        merged: count(recipes.len()),
        excluded: 0,
        constrained: 0,
        requeued: 0,
        used_disambiguation: 0,
        packages_processed: delta.attempts.iter().map(|attempt| attempt.package.clone()).collect(),
        recipes_generated: recipes,
        environments: environments(delta),
        minutes: delta.minutes,
        requests: delta.requests.clone(),
        run_id: delta.run_id.clone(),
        interrupted: delta.interrupted,
        deferred: delta.deferred.clone(),
        generator: delta.generator.clone(),
        workflow_run_url: delta.workflow_run_url.clone(),
    }
}

fn environments(delta: &Delta) -> BTreeMap<crate::model::Environment, EnvironmentCounts> {
    let mut environments: BTreeMap<_, EnvironmentCounts> = BTreeMap::new();
    for result in delta.attempts.iter().flat_map(|attempt| &attempt.results) {
        let counts = environments.entry(result.environment).or_default();
        counts.tested += 1;
        match result.verdict {
            Verdict::Pass => counts.passed += 1,
            Verdict::Fail => counts.failed += 1,
            Verdict::Skipped { .. } | Verdict::Blocked => counts.skipped += 1,
        }
    }
    environments
}

/// Why an entry is out or a person's turn, in one line.
pub fn reason(failure: &Failure) -> String {
    let kind = failure.finding.kind.row().subcategory;
    match failure.message.lines().last().filter(|line| !line.trim().is_empty()) {
        Some(line) => format!("{kind}: {}", line.trim()),
        None => kind.to_owned(),
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
