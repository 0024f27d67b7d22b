//! The ports of a run. All of them are arguments, so that a run needs neither disk nor network when
//! they are in memory.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use batch_core::{
    decide::{
        apply::Merging, backoff::BackoffPolicy, breaker::BreakerPolicy, fold, ladder::BudgetPolicy,
        merge_policy::MergePolicy, recipe,
    },
    io::{Clock, FactSink, StateWriter, Traffic},
    model::{ActionShape, PackageId, RecipeName, Started},
    plugin::Registry,
};

use crate::{
    generator::Generator,
    machine::Machine,
    progress::Progress,
    routing::{self, Routing},
    stage::preflight::{self, BundledRecipes, PreflightInput, Recipes},
    validator::Validator,
};

/// The ports of a run.
#[expect(missing_docs, reason = "the types say it")]
pub struct Ports<'a> {
    pub clock: &'a dyn Clock,
    pub state: Arc<dyn StateWriter>,
    pub facts: Arc<dyn FactSink>,
    pub machine: &'a Machine,
    pub generator: &'a dyn Generator,
    /// `None` when the machine has no sandbox. Then no plan has an attempt.
    pub validator: Option<&'a dyn Validator>,
    pub traffic: &'a dyn Traffic,
    pub progress: &'a Progress,
}

/// The configuration of a run.
#[expect(missing_docs, reason = "the types say it")]
pub struct RunConfig<'a> {
    pub registry: &'a Registry,
    pub backoff: BackoffPolicy,
    pub breaker: BreakerPolicy,
    pub budget: BudgetPolicy,
    /// What may be merged.
    pub merge: MergePolicy,
    /// How verified recipes come to the main branch.
    pub merging: Merging,
    /// Varies waiting times.
    pub jitter: fastrand::Rng,
    pub bundled_recipes: &'a BundledRecipes,
    /// The packages that a person has looked at.
    pub looked_at: BTreeSet<PackageId>,
    /// The packages of batches that have ended and wait to be pushed.
    pub unpushed: BTreeSet<PackageId>,
    pub recipe_source: RecipeSource<'a>,
    /// Whether batches that have ended stay in their journals, which another process pushes later, and
    /// nothing of them is written into the state.
    pub keeps: bool,
    /// The address of the CI run that this run belongs to.
    pub workflow_run_url: Option<String>,
}

/// Where a run learns which recipes exist.
#[derive(Debug, Clone, Copy)]
pub enum RecipeSource<'a> {
    /// From the files of the root, because anybody may have changed them since the last run.
    Root,
    /// From the earlier runs of this process, because nobody else changes the state.
    Process(&'a ProcessRecipes),
}

/// The recipes that the runs of a process know; at first nothing is known of them.
#[derive(Debug, Default)]
pub struct ProcessRecipes(Mutex<Option<Arc<Recipes>>>);

/// The recipes that existed before those of batches were added, as long as these are only in pull requests.
pub(super) struct Existing(Option<Arc<Recipes>>);

impl Existing {
    /// The recipes that exist after those of batches were added in `settled`.
    pub(super) fn after(self, settled: Arc<Recipes>) -> Arc<Recipes> {
        let Self(Some(mut existing)) = self else { return settled };
        if settled.is_rerouting_due && !existing.is_rerouting_due {
            Arc::make_mut(&mut existing).is_rerouting_due = true;
        }
        existing
    }
}

impl RunConfig<'_> {
    /// The steps that only some recipes may use.
    pub(super) fn actions(&self) -> Vec<ActionShape> {
        self.registry.recipe_actions().collect()
    }

    /// What the decision about the batch of `started` depends on. `recipes` are the existing ones.
    pub(super) fn fold_context<'c>(
        &'c self,
        started: &'c Started,
        actions: &'c [ActionShape],
        recipes: &'c Recipes,
    ) -> fold::Context<'c> {
        let Recipes { name_registry, known, .. } = recipes;
        fold::Context { plan: started, actions, name_registry, known, policy: &self.merge }
    }

    /// The existing recipes.
    pub(crate) fn recipes(&self, ports: &Ports<'_>) -> anyhow::Result<Recipes> {
        preflight::recipes(&self.actions(), self.bundled_recipes, &*ports.state)
    }

    /// The existing recipes, which keep free what belongs to packages without recipes.
    pub(super) fn reserving_recipes(&self, ports: &Ports<'_>) -> anyhow::Result<Recipes> {
        let mut recipes = self.recipes(ports)?;
        let (state, now) = (&*ports.state, ports.clock.now());
        let routing = Routing::read(state, self.registry, &self.looked_at, now)?;
        let reserved = routing.reserved(&routing::files(state)?, &recipes.name_registry);
        recipes.name_registry.reserve(reserved);
        Ok(recipes)
    }

    /// The recipes that an earlier run of this process left, if they need not be read again.
    pub(super) fn take_recipes(&self) -> Option<Arc<Recipes>> {
        match self.recipe_source {
            RecipeSource::Root => None,
            RecipeSource::Process(ProcessRecipes(known)) => {
                known.lock().unwrap_or_else(PoisonError::into_inner).take()
            }
        }
    }

    /// The `recipes` before those of batches are added.
    pub(super) fn existing(&self, recipes: &Arc<Recipes>) -> Existing {
        Existing(match self.merging {
            // Without a second owner they are added in their place.
            Merging::AtOnce => None,
            Merging::PullRequest => Some(Arc::clone(recipes)),
        })
    }

    /// Tells the next run of this process that somebody else wrote the recipe called `name` since the last
    /// run.
    pub(crate) fn learn(&self, name: &RecipeName, toml: &str) {
        let RecipeSource::Process(ProcessRecipes(known)) = self.recipe_source else { return };
        // If nothing is known, the next run reads all recipes.
        if let Some(known) = &mut *known.lock().unwrap_or_else(PoisonError::into_inner)
            && let Ok(recipe) = recipe::parse(toml, &self.actions())
        {
            Arc::make_mut(known).add(name, &recipe);
        }
    }

    /// Leaves `recipes` to the next run of this process.
    pub(super) fn leave_recipes(&self, recipes: Arc<Recipes>) {
        if let RecipeSource::Process(ProcessRecipes(known)) = self.recipe_source {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(recipes);
        }
    }

    /// What the decision about the run depends on.
    pub(super) fn preflight_input<'a>(&'a self, ports: &'a Ports<'_>) -> PreflightInput<'a> {
        PreflightInput {
            registry: self.registry,
            state: &*ports.state,
            machine: ports.machine,
            breaker: &self.breaker,
            now: ports.clock.now(),
        }
    }
}
