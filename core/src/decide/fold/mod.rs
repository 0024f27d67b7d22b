//! From the facts of a batch to what it adds to the state: the only judge of outcomes.
//!
//! Facts may come from any number of files, in any order, and more than once: the same facts give
//! the same delta. Nothing half-judged is kept anywhere; whoever learns more folds again.

mod known;
mod outcome;

use chrono::{DateTime, Utc};

pub(crate) use self::outcome::decisive;
use self::{
    known::{Arrival, Known},
    outcome::{lost, refused},
};
use crate::{
    decide::{
        claims::{Claims, Taken},
        recipe,
    },
    model::{
        ActionShape, Attempt, Delta, Environment, EnvironmentResult, Fact, Failure, Finding,
        Generated, GeneratedRecipe, Made, Outcome, PackageId, PlannedPackage, Stage, Started,
        ValidationSkip, Verdict, Waiting,
    },
};

/// Everything that judging a batch depends on besides its facts.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The start of the batch, with its plan.
    pub plan: &'a Started,
    /// The steps that a recipe may use besides the common ones.
    pub actions: &'a [ActionShape],
    /// Names and commands of the recipes that are there.
    pub claims: &'a Claims,
}

/// What the batch of `context` adds to the state, as far as `facts` tell. `now` is when they are
/// looked at: the end of a batch that has not ended.
///
/// A process that ended in order interrupted what it had begun: no attempt. One that died while it
/// was at work on a package has lost that attempt, so that a package which takes its machine down
/// waits for its next turn like any other.
#[must_use]
pub fn fold<'f>(
    facts: impl IntoIterator<Item = &'f Fact>,
    context: &Context<'_>,
    now: DateTime<Utc>,
) -> Delta {
    let known = Known::of(facts, context.plan);
    let mut judge = Judge {
        known: &known,
        context,
        succeeded: Claims::default(),
        undecided: Claims::default(),
        is_generating: false,
    };
    let (mut attempts, mut deferred, mut waiting) = (vec![], vec![], vec![]);
    for planned in &context.plan.plan.packages {
        match judge.package(planned) {
            Standing::Attempted(attempt) => attempts.push(*attempt),
            Standing::Deferred => deferred.push(planned.package_id.clone()),
            Standing::Waiting(environments) => {
                waiting.push(Waiting { package_id: planned.package_id.clone(), environments });
            }
        }
    }
    attempts.sort_by_key(|attempt| attempt.ended_at);
    let is_over = known.has_ended(context.plan) || known.is_over(None) && waiting.is_empty();
    let (requests, pauses) = known.traffic();
    let Started { plan, generator, run_id, workflow_run_url, .. } = context.plan;
    Delta {
        batch: context.plan.batch_id.clone(),
        turn: plan.turn.clone(),
        probing: plan.probing,
        ended_at: if is_over { known.last_at } else { known.last_at.max(now) },
        interrupted: known.is_recovered() || !deferred.is_empty(),
        attempts,
        deferred,
        waiting,
        minutes: known.minutes(),
        generator: generator.clone(),
        requests,
        pauses,
        run_id: run_id.clone(),
        workflow_run_url: workflow_run_url.clone(),
        refused: known.refused.into_iter().collect(),
    }
}

/// Whether `facts` say that the batch of `plan` has ended, in order or not.
pub fn has_ended<'f>(facts: impl IntoIterator<Item = &'f Fact>, plan: &Started) -> bool {
    Known::of(facts, plan).has_ended(plan)
}

/// How a planned package stands.
enum Standing {
    Attempted(Box<Attempt>),
    /// Not begun, or interrupted.
    Deferred,
    /// For results of these environments.
    Waiting(Vec<Environment>),
}

/// Judges the packages of a plan, one after the other.
struct Judge<'a, 'f> {
    known: &'a Known<'f>,
    context: &'a Context<'a>,
    /// Claims of recipes that this batch has verified.
    succeeded: Claims,
    /// Claims of recipes whose results have not all arrived.
    undecided: Claims,
    /// Whether an earlier package of the plan may still become a recipe.
    is_generating: bool,
}

