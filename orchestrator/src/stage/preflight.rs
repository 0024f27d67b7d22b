//! Collects what machine and state allow, for the decision in [`batch_core::decide::preflight`].

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        ahead,
        breaker::BreakerPolicy,
        name_registry::NameRegistry,
        plan::BatchLimit,
        preflight::{self, Candidate, Choice, Preflight},
        recipe,
    },
    io::{Layout, PATIENCE, StateReader},
    model::{ActionShape, BatchId, Control, KnownRecipes, Queue, Quota, RecipeName, SkipReason},
    plugin::{EcosystemPlugin, Registry},
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{env, machine::Machine};

/// What the decision about a run depends on.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct PreflightInput<'a> {
    pub registry: &'a Registry,
    pub state: &'a dyn StateReader,
    pub machine: &'a Machine,
    pub breaker: &'a BreakerPolicy,
    pub now: DateTime<Utc>,
}

/// Decides about the run that starts now.
pub fn run(
    input: &PreflightInput<'_>,
    choice: &Choice,
    batch_limit: BatchLimit,
) -> anyhow::Result<Preflight> {
    let control = env::control(input.state, input.registry)?;
    let candidates = input.registry.iter().map(|plugin| {
        let candidate = candidate(plugin, input);
        let paused = || paused_host(plugin, &control, input.now);
        let obstacle = candidate.obstacle.or_else(paused);
        Candidate { obstacle, ..candidate }
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let (now, policy) = (input.now, input.breaker);
    let mut preflight = preflight::run(&candidates, &control, choice, batch_limit, (now, policy));
    for planned in &mut preflight.batches {
        planned.plan.batch = unused(planned.plan.batch.clone(), input.state);
    }
    Ok(preflight)
}

/// `batch`, or the next id that no record has. The control file names the last batch of an ecosystem,
/// but it may have been replaced, and a batch that has a record already is not recorded again.
pub fn unused(mut batch: BatchId, state: &dyn StateReader) -> BatchId {
    // A record that cannot be read is a record.
    while !matches!(state.run(&batch.to_string()), Ok(None)) {
        let next = batch.started_at() + TimeDelta::seconds(1);
        batch = BatchId::new(batch.ecosystem().clone(), next);
    }
    batch
}

/// A host pause that is too long to wait for. Without requests nothing can be attempted, and
/// neither a package nor the registry must be blamed.
pub fn paused_host(
    plugin: &EcosystemPlugin,
    control: &Control,
    now: DateTime<Utc>,
) -> Option<SkipReason> {
    let hosts = Quota::hosts_for_building(plugin.rate_limit.quotas());
    let paused = hosts.filter_map(|host| Some((host, control.hosts.get(host)?.paused_until)));
    let (host, until) = paused.max_by_key(|&(_, until)| until)?;
    let is_long = now + PATIENCE < until && ahead::is_paused(until, now);
    is_long.then(|| SkipReason::HostPaused { host: host.to_owned(), until })
}

fn candidate(plugin: &EcosystemPlugin, input: &PreflightInput<'_>) -> Candidate {
    let (queue, unreadable) = match input.state.queue(&plugin.id) {
        Ok(Some(file)) => {
            for bad in &file.quarantined {
                tracing::warn!("an entry is skipped: {bad}");
            }
            (file.entries, None)
        }
        Ok(None) => (Queue::new(), Some(SkipReason::QueueMissing)),
        Err(error) => {
            let error = error.to_string();
            (Queue::new(), Some(SkipReason::QueueUnreadable { error }))
        }
    };
    let obstacle = input.machine.obstacles.get(&plugin.id).cloned().or(unreadable);
    Candidate { ecosystem: plugin.id.clone(), obstacle, queue }
}

/// Recipes that the package manager contains, and the packages that each of them satisfies:
/// ecosystem and names.
pub type BundledRecipes = BTreeMap<RecipeName, BTreeMap<String, Vec<String>>>;

/// The recipes of a root, read once.
#[derive(Debug, Default)]
pub struct Recipes {
    /// Their names and commands.
    pub name_registry: NameRegistry,
    /// The recipes that can be dependencies.
    pub known: KnownRecipes,
}

/// The recipes of `state`, and the `bundled` ones. A recipe that cannot be read keeps its name and
/// cannot be a dependency.
pub fn recipes(
    actions: &[ActionShape],
    bundled: &BundledRecipes,
    state: &dyn StateReader,
) -> anyhow::Result<Recipes> {
    let mut recipes = Recipes::default();
    for (name, satisfies) in bundled {
        recipes.known.add_named(name, satisfies);
    }
    for name in state.recipe_names()? {
        let read = state.recipe(&name).map_err(anyhow::Error::from).and_then(|text| {
            recipe::read(&text.unwrap_or_default(), actions).map_err(anyhow::Error::from)
        });
        match read {
            Ok(recipe) => {
                recipes.name_registry.add(&name, &recipe);
                recipes.known.add(&name, &recipe);
            }
            Err(error) => {
                let file = Layout::new("").recipe(&name);
                tracing::warn!("{}: the recipe cannot be read: {error}", file.display());
                recipes.name_registry.add_unreadable(name);
            }
        }
    }
    Ok(recipes)
}
