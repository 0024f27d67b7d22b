//! What `run` and the stages find on this machine, and the ports that they make of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::{apply::Merging, preflight::Choice},
    io::{Outbox, PoliteHttp},
    model::{ActionShape, Control, PackageId},
};

use super::{
    Context,
    programs::{ProgramArgs, Programs},
    stops::{self, Stops},
};
use crate::{
    env::Root,
    generator::{BuiltinGenerator, Generator},
    machine::{LocalMachine, Machine, Tester},
    merge, net,
    progress::Progress,
    routing,
    run::{Ports, RecipeSource, RunConfig},
    stage::preflight,
    validator::Validator,
};

/// What was found on this machine.
pub(super) struct Session<'a> {
    cx: &'a Context,
    root: &'a Root,
    /// `None` for a stage that tests nothing.
    local: Option<LocalMachine>,
    programs: Programs,
    http: Arc<PoliteHttp>,
    /// The packages that a person has looked at.
    looked_at: BTreeSet<PackageId>,
    /// The packages of batches that have ended and wait to be pushed.
    unpushed: BTreeSet<PackageId>,
}

/// The owners of what the ports refer to.
pub(super) struct Parts<'a> {
    pub(super) machine: Machine,
    generator: Box<dyn Generator>,
    validator: Option<Box<dyn Validator + 'a>>,
    progress: Progress,
}

impl<'a> Session<'a> {
    /// Looks for the programs that `programs` selects, and for what tests the recipes of `tested`;
    /// `None` if nothing is tested. It does not look for what only ecosystems of `stops` need.
    pub(super) async fn new(
        cx: &'a Context,
        root: &'a Root,
        programs: &ProgramArgs,
        tested: Option<Choice>,
        stops: Stops,
    ) -> anyhow::Result<Self> {
        let Root { layout, settings, .. } = root;
        let http = net::polite(&cx.env, settings, &layout.cache(), &Control::default())?;
        let choice = tested.clone().unwrap_or(Choice::All);
        let programs = if stops::is_all_stopped(&cx.env.registry, &choice, &stops) {
            Programs::none()
        } else {
            programs.find(&cx.env, settings, Some(&cx.root)).await
        };
        let local = match tested {
            Some(choice) => Some(LocalMachine::detect(&cx.env, settings, choice, stops).await),
            None => None,
        };
        let looked_at = routing::looked_at(&cx.env.registry, settings, &root.state)?;
        let unpushed = merge::unpushed_packages(&root.layout)?;
        Ok(Self { cx, root, local, programs, http, looked_at, unpushed })
    }

    pub(super) fn parts(&self) -> anyhow::Result<Parts<'_>> {
        let Self { cx, root, local, programs, looked_at, .. } = self;
        let (around, work) = ((&cx.env, &root.settings), root.layout.work());
        let validator = match local {
            Some(local) => programs.validator(local, around, work.clone())?,
            None => None,
        };
        let none =
            Machine { environment: None, obstacles: BTreeMap::new(), others: BTreeMap::new() };
        let offers = |local: &LocalMachine| local.offers(&cx.env.registry, programs.tester());
        Ok(Parts {
            machine: local.as_ref().map_or(none, offers),
            generator: programs.generator(builtin(root, looked_at.clone(), cx)?, around, work),
            validator,
            progress: Progress::new(&cx.screen, &cx.env.clock, cx.quiet),
        })
    }

    /// Who tests recipes.
    pub(super) fn tester(&self) -> Tester {
        self.programs.tester()
    }

    pub(super) fn config(&self) -> RunConfig<'_> {
        let Self { cx, root, .. } = self;
        RunConfig {
            registry: &cx.env.registry,
            backoff: root.settings.backoff_policy(),
            breaker: root.settings.breaker_policy(),
            budget: root.settings.budget.policy(),
            merge: root.settings.merge.policy(),
            merging: Merging::AtOnce,
            jitter: cx.env.jitter.clone(),
            bundled_recipes: &root.settings.bundled_recipes,
            looked_at: self.looked_at.clone(),
            unpushed: self.unpushed.clone(),
            recipe_source: RecipeSource::Root,
            keeps: false,
            workflow_run_url: cx.env.workflow_run_url.clone(),
        }
    }

    pub(super) fn ports<'p>(&'p self, parts: &'p Parts<'p>) -> Ports<'p> {
        let Self { cx, root, http, .. } = self;
        Ports {
            clock: &*cx.env.clock,
            state: Arc::new(root.state.clone()),
            facts: Arc::new(Outbox::new(&root.layout)),
            machine: &parts.machine,
            generator: &*parts.generator,
            validator: parts.validator.as_deref(),
            traffic: &**http,
            progress: &parts.progress,
        }
    }

    /// Removes old answers of registries.
    pub(super) fn prune(&self) {
        net::prune(&self.http);
    }
}

/// The built-in generator for all ecosystems of a root.
fn builtin(
    root: &Root,
    looked_at: BTreeSet<PackageId>,
    cx: &Context,
) -> anyhow::Result<BuiltinGenerator> {
    let Root { state, settings, .. } = root;
    let now = cx.env.clock.now();
    let overrides = routing::overrides(state, &cx.env.registry, now)?;
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    Ok(BuiltinGenerator {
        known: preflight::recipes(&actions, &settings.bundled_recipes, state)?.known,
        actions,
        looked_at,
        overrides,
        cleaner: Arc::clone(&cx.env.cleaner),
    })
}
