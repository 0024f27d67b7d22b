//! Derives what a batch adds to the state from its facts. This is the only place that decides
//! outcomes.
//!
//! Facts may come from any number of files, in any order, and more than once: the same facts give
//! the same delta. Partial results are not stored anywhere; whoever gets more facts folds all of
//! them again.

mod batch_facts;
mod discovery;
mod fact_key;
mod ladder_arm;
mod outcome;
mod tested;

use chrono::{DateTime, Utc};

pub(in crate::decide) use self::batch_facts::BatchFacts;
pub(crate) use self::outcome::decisive;
use self::{
    discovery::Subject,
    ladder_arm::{Tests, minutes_saved},
    outcome::{lost, unsupported},
};
use crate::{
    decide::{merge_policy::MergePolicy, name_registry::NameRegistry},
    model::{
        ActionShape, Attempt, Delta, Environment, EnvironmentResult, Fact, Generated, KnownRecipes,
        Outcome, PlannedPackage, Stage, Started, UndecidedPackage, ValidationSkip, Verdict,
    },
};

/// Everything besides the facts that the result depends on.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The start of the batch, with its plan.
    pub plan: &'a Started,
    /// The steps that only some recipes may use.
    pub actions: &'a [ActionShape],
    /// The names and the commands of the existing recipes.
    pub name_registry: &'a NameRegistry,
    /// The existing recipes that others can depend on.
    pub known: &'a KnownRecipes,
    /// What an operator allows to be merged.
    pub policy: &'a MergePolicy,
}

/// What the batch of `context` adds to the state according to `facts`. `now` is the time of the
/// call; it is the end of a batch that has not ended.
///
/// Work that a process had begun and not ended was interrupted and is no attempt, whether the process
/// ended normally or died. Only if it died, and the process that worked on the same package before
/// died too, the attempt counts as failed, so that a package that brings its machine down waits for
/// its next turn like any other.
#[must_use]
pub fn fold<'f>(
    facts: impl IntoIterator<Item = &'f Fact>,
    context: &Context<'_>,
    now: DateTime<Utc>,
) -> Delta {
    let batch_facts = BatchFacts::of(facts, context.plan);
    let mut evaluator = Evaluator {
        batch_facts: &batch_facts,
        context,
        succeeded: NameRegistry::default(),
        made: KnownRecipes::default(),
        undecided: NameRegistry::default(),
        is_generating: false,
    };
    let (mut attempts, mut deferred, mut lost, mut waiting) = (vec![], vec![], vec![], vec![]);
    for planned in &context.plan.plan.packages {
        match evaluator.package(planned) {
            PackageState::Attempted(attempt) => attempts.push(*attempt),
            PackageState::Deferred => deferred.push(planned.package_id.clone()),
            PackageState::Lost => {
                deferred.push(planned.package_id.clone());
                lost.push(planned.package_id.clone());
            }
            PackageState::Undecided(environments) => {
                waiting.push(UndecidedPackage {
                    package_id: planned.package_id.clone(),
                    environments,
                });
            }
        }
    }
    attempts.sort_by_key(|attempt| attempt.ended_at);
    let is_over =
        batch_facts.has_ended(context.plan) || batch_facts.is_over(None) && waiting.is_empty();
    let (requests, pauses) = batch_facts.traffic();
    let Started { plan, generator, run_id, workflow_run_url, requeued, .. } = context.plan;
    Delta {
        batch: context.plan.batch_id.clone(),
        turn: plan.turn.clone(),
        probing: plan.probing,
        sweep: plan.sweep,
        ended_at: if is_over { batch_facts.last_at } else { batch_facts.last_at.max(now) },
        interrupted: batch_facts.is_recovered() || !deferred.is_empty(),
        deferred,
        deferred_for: batch_facts.deferred_for(),
        lost,
        waiting,
        minutes: batch_facts.minutes(),
        minutes_saved: minutes_saved(&attempts),
        attempts,
        generator: generator.clone(),
        requests,
        pauses,
        run_id: run_id.clone(),
        workflow_run_url: workflow_run_url.clone(),
        requeued: *requeued,
        refused: batch_facts.refused.into_iter().collect(),
    }
}

/// Whether `facts` say that the batch of `plan` has ended, normally or not.
pub fn has_ended<'f>(facts: impl IntoIterator<Item = &'f Fact>, plan: &Started) -> bool {
    BatchFacts::of(facts, plan).has_ended(plan)
}

