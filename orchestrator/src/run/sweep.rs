//! A run that tests recipes that exist already.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Arc,
};

use anyhow::Context as _;
use async_trait::async_trait;
use batch_core::{
    decide::{
        ladder::{MinutesLeft, Reach, SkipFlags, batch_plan},
        preflight::{Choice, PlannedBatch},
        sweep::{add_tested, lately, oldest},
    },
    io::{HistoryFilter, Http, Visited},
    model::{
        BatchId, BatchPlan, CommandName, EcosystemId, Environment, GeneratedRecipe, NotGenerated,
        PackageFacts, PackageId, Plan, QueueEntry, RecipeName, SCHEMA_VERSION, Started, Sweep,
        Turn,
    },
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};

use super::{
    Summary, Work,
    ports::{Ports, RunConfig},
    run_batches,
    start::{PROGRAM_VERSION, RUN},
};
use crate::{
    generator::{Generator, NoRecipe},
    stage::{Stop, preflight::unused},
};

/// What a sweep is asked to do.
#[derive(Debug, Clone)]
pub struct SweepRequest {
    /// The ecosystems.
    pub choice: Choice,
    /// Which recipes.
    pub recipes: SweptRecipes,
    /// How many recipes are tested at the same time. At least 1.
    pub jobs: usize,
}

/// The recipes that a sweep tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweptRecipes {
    /// So many recipes whose last verification is oldest, in the environment of this machine.
    Oldest(usize),
    /// The recipes that were made since then, in an environment that has not tested them.
    Lately {
        /// The environment.
        environment: Environment,
        /// Since when.
        since: DateTime<Utc>,
    },
}

/// Tests existing recipes, and writes the results into the state.
pub async fn sweep(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    request: &SweepRequest,
    stop: &Stop,
) -> anyhow::Result<Summary> {
    let _lock = ports.state.lock_run(ports.clock.now())?;
    if let Some(validator) = ports.validator {
        validator.clean_up().await?;
    }
    let entries = entries(ports, config, request)?;
    let (kind, environment, chosen) = choose(ports, request, &entries)?;
    let mut of_ecosystem: BTreeMap<EcosystemId, Vec<PackageId>> = BTreeMap::new();
    let mut recipes = BTreeMap::new();
    for entry in chosen {
        let name = entry.recipe.as_ref().context("it was chosen because it has a recipe")?;
        // A recipe whose file is gone is noticed by the next run.
        let Some(toml) = ports.state.recipe(name)? else { continue };
        of_ecosystem.entry(entry.id.ecosystem.clone()).or_default().push(entry.id.clone());
        recipes.insert(entry.id.clone(), (name.clone(), toml));
    }
    if of_ecosystem.is_empty() {
        return Ok(Summary::default());
    }
    let at = ports.clock.now();
    let minutes =
        MinutesLeft::of(&ports.state.control()?.budget, config.budget, at, of_ecosystem.len());
    let reach = Reach { environments: vec![environment], skip: SkipFlags::default(), minutes };
    let batches = of_ecosystem.into_iter().map(|(ecosystem, packages)| {
        let batch_id = unused(BatchId::new(ecosystem, at), &*ports.state);
        started(batch_id, plan_of(packages, kind, &reach), (ports, config))
    });
    let existing = Existing { generator: ports.generator, recipes };
    let ports = Ports {
        clock: ports.clock,
        state: ports.state.clone(),
        facts: ports.facts.clone(),
        machine: ports.machine,
        generator: &existing,
        validator: ports.validator,
        traffic: ports.traffic,
        progress: ports.progress,
    };
    // The recipes have their names already.
    let work = Work { jobs: request.jobs, recipes: Arc::default() };
    let (batches, _) = run_batches(batches.collect(), work, (&ports, config), stop).await;
    let batches = batches?;
    Ok(Summary { batches, interrupted: stop.is_draining(), ..Summary::default() })
}

