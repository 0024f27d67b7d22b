//! What a run touches. All of it is handed in, so that a run needs neither disk nor network where
//! these are in memory.

use std::sync::Arc;

use batch_core::{
    decide::{backoff::BackoffPolicy, breaker::BreakerPolicy},
    io::{Clock, FactSink, StateWriter, Traffic},
    model::ActionShape,
    plugin::Registry,
};

use crate::{
    generator::Generator,
    machine::Machine,
    progress::Progress,
    stage::preflight::{self, BundledRecipes, Recipes, Surroundings},
    validator::Validator,
};

/// What a run touches.
#[expect(missing_docs, reason = "the types say it")]
pub struct Ports<'a> {
    pub clock: &'a dyn Clock,
    pub state: Arc<dyn StateWriter>,
    pub facts: Arc<dyn FactSink>,
    pub machine: &'a Machine,
    pub generator: &'a dyn Generator,
    /// `None` where the machine has no sandbox: then no plan has an attempt.
    pub validator: Option<&'a dyn Validator>,
    pub traffic: &'a dyn Traffic,
    pub progress: &'a Progress,
}

/// The rules that a run keeps to.
#[expect(missing_docs, reason = "the types say it")]
pub struct Rulebook<'a> {
    pub registry: &'a Registry,
    pub backoff: BackoffPolicy,
    pub breaker: BreakerPolicy,
    pub bundled_recipes: &'a BundledRecipes,
    /// The CI run that this is part of.
    pub workflow_run_url: Option<String>,
}

impl Rulebook<'_> {
    /// The steps that a recipe may use besides the common ones.
    pub(super) fn actions(&self) -> Vec<ActionShape> {
        self.registry.recipe_actions().collect()
    }

    /// The recipes that are there.
    pub(super) fn recipes(&self, ports: &Ports<'_>) -> anyhow::Result<Recipes> {
        preflight::recipes(&self.actions(), self.bundled_recipes, &*ports.state)
    }

    /// What the run is decided from.
    pub(super) fn surroundings<'a>(&'a self, ports: &'a Ports<'_>) -> Surroundings<'a> {
        Surroundings {
            registry: self.registry,
            state: &*ports.state,
            machine: ports.machine,
            breaker: &self.breaker,
            now: ports.clock.now(),
        }
    }
}