/// The state of a planned package.
enum PackageState {
    Attempted(Box<Attempt>),
    /// Work on it did not begin, was interrupted, or was not possible because a host asked for a pause.
    Deferred,
    /// A process died while it worked on it, for the first time in a row.
    Lost,
    /// It waits, for now for results of these environments.
    Undecided(Vec<Environment>),
}

/// Decides the packages of a plan, one after the other.
struct Evaluator<'a, 'f> {
    batch_facts: &'a BatchFacts<'f>,
    context: &'a Context<'a>,
    /// Names and commands of the recipes that this batch has verified.
    succeeded: NameRegistry,
    /// The same recipes, with the packages that they satisfy.
    made: KnownRecipes,
    /// Names and commands of recipes whose results have not all arrived.
    undecided: NameRegistry,
    /// Whether an earlier package of the plan may still get a recipe.
    is_generating: bool,
}

impl Evaluator<'_, '_> {
    fn package(&mut self, planned: &PlannedPackage) -> PackageState {
        let package = &planned.package_id;
        let Some(generated) = self.batch_facts.generated(package) else {
            return self.not_generated(planned);
        };
        let subject = match Subject::of(generated, self.batch_facts) {
            Ok(subject) => subject,
            Err(failure) => {
                let outcome = Outcome::Failed(Box::new(failure.clone()));
                return self.attempted(generated, vec![], outcome);
            }
        };
        let Tests { mut results, due, is_pending } = self.tests(planned, subject.facts);
        if is_pending {
            self.undecided.add_generated(subject.name, subject.facts);
            // Any command may turn out to belong to it.
            self.is_generating |= !subject.has_recipe();
            return PackageState::Undecided(due);
        }
        let is_tested = |result: &&EnvironmentResult| result.verdict.is_of_test();
        if !results.iter().any(|result| is_tested(&result)) {
            return match unsupported(planned, subject.facts) {
                Some(failure) => {
                    self.attempted(generated, results, Outcome::Failed(Box::new(failure)))
                }
                None => PackageState::Deferred,
            };
        }
        let is_lost = |result: &EnvironmentResult| result.verdict == RUNNER_LOST;
        if !planned.lost_before && results.iter().filter(is_tested).all(is_lost) {
            return PackageState::Lost;
        }
        results.sort_by_key(|result| result.environment);
        self.tested(generated, &subject, results)
    }

    fn not_generated(&mut self, planned: &PlannedPackage) -> PackageState {
        let package = &planned.package_id;
        if self.batch_facts.is_deferred(package, None) {
            return PackageState::Deferred;
        }
        if !self.batch_facts.is_over(None) {
            self.is_generating = true;
            return PackageState::Undecided(vec![]);
        }
        match self.batch_facts.began(package, None) {
            Some(_) if !self.batch_facts.is_finished(None) && !planned.lost_before => {
                PackageState::Lost
            }
            Some(started_at) if !self.batch_facts.is_finished(None) => {
                PackageState::Attempted(Box::new(Attempt {
                    package: package.clone(),
                    started_at,
                    ended_at: self.batch_facts.last_at,
                    worked_ms: 0,
                    upstream_version: None,
                    notes: vec![],
                    executables_from: None,
                    generated: false,
                    subject: None,
                    results: vec![],
                    outcome: Outcome::Failed(Box::new(lost(Stage::Generate, package))),
                }))
            }
            Some(_) | None => PackageState::Deferred,
        }
    }

    fn attempted(
        &self,
        generated: &Generated,
        results: Vec<EnvironmentResult>,
        outcome: Outcome,
    ) -> PackageState {
        let package = &generated.package_id;
        let began_at = self.batch_facts.began(package, None).unwrap_or(generated.at);
        let ended_at = self.ended_at(generated, &results);
        let (facts, has_recipe) = discovery::of_attempt(generated, self.batch_facts);
        let worked_ms = results.iter().map(|result| result.duration_ms).sum::<u64>();
        PackageState::Attempted(Box::new(Attempt {
            package: package.clone(),
            started_at: began_at,
            ended_at,
            worked_ms: worked_ms.saturating_add(generated.duration_ms),
            upstream_version: facts.map(|facts| facts.version.clone()),
            notes: facts.map(|facts| facts.notes.clone()).unwrap_or_default(),
            executables_from: facts.and_then(discovery::executables_from),
            generated: has_recipe,
            subject: discovery::validated(generated, self.batch_facts).map(Box::new),
            results,
            outcome,
        }))
    }
}

/// The verdict of a validator that died.
const RUNNER_LOST: Verdict = Verdict::Skipped { reason: ValidationSkip::RunnerLost };

#[cfg(test)]
mod tests;
