//! Work on one package outside of a run, which records nothing.

use std::{path::PathBuf, sync::Arc};

use batch_core::{
    decide::{ladder::ToTest, preflight::Choice},
    io::{FsState, Http, StateError, StateErrorKind},
    model::{ActionShape, Environment, GeneratedRecipe, PackageFacts},
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, SubsecRound as _, Utc};
use tokio::sync::OnceCell;

use super::{
    Context, Refusal,
    programs::{ProgramArgs, Programs},
    stops::{self, Stops},
};
use crate::{
    env::{self, Root},
    exit::Exit,
    generator::{BuiltinGenerator, Generator},
    machine::LocalMachine,
    net,
    progress::Progress,
    routing, seeds,
    settings::Settings,
    stage::{
        discover::{Discoverer, Found},
        preflight,
    },
    validator::{NoVerdict, Validation, ValidationContext},
};

/// Everything that is needed to make and to test recipes of one ecosystem.
pub(super) struct Trial<'a> {
    cx: &'a Context,
    plugin: &'static EcosystemPlugin,
    settings: Settings,
    programs: Programs,
    /// Looked at when something is tested: making a recipe needs no tool and no sandbox.
    local: OnceCell<LocalMachine>,
    /// Removed with the trial.
    _scratch: batch_sandbox::TemporaryDir,
    work: PathBuf,
    pub(super) http: Arc<dyn Http>,
    pub(super) generator: Box<dyn Generator>,
}

/// A package that was tested.
pub(super) struct Tried {
    /// What is known about the package, with the commands that were discovered.
    pub(super) facts: PackageFacts,
    /// The recipe; `None` if its commands could not be discovered.
    pub(super) recipe: Option<Box<GeneratedRecipe>>,
    pub(super) validation: Validation,
}

impl<'a> Trial<'a> {
    /// Prepares work on packages of `plugin` with the chosen programs. The mirrors, limits, pauses,
    /// recipes and the kill switch of a root apply here too. Without a root there are none.
    pub(super) async fn new(
        plugin: &'static EcosystemPlugin,
        programs: &ProgramArgs,
        cx: &'a Context,
    ) -> anyhow::Result<Self> {
        let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
        let now = cx.env.clock.now();
        let (settings, control, (known, overrides), is_root) = match FsState::open(&cx.root) {
            Ok(state) => {
                let control = env::control(&state, &cx.env.registry)?;
                let root = Root::of(state)?;
                let bundled = &root.settings.bundled_recipes;
                let known = preflight::recipes(&actions, bundled, &root.state)?.known;
                let overrides = routing::overrides(&root.state, &cx.env.registry, now)?;
                (root.settings, control, (known, overrides), true)
            }
            Err(StateError { kind: StateErrorKind::NotRoot, .. }) => Default::default(),
            Err(error) => return Err(error.into()),
        };
        if let Some(stop) = stops::reason(&plugin.id, &control, (now, &settings.breaker_policy())) {
            let why = stops::in_words(&stop, &plugin.id, (&control, now));
            let message = format!("{} is not tried: {why}", plugin.id);
            return Err(Refusal { exit: Exit::Unavailable, message }.into());
        }
        let scratch = batch_sandbox::TemporaryDir::new()?;
        let http = net::polite(&cx.env, &settings, &scratch.path().join("cache"), &control)?;
        let looked_at = seeds::looked_at(plugin, &settings)?;
        let cleaner = Arc::clone(&cx.env.cleaner);
        let builtin = BuiltinGenerator { actions, known, looked_at, overrides, cleaner };
        let registry = is_root.then_some(&*cx.root);
        let programs = programs.find(&cx.env, &settings, registry).await;
        let work = scratch.path().join("work");
        let generator = programs.generator(builtin, (&cx.env, &settings), work.clone());
        let local = OnceCell::new();
        Ok(Self { cx, plugin, settings, programs, local, _scratch: scratch, work, http, generator })
    }

