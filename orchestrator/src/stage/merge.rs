//! From results to what is merged: the gates, and the attempt that is recorded.

use batch_core::{
    decide::{gate, recipe},
    model::{ActionShape, Attempt, Finding, Outcome, Stage, Verdict},
};

use crate::{
    failure::failure,
    stage::{Made, generate, validate},
};

/// The attempt at one package: what was generated, and what the environments said of it. `results`
/// is empty where there was nothing to validate.
///
/// `None` while a recipe still waits for its results.
pub fn attempt(
    item: &generate::Item,
    results: &[validate::Item],
    actions: &[ActionShape],
) -> Option<Attempt> {
    let ended_at = results.iter().map(|result| result.ended_at).max().unwrap_or(item.ended_at);
    let worked_ms = item.worked_ms + results.iter().map(|result| result.worked_ms).sum::<u64>();
    let notes = match &item.made {
        Made::Recipe(generated) => &generated.facts.notes,
        Made::Failed { notes, .. } => notes,
    };
    let attempt = |upstream_version, generated, outcome| Attempt {
        package: item.package.clone(),
        started_at: item.started_at,
        ended_at,
        worked_ms,
        upstream_version,
        notes: notes.clone(),
        generated,
        results: results.iter().map(|result| result.result.clone()).collect(),
        outcome,
    };
    let generated = match &item.made {
        Made::Recipe(generated) => generated,
        Made::Failed { upstream_version, failure, .. } => {
            let outcome = Outcome::Failed(failure.clone());
            return Some(attempt(upstream_version.clone(), false, outcome));
        }
    };
    let version = Some(generated.facts.version.clone());
    if let Some(failure) = results.iter().find_map(|result| result.failure.clone()) {
        return Some(attempt(version, true, Outcome::Failed(failure)));
    }
    // No pass, no merge: an untried recipe is never taken for a good one.
    let passed = results.iter().find(|result| result.result.verdict == Verdict::Pass)?;
    let refusal = recipe::parse(&generated.toml, actions)
        .ok()
        .and_then(|recipe| gate::run_command(&recipe).err());
    let outcome = match refusal {
        None => {
            let toml = generated.verified_by(passed.verify.as_ref(), actions);
            Outcome::Succeeded { recipe: generated.name.clone(), toml }
        }
        Some(refusal) => {
            let finding = Finding::stated(refusal.kind);
            let failure = failure(Stage::Merge, finding, &refusal.reason, &item.package);
            Outcome::Failed(Box::new(failure))
        }
    };
    Some(attempt(version, true, outcome))
}
