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
        ladder::MinutesLeft,
        preflight::Choice,
        recipe,
        sweep::{add_tested, lately, oldest, rechecks},
    },
    io::{HistoryFilter, Http, Visited},
    model::{
        ActionShape, BatchId, BatchPlan, Cell, CommandName, EcosystemId, Environment,
        GeneratedRecipe, NotGenerated, PackageFacts, PackageId, PlannedPackage, QueueEntry,
        RecipeName, SCHEMA_VERSION, Started, Sweep, Turn,
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
    /// At most so many recipes that lost cells which are due to be tried again, in the environments in
    /// which they had failed.
    Lost(usize),
}

/// A recipe that a sweep tests.
struct Chosen<'e> {
    entry: &'e QueueEntry,
    /// Where.
    places: Vec<Environment>,
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
    let (kind, chosen) = choose(ports, request, &entries)?;
    let mut of_ecosystem: BTreeMap<EcosystemId, Vec<Chosen<'_>>> = BTreeMap::new();
    let mut recipes = BTreeMap::new();
    for chosen in chosen {
        let entry = chosen.entry;
        let name = entry.recipe.as_ref().context("it was chosen because it has a recipe")?;
        // A recipe whose file is gone is noticed by the next run.
        let Some(toml) = ports.state.recipe(name)? else { continue };
        let Some(toml) = tested(toml, kind, &chosen, &config.actions()) else { continue };
        recipes.insert(entry.id.clone(), (name.clone(), toml));
        of_ecosystem.entry(entry.id.ecosystem.clone()).or_default().push(chosen);
    }
    if of_ecosystem.is_empty() {
        return Ok(Summary::default());
    }
    let at = ports.clock.now();
    let minutes =
        MinutesLeft::of(&ports.state.control()?.budget, config.budget, at, of_ecosystem.len());
    let batches = of_ecosystem.into_iter().map(|(ecosystem, packages)| {
        let batch_id = unused(BatchId::new(ecosystem, at), &*ports.state);
        started(batch_id, plan_of(packages, kind, minutes), at, (ports, config))
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
    let run_id = run_id(at);
    Ok(Summary { run_id, batches, interrupted: stop.is_draining(), ..Summary::default() })
}

/// The text of the recipe `toml` that is tested: where it lost cells, it is offered there. `None` if there
/// is nothing to test.
fn tested(
    toml: String,
    kind: Sweep,
    chosen: &Chosen<'_>,
    actions: &[ActionShape],
) -> Option<String> {
    let restriction = chosen.entry.restriction.as_ref().filter(|_| kind == Sweep::Recheck);
    let Some(restriction) = restriction else { return Some(toml) };
    let cells: Vec<Cell> = chosen.places.iter().map(|place| place.cell()).collect();
    let lost = restriction.removed.iter().map(|lost| lost.cell);
    let lost: Vec<Cell> = lost.filter(|cell| !cells.contains(cell)).collect();
    recipe::offered_again(&toml, &cells, &lost, actions)
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
            SweptRecipes::Oldest(_) | SweptRecipes::Lost(_) => true,
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
) -> anyhow::Result<(Sweep, Vec<Chosen<'e>>)> {
    let in_one = |entries: Vec<&'e QueueEntry>, place: Environment| {
        entries.into_iter().map(|entry| Chosen { entry, places: vec![place] }).collect()
    };
    match request.recipes {
        SweptRecipes::Oldest(n) => {
            let here = ports.machine.environment;
            let here = here.context("this machine is none of the known environments")?;
            Ok((Sweep::Again, in_one(oldest(entries, n), here)))
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
            Ok((Sweep::Elsewhere, in_one(lately(entries, since, &tested), environment)))
        }
        SweptRecipes::Lost(n) => {
            let here = |ecosystem: &EcosystemId, place: Environment| {
                ports.machine.can_run(ecosystem, place)
            };
            let due = rechecks(entries, ports.clock.now(), &here).into_iter().take(n);
            let chosen = due.map(|(entry, places)| Chosen { entry, places });
            Ok((Sweep::Recheck, chosen.collect()))
        }
    }
}

fn plan_of(chosen: Vec<Chosen<'_>>, sweep: Sweep, mut minutes: MinutesLeft) -> BatchPlan {
    let package = |Chosen { entry, places }: Chosen<'_>| {
        let (environments, over_budget) =
            places.into_iter().partition(|place| minutes.reserve(place.os()));
        PlannedPackage {
            package_id: entry.id.clone(),
            environments,
            over_budget,
            lost_before: false,
        }
    };
    BatchPlan {
        turn: Turn::Own,
        probing: false,
        sweep: Some(sweep),
        // That nothing is tested in the other environments is what was asked for.
        skipped: BTreeMap::new(),
        packages: chosen.into_iter().map(package).collect(),
    }
}

fn started(
    batch_id: BatchId,
    plan: BatchPlan,
    at: DateTime<Utc>,
    (ports, config): (&Ports<'_>, &RunConfig<'_>),
) -> Started {
    Started {
        schema_version: SCHEMA_VERSION,
        batch_id,
        at,
        plan,
        generator: ports.generator.name(),
        run_id: Some(run_id(at)),
        program_version: PROGRAM_VERSION.to_owned(),
        workflow_run_url: config.workflow_run_url.clone(),
        requeued: 0,
    }
}

/// The id of the sweep that started at `at`.
fn run_id(at: DateTime<Utc>) -> String {
    BatchId::new(RUN, at).to_string()
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
