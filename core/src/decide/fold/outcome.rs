//! What the results of all environments come to.

use crate::{
    decide::{clean::Cleaner, evidence, gate, recipe},
    model::{
        ActionShape, Confidence, EnvironmentResult, Failure, FailureKind, Finding, GeneratedRecipe,
        PackageId, Stage, Verdict,
    },
};

/// What became of a package that was worked on when its process died.
const LOST: &str = "the run ended before this attempt did";
/// What is said of a validation that failed without a word.
const UNEXPLAINED: &str = "the validation failed, and its cause was not recorded";

/// Whether a recipe with these `results` may be merged. The error is the failure that decides.
///
/// No pass, no merge: an untried recipe is never taken for a good one. Recipes are not constrained
/// to environments yet, so one that fails anywhere is not merged either.
pub(super) fn of_results(
    package: &PackageId,
    results: &[EnvironmentResult],
) -> Result<(), Box<Failure>> {
    match decisive(results).first() {
        Some(result) => Err(Box::new(cause(package, result))),
        None if results.iter().any(|result| result.verdict == Verdict::Pass) => Ok(()),
        None => Err(Box::new(lost(Stage::Validate, package))),
    }
}

/// Those of `results` for which a recipe is not merged: failures, else, without a pass, what was
/// skipped, else what was blocked. Empty where the results let it through.
pub(crate) fn decisive(results: &[EnvironmentResult]) -> Vec<&EnvironmentResult> {
    let with = |is_it: fn(Verdict) -> bool| -> Vec<&EnvironmentResult> {
        results.iter().filter(|result| is_it(result.verdict)).collect()
    };
    let failed = with(|verdict| verdict == Verdict::Fail);
    if !failed.is_empty() {
        return failed;
    }
    if results.iter().any(|result| result.verdict == Verdict::Pass) {
        return vec![];
    }
    let skipped = with(|verdict| matches!(verdict, Verdict::Skipped { .. }));
    if skipped.is_empty() { results.iter().collect() } else { skipped }
}

/// Whether the gates let the verified `recipe` through.
pub(super) fn through_gates(
    package: &PackageId,
    recipe: &GeneratedRecipe,
    actions: &[ActionShape],
) -> Result<(), Box<Failure>> {
    let (kind, reason) = match recipe::parse(&recipe.toml, actions) {
        Err(error) => (FailureKind::SchemaInvalid, error.to_string()),
        Ok(parsed) => match gate::run_command(&parsed) {
            Ok(()) => return Ok(()),
            Err(refusal) => (refusal.kind, refusal.reason),
        },
    };
    Err(Box::new(refused(Stage::Merge, Finding::stated(kind), &reason, package)))
}

/// The failure that `result` carries.
fn cause(package: &PackageId, result: &EnvironmentResult) -> Failure {
    result.failure.as_deref().cloned().unwrap_or_else(|| {
        let kind = FailureKind::EvidenceLost;
        let finding = Finding { kind, service: None, confidence: Confidence::Lost };
        refused(Stage::Validate, finding, UNEXPLAINED, package)
    })
}

/// An attempt whose process died.
pub(super) fn lost(stage: Stage, package: &PackageId) -> Failure {
    let kind = FailureKind::RunnerLost;
    let finding = Finding { kind, service: None, confidence: Confidence::Inferred };
    refused(stage, finding, LOST, package)
}

/// A failure without a program that failed.
pub(super) fn refused(
    stage: Stage,
    finding: Finding,
    message: &str,
    package: &PackageId,
) -> Failure {
    let message = evidence::stated(&Cleaner::default().text(message.as_bytes()));
    Failure {
        stage,
        fingerprint: evidence::fingerprint(finding.kind, &message, package.name.as_str()),
        finding,
        message,
        output: String::new(),
        exit_code: None,
        blocked_by: vec![],
    }
}
