//! The failure records of a batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decide::fold,
    model::{
        Attempt, Delta, Environment, EnvironmentResult, Failure, FailureHead, FailureRecord,
        Outcome, Repro, Restriction, SCHEMA_VERSION, Stage, slug,
    },
};

/// A failure record, and the output to store beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureWithOutput {
    /// The record without its reference to the output, which is known after storing it.
    pub record: FailureRecord,
    /// Empty when no program ran.
    pub output: String,
    /// What repeats the attempt, as JSON, to store beside the record too; empty when nothing was made
    /// or carried out.
    pub repro: String,
}

/// The records of `delta`. A failed attempt has one for each environment that caused the failure, or
/// one without environment. A recipe that lost cells has one for each environment that failed.
pub fn failures(delta: &Delta) -> Vec<FailureWithOutput> {
    let mut n_of_id = BTreeMap::new();
    let mut noted = vec![];
    for attempt in &delta.attempts {
        let (failure, results) = match &attempt.outcome {
            // The results were good enough, and a gate refused the recipe.
            Outcome::Failed(failure) if failure.stage == Stage::Merge => (Some(failure), vec![]),
            Outcome::Failed(failure) => (Some(failure), fold::decisive(&attempt.results)),
            Outcome::Succeeded { restriction, .. } => {
                (None, removing(attempt, restriction.as_deref()))
            }
        };
        let slug = slug(attempt.package.name.as_str());
        let mut note = |failure: &Failure, result: Option<&EnvironmentResult>| {
            let id = match result.filter(|_| results.len() > 1) {
                Some(result) => format!("{}-{slug}-{}", delta.batch, result.environment),
                None => format!("{}-{slug}", delta.batch),
            };
            let n: &mut u32 = n_of_id.entry(id.clone()).or_default();
            *n += 1;
            let id = if *n == 1 { id } else { format!("{id}-{n}") };
            let mut record = failure_record(delta, attempt, failure, id);
            record.environment = result.map(|result| result.environment);
            record.sandbox = result.and_then(|result| result.sandbox.clone());
            let cell = record.environment.map(Environment::cell);
            record.removed_cell = cell.filter(|_| is_merged(attempt));
            let repro = repro(attempt, failure);
            noted.push(FailureWithOutput { record, output: failure.output.clone(), repro });
        };
        match failure {
            Some(failure) if results.is_empty() => note(failure, None),
            _ => {
                for result in &results {
                    let failure = result.failure.as_deref().or(failure.map(|failure| &**failure));
                    if let Some(failure) = failure {
                        note(failure, Some(result));
                    }
                }
            }
        }
    }
    noted
}

/// The results because of which the recipe of `attempt` lost the cells of `restriction`.
fn removing<'a>(
    attempt: &'a Attempt,
    restriction: Option<&Restriction>,
) -> Vec<&'a EnvironmentResult> {
    let removed = restriction.iter().flat_map(|restriction| &restriction.removed);
    let places: BTreeSet<Environment> =
        removed.flat_map(|cell| cell.failed_in.iter().copied()).collect();
    attempt.results.iter().filter(|result| places.contains(&result.environment)).collect()
}

fn is_merged(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Succeeded { .. })
}

/// What repeats an attempt that ended with `failure`.
fn repro(attempt: &Attempt, failure: &Failure) -> String {
    let subject = attempt.subject.as_deref().cloned();
    let steps = failure.steps.clone();
    if subject.is_none() && steps.is_empty() {
        return String::new();
    }
    let repro = Repro { schema_version: SCHEMA_VERSION, subject, steps };
    serde_json::to_string(&repro).unwrap_or_default() + "\n"
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
    record.executables_from = attempt.executables_from;
    record.workflow_run_url.clone_from(&delta.workflow_run_url);
    record
}
