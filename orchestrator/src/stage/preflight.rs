//! What machine and state allow, as data for
//! [`batch_core::decide::preflight`], which decides.

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        ahead,
        breaker::BreakerPolicy,
        claims::Claims,
        plan::Share,
        preflight::{self, Candidate, Choice, Preflight},
        recipe,
    },
    io::{PATIENCE, StateReader},
    model::{ActionShape, Control, KnownRecipes, Queue, RecipeName, SkipReason},
    plugin::{EcosystemPlugin, Registry},
};
use chrono::{DateTime, Utc};

use crate::{env, machine::Machine};

/// What a run is decided from.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Surroundings<'a> {
    pub registry: &'a Registry,
    pub state: &'a dyn StateReader,
    pub machine: &'a Machine,
    pub breaker: &'a BreakerPolicy,
    pub now: DateTime<Utc>,
}

/// Decides the run that starts now.
pub fn run(around: &Surroundings<'_>, choice: &Choice, share: Share) -> anyhow::Result<Preflight> {
    let control = env::control(around.state, around.registry)?;
    let candidates = around.registry.iter().map(|plugin| {
        let candidate = candidate(plugin, around);
        let paused = || paused_host(plugin, &control, around.now);
        let obstacle = candidate.obstacle.or_else(paused);
        Candidate { obstacle, ..candidate }
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let (now, policy) = (around.now, around.breaker);
    Ok(preflight::run(&candidates, &control, choice, share, (now, policy)))
}

/// A pause that no request would wait for: without a request there is nothing to attempt, and
/// nothing that could be held against package or registry.
fn paused_host(
    plugin: &EcosystemPlugin,
    control: &Control,
    now: DateTime<Utc>,
) -> Option<SkipReason> {
    let hosts = plugin.rate_limit.quotas().iter().map(|quota| quota.host);
    let paused = hosts.filter_map(|host| Some((host, control.hosts.get(host)?.paused_until)));
    let (host, until) = paused.max_by_key(|&(_, until)| until)?;
    let is_long = now + PATIENCE < until && ahead::is_paused(until, now);
    is_long.then(|| SkipReason::HostPaused { host: host.to_owned(), until })
}

fn candidate(plugin: &EcosystemPlugin, around: &Surroundings<'_>) -> Candidate {
    let (queue, unreadable) = match around.state.queue(&plugin.id) {
        Ok(Some(file)) => {
            for bad in &file.quarantined {
                tracing::warn!("an entry is passed over: {bad}");
            }
            (file.entries, None)
        }
        Ok(None) => (Queue::new(), Some(SkipReason::QueueMissing)),
        Err(error) => {
            let error = error.to_string();
            (Queue::new(), Some(SkipReason::QueueUnreadable { error }))
        }
    };
    let obstacle = around.machine.obstacles.get(&plugin.id).cloned().or(unreadable);
    Candidate { ecosystem: plugin.id.clone(), obstacle, queue }
}

/// Recipes that the package manager brings itself, and what each stands for: ecosystem and names.
pub type BundledRecipes = BTreeMap<RecipeName, BTreeMap<String, Vec<String>>>;

/// The recipes of a root, read once.
#[derive(Debug, Default)]
pub struct Recipes {
    /// What they claim.
    pub claims: Claims,
    /// What may depend on them.
    pub known: KnownRecipes,
}

/// The recipes of `state`, and those that are `bundled`. A recipe that cannot be read claims its
/// name, and nothing can depend on it.
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
                recipes.claims.add(&name, &recipe);
                recipes.known.add(&name, &recipe);
            }
            Err(error) => {
                tracing::warn!("recipe {name} cannot be read: {error}");
                recipes.claims.add_unreadable(name);
            }
        }
    }
    Ok(recipes)
}
