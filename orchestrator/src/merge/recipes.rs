//! The recipes of a batch that wait for a pull request.

use std::collections::BTreeSet;

use anyhow::Context as _;
use batch_core::{
    decide::{
        apply,
        pull_request::{self, Proposal, ProposedRecipe},
        record,
    },
    io::{FsState, StateReader, StateWriter as _},
    model::{Delta, PackageId, Status, Tier},
};
use batch_forge::Squash;

/// The recipes of a batch, as they are proposed.
pub(super) struct Recipes<'a> {
    pub(super) delta: &'a Delta,
    /// Package, recipe and tier.
    pub(super) wanted: Vec<(PackageId, Option<Tier>)>,
}

impl<'a> Recipes<'a> {
    /// The recipes of `delta` that wait for a pull request according to `state`.
    pub(super) fn of(delta: &'a Delta, state: &dyn StateReader) -> anyhow::Result<Self> {
        let queue = state.queue(delta.batch.ecosystem())?;
        let all: BTreeSet<PackageId> =
            delta.attempts.iter().map(|attempt| attempt.package.clone()).collect();
        // Recipes that get cells back are merged already, and their entries stay as they are.
        let waiting = match delta.sweep {
            Some(_) => Status::Success,
            None => Status::InProgress { batch: delta.batch.clone() },
        };
        let wanted = apply::wanted_recipes(delta, &all).filter_map(|(package, ..)| {
            let entry = queue.as_ref().and_then(|queue| queue.entries.get(package));
            match entry {
                Some(entry) => {
                    (entry.status == waiting).then(|| (package.clone(), Some(entry.tier)))
                }
                // A package that is in no queue was asked for by name.
                None => Some((package.clone(), None)),
            }
        });
        Ok(Self { delta, wanted: wanted.collect() })
    }

    fn packages(&self) -> BTreeSet<PackageId> {
        self.wanted.iter().map(|(package, _)| package.clone()).collect()
    }

    pub(super) fn write(&self, state: &FsState) -> anyhow::Result<()> {
        let wanted = self.packages();
        for (_, recipe, toml) in apply::wanted_recipes(self.delta, &wanted) {
            state.put_recipe(recipe, toml).context("cannot write a recipe into the worktree")?;
        }
        Ok(())
    }

    pub(super) fn with_proposal<T>(&self, text: impl Fn(&Proposal<'_>) -> T) -> T {
        let (run, wanted) = (record::run(self.delta), self.packages());
        let tier = |package| self.wanted.iter().find(|(it, _)| it == package).and_then(|it| it.1);
        let recipes = apply::wanted_recipes(self.delta, &wanted)
            .map(|(package, recipe, _)| ProposedRecipe { package, recipe, tier: tier(package) });
        text(&Proposal { delta: self.delta, run: &run, recipes: recipes.collect() })
    }

    pub(super) fn squash(&self) -> Squash {
        Squash {
            title: pull_request::title(self.delta),
            body: self.with_proposal(pull_request::commit_message),
        }
    }
}
