//! What the ladder says about the tests of one recipe.

use super::{
    Evaluator, RUNNER_LOST,
    batch_facts::{ValidationState, in_minutes},
    outcome::lost,
};
use crate::{
    decide::ladder::{Step, steps},
    model::{
        Attempt, Environment, EnvironmentResult, PackageFacts, PackageId, PlannedPackage,
        RunnerMinutes, Stage, ValidationSkip, Verdict,
    },
};

/// The tests of a recipe.
pub(super) struct Tests {
    /// The results, and the environments in which it is not tested.
    pub(super) results: Vec<EnvironmentResult>,
    /// The environments in which it has to be tested next.
    pub(super) due: Vec<Environment>,
    /// Whether results may still come.
    pub(super) is_pending: bool,
}

impl Evaluator<'_, '_> {
    /// The tests of the recipe of `planned`, a package with these `facts`.
    pub(super) fn tests(&self, planned: &PlannedPackage, facts: &PackageFacts) -> Tests {
        let package = &planned.package_id;
        let known = |environment| self.batch_facts.known(package, environment);
        let steps = steps(&self.context.plan.plan, planned, &facts.platforms, known);
        let mut tests = Tests { results: vec![], due: vec![], is_pending: false };
        for (environment, step) in steps {
            match step {
                Step::Ended => match self.batch_facts.result(package, environment) {
                    ValidationState::Arrived(result) => tests.results.push(*result),
                    ValidationState::Lost => tests.results.push(lost_result(package, environment)),
                    ValidationState::Expected | ValidationState::Untested => (),
                },
                Step::Due => tests.due.push(environment),
                Step::Later => tests.is_pending = true,
                Step::Closed => (),
                Step::Skipped(reason) => tests.results.push(skipped_result(environment, reason)),
            }
        }
        tests.is_pending |= !tests.due.is_empty();
        tests
    }
}

/// The minutes that were not used because recipes were not promoted.
pub(super) fn minutes_saved(attempts: &[Attempt]) -> RunnerMinutes {
    let not_promoted = Verdict::Skipped { reason: ValidationSkip::NotPromoted };
    in_minutes(attempts.iter().flat_map(|attempt| {
        let longest = attempt.results.iter().map(|result| result.duration_ms).max().unwrap_or(0);
        let saved = attempt.results.iter().filter(move |result| result.verdict == not_promoted);
        saved.map(move |result| (result.environment, longest))
    }))
}

/// The result of a validation whose validator died.
fn lost_result(package: &PackageId, environment: Environment) -> EnvironmentResult {
    EnvironmentResult {
        environment,
        verdict: RUNNER_LOST,
        tries: 1,
        duration_ms: 0,
        sandbox: None,
        failure: Some(Box::new(lost(Stage::Validate, package))),
        verify: None,
    }
}

fn skipped_result(environment: Environment, reason: ValidationSkip) -> EnvironmentResult {
    EnvironmentResult {
        environment,
        verdict: Verdict::Skipped { reason },
        tries: 0,
        duration_ms: 0,
        sandbox: None,
        failure: None,
        verify: None,
    }
}