    /// The environment in which this machine validates.
    pub(super) async fn here(&self) -> anyhow::Result<Environment> {
        let id = &self.plugin.id;
        let machine = self.local().await.offers(&self.cx.env.registry, self.programs.tester());
        let obstacle = machine.obstacles.get(id);
        if let (Some(environment), None) = (machine.environment, obstacle) {
            return Ok(environment);
        }
        let reason = obstacle.map_or_else(String::new, ToString::to_string);
        let hint = "--generate-only needs no tool and no sandbox";
        let message = format!("{id} cannot be validated on this machine: {reason}; {hint}");
        Err(Refusal { exit: Exit::Unavailable, message }.into())
    }

    /// Refuses unless this machine can test recipes in `environment`.
    pub(super) async fn require(&self, environment: Environment) -> anyhow::Result<()> {
        let id = &self.plugin.id;
        let machine = self.local().await.offers(&self.cx.env.registry, self.programs.tester());
        let why = match machine.obstacles.get(id) {
            Some(obstacle) => format!(": {obstacle}"),
            None if machine.can_run(id, environment) => return Ok(()),
            None => String::new(),
        };
        let message = format!("this machine cannot test recipes of {id} in {environment}{why}");
        Err(Refusal::unavailable(message))
    }

    async fn local(&self) -> &LocalMachine {
        let choice = Choice::One(self.plugin.id.clone());
        self.local
            .get_or_init(|| {
                LocalMachine::detect(&self.cx.env, &self.settings, choice, Stops::new())
            })
            .await
    }

    /// Tests `to_test` in `environment`; `None` after an interruption.
    pub(super) async fn validated(
        &self,
        to_test: ToTest,
        environment: Environment,
    ) -> anyhow::Result<Option<Tried>> {
        match self.test(to_test, environment).await? {
            Ok(tried) => Ok(Some(tried)),
            Err(NoVerdict::Cancelled) => Ok(None),
            Err(NoVerdict::Paused { host, until }) => Err(paused(&host, until)),
        }
    }

    async fn test(
        &self,
        to_test: ToTest,
        environment: Environment,
    ) -> anyhow::Result<Result<Tried, NoVerdict>> {
        let Self { cx, plugin, settings, http, generator, .. } = self;
        let around = (&cx.env, settings);
        let Some(validator) =
            self.programs.validator(self.local().await, around, self.work.clone())?
        else {
            return Ok(Err(NoVerdict::Cancelled));
        };
        let progress = &Progress::silent();
        let context = ValidationContext { progress, cancel: cx.stop.token(), http: &**http };
        let recipe = match to_test {
            ToTest::Recipe(recipe) => recipe,
            ToTest::Undiscovered(undiscovered) => {
                let (validator, generator) = (&*validator, &**generator);
                let discoverer = Discoverer { plugin, validator, generator, environment };
                let facts = undiscovered.facts;
                let validation = match discoverer.find(&facts, context).await {
                    Err(why) => return Ok(Err(why)),
                    Ok(Err(failed)) => Err(failed),
                    Ok(Ok(Found { sandbox, recipe, .. })) => {
                        recipe.map_err(|failure| Validation::Failed { sandbox, failure })
                    }
                };
                match validation {
                    Ok(recipe) => Box::new(recipe),
                    Err(validation) => return Ok(Ok(Tried { facts, recipe: None, validation })),
                }
            }
        };
        let validation = validator.validate(plugin, &recipe, environment, context).await;
        Ok(validation.map(|validation| Tried {
            facts: recipe.facts.clone(),
            recipe: Some(recipe),
            validation,
        }))
    }
}

/// Nothing was asked about the package, so nothing is known of it.
pub(super) fn paused(host: &str, until: DateTime<Utc>) -> anyhow::Error {
    let until = until.trunc_subsecs(0);
    let message = format!("{host} asked for a pause until {until}; try again after that");
    Refusal { exit: Exit::Unavailable, message }.into()
}