impl Judge<'_, '_> {
    fn package(&mut self, planned: &PlannedPackage) -> Standing {
        let package = &planned.package_id;
        let Some(generated) = self.known.generated(package) else {
            return self.not_generated(package);
        };
        let recipe = match &generated.made {
            Made::Recipe(recipe) => recipe,
            Made::Nothing(nothing) => {
                let outcome = Outcome::Failed(nothing.failure.clone());
                return self.attempted(generated, vec![], outcome);
            }
        };
        let mut results = vec![];
        let mut missing = vec![];
        for &environment in &planned.environments {
            match self.known.result(package, environment) {
                Arrival::Arrived(result) => results.push(*result),
                Arrival::Lost => results.push(lost_result(package, environment)),
                Arrival::Expected => missing.push(environment),
                Arrival::Untested => (),
            }
        }
        if !missing.is_empty() {
            self.undecided.add_generated(&recipe.name, &recipe.facts);
            return Standing::Waiting(missing);
        }
        if results.is_empty() {
            return Standing::Deferred;
        }
        results.sort_by_key(|result| result.environment);
        self.tested(generated, recipe, results)
    }

    fn not_generated(&mut self, package: &PackageId) -> Standing {
        if !self.known.is_over(None) {
            self.is_generating = true;
            return Standing::Waiting(vec![]);
        }
        match self.known.began(package, None) {
            Some(started_at) if !self.known.is_finished(None) => {
                Standing::Attempted(Box::new(Attempt {
                    package: package.clone(),
                    started_at,
                    ended_at: self.known.last_at,
                    worked_ms: 0,
                    upstream_version: None,
                    notes: vec![],
                    generated: false,
                    results: vec![],
                    outcome: Outcome::Failed(Box::new(lost(Stage::Generate, package))),
                }))
            }
            Some(_) | None => Standing::Deferred,
        }
    }

    /// A recipe whose results are all there.
    fn tested(
        &mut self,
        generated: &Generated,
        recipe: &GeneratedRecipe,
        results: Vec<EnvironmentResult>,
    ) -> Standing {
        let package = &generated.package_id;
        let verdict = outcome::of_results(package, &results)
            .and_then(|()| outcome::through_gates(package, recipe, self.context.actions));
        if let Err(failure) = verdict {
            return self.attempted(generated, results, Outcome::Failed(failure));
        }
        // Of two that want one name or command, the first of the plan has it, if it can be
        // verified: whoever is ready first decides nothing.
        if let Err(failure) = self.unclaimed(package, recipe) {
            return self.attempted(generated, results, Outcome::Failed(failure));
        }
        let is_undecided = self.undecided.check(&recipe.name, &recipe.facts).is_err();
        if is_undecided || self.is_generating {
            self.undecided.add_generated(&recipe.name, &recipe.facts);
            return Standing::Waiting(vec![]);
        }
        self.succeeded.add_generated(&recipe.name, &recipe.facts);
        let passed = results.iter().find(|result| result.verdict == Verdict::Pass);
        let verify = passed.and_then(|result| result.verify.as_ref());
        let toml = recipe::verified_by(recipe, verify, self.context.actions);
        let recipe = recipe.name.clone();
        self.attempted(generated, results, Outcome::Succeeded { recipe, toml })
    }

    fn unclaimed(&self, package: &PackageId, recipe: &GeneratedRecipe) -> Result<(), Box<Failure>> {
        let there = self.context.claims.check(&recipe.name, &recipe.facts);
        let clash = there.and_then(|()| self.succeeded.check(&recipe.name, &recipe.facts));
        clash.map_err(|Taken { kind, reason }| {
            Box::new(refused(Stage::Merge, Finding::stated(kind), &reason, package))
        })
    }

    fn attempted(
        &self,
        generated: &Generated,
        results: Vec<EnvironmentResult>,
        outcome: Outcome,
    ) -> Standing {
        let package = &generated.package_id;
        let began_at = self.known.began(package, None).unwrap_or(generated.at);
        let ends = results.iter().map(|result| self.known.ended_at(package, result));
        let ended_at = ends.fold(generated.at, DateTime::max);
        let facts = generated.made.facts();
        let worked_ms = results.iter().map(|result| result.duration_ms).sum::<u64>();
        Standing::Attempted(Box::new(Attempt {
            package: package.clone(),
            started_at: began_at,
            ended_at,
            worked_ms: worked_ms.saturating_add(generated.duration_ms),
            upstream_version: facts.map(|facts| facts.version.clone()),
            notes: facts.map(|facts| facts.notes.clone()).unwrap_or_default(),
            generated: matches!(generated.made, Made::Recipe(_)),
            results,
            outcome,
        }))
    }
}

/// What is known of a validation whose validator died.
fn lost_result(package: &PackageId, environment: Environment) -> EnvironmentResult {
    EnvironmentResult {
        environment,
        verdict: Verdict::Skipped { reason: ValidationSkip::RunnerLost },
        duration_ms: 0,
        sandbox: None,
        failure: Some(Box::new(lost(Stage::Validate, package))),
        verify: None,
    }
}

#[cfg(test)]
mod tests;
