//! Combines the results of all environments.

use crate::{
    decide::{clean::Cleaner, evidence, gate, recipe},
    model::{
        ActionShape, Cell, Confidence, Environment, EnvironmentResult, Failure, FailureKind,
        Finding, GeneratedRecipe, PackageFacts, PackageId, PlannedPackage, Stage, Verdict,
    },
};

/// The message for a package whose process died during the work.
const LOST: &str = "the run ended before this attempt did";
/// The message for a validation whose failure is not among the facts.
const UNEXPLAINED: &str = "the validation failed, and its cause was not recorded";

/// Whether a recipe with these `results` may be merged. The error is the failure that prevents it.
///
/// A recipe without any passed validation is not merged, because it was never tried. Recipes are
/// not restricted to environments yet, so a recipe that fails in any environment is not merged
/// either.
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

/// The results that prevent the merge: failures; or, when no validation passed, those that were
/// tested and skipped, or else the blocked ones. Where nothing was tested, nothing is decided. Empty
/// when the results allow the merge.
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
    let faults = with(|verdict| matches!(verdict, Verdict::Skipped { .. }) && verdict.is_of_test());
    if faults.is_empty() { with(|verdict| verdict == Verdict::Blocked) } else { faults }
}

/// The failure of a package that is for none of the environments in which `planned` could be tested;
/// `None` if the budget is the reason why it was not tested.
pub(super) fn unsupported(planned: &PlannedPackage, facts: &PackageFacts) -> Option<Failure> {
    let platforms = &facts.platforms;
    let is_supported = |place: &Environment| platforms.contains(&place.cell());
    let is_for_none = !platforms.is_empty()
        && !planned.environments.is_empty()
        && !planned.environments.iter().chain(&planned.over_budget).any(is_supported);
    let cells: Vec<&str> = platforms.iter().map(|&cell| Cell::as_str(cell)).collect();
    let message =
        format!("the package is only for {}, where this run tests nothing", cells.join(", "));
    is_for_none.then(|| {
        let finding = Finding::stated(FailureKind::NoBottle);
        refused(Stage::Validate, finding, &message, &planned.package_id)
    })
}

/// Whether the gates accept the verified `recipe`.
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

/// The failure of `result`.
fn cause(package: &PackageId, result: &EnvironmentResult) -> Failure {
    let missing = || unrecorded(Stage::Validate, UNEXPLAINED, package);
    result.failure.as_deref().cloned().unwrap_or_else(missing)
}

/// The failure of an attempt whose process died.
pub(super) fn lost(stage: Stage, package: &PackageId) -> Failure {
    unrecorded(stage, LOST, package)
}

/// The failure of an attempt of which a fact is missing that its stage always records. The machine
/// that worked on it died, or the facts were not brought here completely. This says nothing about the
/// package, so it is no lost evidence of a failure of the package: the package is tried again soon.
pub(super) fn unrecorded(stage: Stage, message: &str, package: &PackageId) -> Failure {
    let kind = FailureKind::RunnerLost;
    let finding = Finding { kind, service: None, confidence: Confidence::Inferred };
    refused(stage, finding, message, package)
}

/// A failure that is not the failure of a program.
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
        steps: vec![],
    }
}
