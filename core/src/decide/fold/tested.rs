//! Decides a package whose results are complete.

use chrono::{DateTime, Utc};

use super::{
    Evaluator, PackageState,
    discovery::Subject,
    outcome::{self, refused},
};
use crate::{
    decide::{constrain, gate::satisfies, name_registry::NameConflict, recipe},
    model::{
        Cell, EnvironmentResult, Failure, FailureKind, Finding, Generated, GeneratedRecipe,
        Outcome, PackageId, Recipe, RemovedCell, Restriction, Stage, Verdict,
    },
};

/// A recipe that may be merged, unless another one has its name or one of its commands.
struct Mergeable<'f> {
    recipe: &'f GeneratedRecipe,
    parsed: Recipe,
    /// The cells that it loses.
    removed: Vec<RemovedCell>,
}

impl<'f> Evaluator<'_, 'f> {
    /// Decides a package whose results are complete.
    pub(super) fn tested(
        &mut self,
        generated: &Generated,
        subject: &Subject<'f>,
        results: Vec<EnvironmentResult>,
    ) -> PackageState {
        let package = &generated.package_id;
        let mergeable = match self.mergeable(package, subject, &results) {
            Ok(mergeable) => mergeable,
            Err(failure) => return self.attempted(generated, results, Outcome::Failed(failure)),
        };
        let recipe = mergeable.recipe;
        // If two packages need the same recipe name or command, the one that comes first in the
        // plan gets it, if it can be verified. The order in which they become ready does not
        // matter.
        if let Err(failure) = self.check_names(package, &mergeable) {
            return self.attempted(generated, results, Outcome::Failed(failure));
        }
        let is_undecided = self.undecided.check(&recipe.name, &recipe.facts).is_err();
        if is_undecided || self.is_generating {
            self.undecided.add_generated(&recipe.name, &recipe.facts);
            return PackageState::Undecided(vec![]);
        }
        let outcome = match self.written(&mergeable, &results, self.ended_at(generated, &results)) {
            Ok(outcome) => {
                self.succeeded.add_generated(&recipe.name, &recipe.facts);
                self.made.add(&recipe.name, &mergeable.parsed);
                outcome
            }
            Err(reason) => {
                let finding = Finding::stated(FailureKind::SchemaInvalid);
                Outcome::Failed(Box::new(refused(Stage::Merge, finding, &reason, package)))
            }
        };
        self.attempted(generated, results, outcome)
    }

    /// The recipe of `subject` with what it loses, if results and gates allow the merge. A recipe that
    /// exists, and is only tested again, loses nothing: whatever fails has regressed.
    fn mergeable(
        &self,
        package: &PackageId,
        subject: &Subject<'f>,
        results: &[EnvironmentResult],
    ) -> Result<Mergeable<'f>, Box<Failure>> {
        let is_sweep = self.context.plan.plan.sweep.is_some();
        outcome::of_results(package, results, is_sweep)?;
        let recipe = subject.recipe(package)?;
        let parsed = outcome::through_gates(package, recipe, self.context)?;
        let tested: Vec<_> = results.iter().map(outcome::structural).collect();
        let removed = constrain::removed(&tested);
        outcome::through_split(package, &removed, self.context.policy)?;
        Ok(Mergeable { recipe, parsed, removed })
    }

    fn check_names(
        &self,
        package: &PackageId,
        Mergeable { recipe, parsed, .. }: &Mergeable<'_>,
    ) -> Result<(), Box<Failure>> {
        if self.context.plan.plan.sweep.is_some() {
            return Ok(());
        }
        let there = self.context.name_registry.check(&recipe.name, &recipe.facts);
        let clash = there.and_then(|()| self.succeeded.check(&recipe.name, &recipe.facts));
        clash.map_err(|NameConflict { kind, reason }| {
            Box::new(refused(Stage::Merge, Finding::stated(kind), &reason, package))
        })?;
        let satisfied = satisfies(parsed, &recipe.name, self.context.known)
            .and_then(|()| satisfies(parsed, &recipe.name, &self.made));
        satisfied.map_err(|refusal| Box::new(outcome::by_gate(refusal, package)))
    }

    /// The outcome of a recipe that is merged: its text with the verification that was seen to hold
    /// where it works, restricted to the cells that are left. The error says why that is no recipe.
    fn written(
        &self,
        Mergeable { recipe, parsed, removed }: &Mergeable<'_>,
        results: &[EnvironmentResult],
        ended_at: DateTime<Utc>,
    ) -> Result<Outcome, String> {
        let is_lost = |cell: Cell| removed.iter().any(|it| it.cell == cell);
        let passed = results
            .iter()
            .find(|result| result.verdict == Verdict::Pass && !is_lost(result.environment.cell()));
        let verify = passed.and_then(|result| result.verify.as_ref());
        let actions = self.context.actions;
        let mut toml = recipe::verified_by(recipe, verify, actions);
        let mut restriction = None;
        if !removed.is_empty() {
            let declared = recipe::allowed_cells(&parsed.metadata);
            let left: Vec<Cell> = declared.into_iter().filter(|&cell| !is_lost(cell)).collect();
            let cells: Vec<&str> = removed.iter().map(|it| it.cell.as_str()).collect();
            let why = format!("its validation failed on {}", cells.join(", "));
            toml = recipe::restricted(&toml, &left, &why, actions)
                .map_err(|error| format!("it cannot be restricted: {error}"))?;
            let recheck_at = ended_at.checked_add_signed(self.context.policy.recheck_after);
            restriction = Some(Box::new(Restriction {
                removed: removed.clone(),
                recheck_at: recheck_at.unwrap_or(DateTime::<Utc>::MAX_UTC),
            }));
        }
        Ok(Outcome::Succeeded { recipe: recipe.name.clone(), toml, restriction })
    }

    /// When the attempt with these `results` ended.
    pub(super) fn ended_at(
        &self,
        generated: &Generated,
        results: &[EnvironmentResult],
    ) -> DateTime<Utc> {
        let package = &generated.package_id;
        let ends = results.iter().map(|result| self.batch_facts.ended_at(package, result));
        ends.fold(generated.at, DateTime::max)
    }
}