/// The entries of the ecosystems that can be tested here.
fn entries(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    request: &SweepRequest,
) -> anyhow::Result<Vec<QueueEntry>> {
    let control = ports.state.control()?;
    let now = ports.clock.now();
    let mut entries = vec![];
    for plugin in config.registry.iter() {
        let id = &plugin.id;
        let is_tested = match request.recipes {
            SweptRecipes::Oldest(_) => true,
            SweptRecipes::Lately { environment, .. } => ports.machine.can_run(id, environment),
        };
        let is_possible = request.choice.includes(id)
            && control.stop(id, now).is_none()
            && !ports.machine.obstacles.contains_key(id);
        if is_possible
            && is_tested
            && let Some(queue) = ports.state.queue(id)?
        {
            entries.extend(Arc::unwrap_or_clone(queue).entries.into_values());
        }
    }
    Ok(entries)
}

fn choose<'e>(
    ports: &Ports<'_>,
    request: &SweepRequest,
    entries: &'e [QueueEntry],
) -> anyhow::Result<(Sweep, Environment, Vec<&'e QueueEntry>)> {
    match request.recipes {
        SweptRecipes::Oldest(n) => {
            let here = ports.machine.environment;
            let here = here.context("this machine is none of the known environments")?;
            Ok((Sweep::Again, here, oldest(entries, n)))
        }
        SweptRecipes::Lately { environment, since } => {
            let filter = HistoryFilter { since: Some(since), ..HistoryFilter::default() };
            let mut tested = BTreeSet::new();
            ports.state.visit_runs(&filter, &mut |visited| {
                if let Visited::Record(run) = visited {
                    add_tested(&mut tested, &run, environment);
                }
                ControlFlow::Continue(())
            })?;
            Ok((Sweep::Elsewhere, environment, lately(entries, since, &tested)))
        }
    }
}

fn plan_of(packages: Vec<PackageId>, sweep: Sweep, reach: &Reach) -> BatchPlan {
    let batch = BatchId::new(RUN, DateTime::UNIX_EPOCH);
    let plan = Plan { batch, probing: false, attempts: packages, lost_before: BTreeSet::new() };
    // That nothing is tested in the other environments is what was asked for.
    let plan = batch_plan(PlannedBatch { turn: Turn::Own, plan }, reach);
    BatchPlan { sweep: Some(sweep), skipped: BTreeMap::new(), ..plan }
}

fn started(
    batch_id: BatchId,
    plan: BatchPlan,
    (ports, config): (&Ports<'_>, &RunConfig<'_>),
) -> Started {
    let at = ports.clock.now();
    Started {
        schema_version: SCHEMA_VERSION,
        batch_id,
        at,
        plan,
        generator: ports.generator.name(),
        run_id: Some(BatchId::new(RUN, at).to_string()),
        program_version: PROGRAM_VERSION.to_owned(),
        workflow_run_url: config.workflow_run_url.clone(),
        requeued: 0,
    }
}

/// A generator that asks about packages as another one does, and returns the recipes that exist.
struct Existing<'a> {
    generator: &'a dyn Generator,
    recipes: BTreeMap<PackageId, (RecipeName, String)>,
}

impl Existing<'_> {
    fn existing(&self, made: GeneratedRecipe) -> GeneratedRecipe {
        match self.recipes.get(&made.facts.id) {
            Some((name, toml)) => {
                GeneratedRecipe { name: name.clone(), toml: toml.clone(), ..made }
            }
            None => made,
        }
    }
}

#[async_trait]
impl Generator for Existing<'_> {
    fn name(&self) -> String {
        self.generator.name()
    }

    async fn generate(
        &self,
        http: &dyn Http,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NoRecipe> {
        Ok(self.existing(self.generator.generate(http, plugin, package).await?))
    }

    fn discovered(
        &self,
        plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        names: BTreeSet<CommandName>,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        Ok(self.existing(self.generator.discovered(plugin, facts, names)?))
    }
}
