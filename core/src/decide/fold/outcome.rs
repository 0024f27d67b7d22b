//! Combines the results of all environments.

use super::Context;
use crate::{
    decide::{
        clean::Cleaner,
        constrain::CellResults,
        evidence,
        gate::{self, Refusal},
        merge_policy::{MergePolicy, SplitCell},
        recipe,
    },
    model::{
        Cell, Confidence, Environment, EnvironmentResult, Failure, FailureKind, Finding,
        GeneratedRecipe, PackageFacts, PackageId, PlannedPackage, Recipe, RemovedCell, Stage,
        ValidationSkip, Verdict,
    },
};

/// The message for a package whose process died during the work.
const LOST: &str = "the run ended before this attempt did";
/// The message for a validation whose failure is not among the facts.
const UNEXPLAINED: &str = "the validation failed, and its cause was not recorded";

/// Whether a recipe with these `results` may be merged. The error is the failure that prevents it.
///
/// A recipe is merged if a cell is left in which it was seen to work. If it `needs_all`, because it
/// exists already, no environment may have failed.
pub(super) fn of_results(
    package: &PackageId,
    results: &[EnvironmentResult],
    needs_all: bool,
) -> Result<(), Box<Failure>> {
    let has_failed = results.iter().any(|result| result.verdict == Verdict::Fail);
    let cells = CellResults::of(results.iter().map(structural));
    if cells.is_mergeable() && !(needs_all && has_failed) {
        return Ok(());
    }
    Err(Box::new(match decisive(results).first() {
        Some(result) => cause(package, result),
        None => lost(Stage::Validate, package),
    }))
}

/// Whether a recipe that was tested where it had failed is offered in some cell again: not all of the
/// cells that were tested are `still_lost`.
pub(super) fn of_recheck(
    package: &PackageId,
    results: &[EnvironmentResult],
    still_lost: &[RemovedCell],
) -> Result<(), Box<Failure>> {
    let is_restored = |result: &EnvironmentResult| {
        let cell = result.environment.cell();
        result.verdict == Verdict::Pass && !still_lost.iter().any(|lost| lost.cell == cell)
    };
    if results.iter().any(is_restored) {
        return Ok(());
    }
    Err(Box::new(match decisive(results).first() {
        Some(result) => cause(package, result),
        None => lost(Stage::Validate, package),
    }))
}

/// What `result` says about the cell of its environment. A failure whose cause is not known, or for
/// which the package is not to blame, removes no cell.
pub(super) fn structural(result: &EnvironmentResult) -> (Environment, Verdict) {
    let is_structural = |failure: &Failure| !failure.finding.kind.is_not_package_fault();
    let verdict = match result.verdict {
        Verdict::Fail if !result.failure.as_deref().is_some_and(is_structural) => {
            Verdict::Skipped { reason: ValidationSkip::Fault }
        }
        Verdict::Pass | Verdict::Fail | Verdict::Skipped { .. } | Verdict::Blocked => {
            result.verdict
        }
    };
    (result.environment, verdict)
}

/// The results that say why a recipe is not merged, or why it loses cells: failures; or, when no
/// validation passed, those that were tested and skipped, or else the blocked ones. Where nothing was
/// tested, nothing is decided. Empty when everything passed that was tested.
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

/// The verified `recipe`, as its text says, if the gates accept it. Whether its commands may have their
/// names was decided when it was generated, because it decides whether they are run at all.
pub(super) fn through_gates(
    package: &PackageId,
    recipe: &GeneratedRecipe,
    context: &Context<'_>,
) -> Result<Recipe, Box<Failure>> {
    let &Context { actions, known, policy, .. } = context;
    let parsed = recipe::parse(&recipe.toml, actions).map_err(|error| {
        let finding = Finding::stated(FailureKind::SchemaInvalid);
        Box::new(refused(Stage::Merge, finding, &error.to_string(), package))
    })?;
    gate::name(&parsed, &recipe.name)
        .and_then(|()| gate::run_command(&parsed))
        .and_then(|()| gate::network(&parsed, actions, policy.network_gate))
        .and_then(|()| gate::dependencies(&parsed, known))
        .map_err(|refusal| Box::new(by_gate(refusal, package)))?;
    Ok(parsed)
}

/// Whether `policy` allows that a recipe loses the cells `removed`.
pub(super) fn through_split(
    package: &PackageId,
    removed: &[RemovedCell],
    policy: &MergePolicy,
) -> Result<(), Box<Failure>> {
    let split = removed.iter().find(|cell| !cell.given_up.is_empty());
    match (policy.split_cell, split) {
        (SplitCell::Remove, _) | (SplitCell::Review, None) => Ok(()),
        (SplitCell::Review, Some(RemovedCell { cell, failed_in, given_up })) => {
            let names = |places: &[Environment]| {
                places.iter().map(|&it| Environment::as_str(it)).collect::<Vec<_>>().join(", ")
            };
            let (failed, passed) = (names(failed_in), names(given_up));
            let reason = format!("of {cell} it passed in {passed} and failed in {failed}");
            let finding = Finding::stated(FailureKind::SplitCell);
            Err(Box::new(refused(Stage::Merge, finding, &reason, package)))
        }
    }
}

/// The failure of a package whose recipe a gate refuses.
pub(super) fn by_gate(refusal: Refusal, package: &PackageId) -> Failure {
    let Refusal { kind, reason, blocked_by } = refusal;
    Failure { blocked_by, ..refused(Stage::Merge, Finding::stated(kind), &reason, package) }
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
    evidence::failure(stage, finding, message, package)
}
