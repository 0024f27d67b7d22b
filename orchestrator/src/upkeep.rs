//! Brings the queues of a root up to date before anything is planned: with the recipes that exist, with
//! the decisions of people about sources, and with what packages wait for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::{
        reconcile,
        requeue::{self, Inputs},
        route::Plugins as _,
    },
    io::{QueueFile, StateReader, StateWriter},
    model::{EcosystemId, PackageId, QueueEntry},
    plugin::Registry,
};
use chrono::{DateTime, Utc};

use crate::{
    routing::{self, LinkedPlugins, Routing},
    seeds,
    settings::Settings,
    stage::preflight::Recipes,
};

/// What the upkeep of queues depends on.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct UpkeepInput<'a> {
    pub registry: &'a Registry,
    pub settings: &'a Settings,
    pub recipes: &'a Recipes,
    /// Name and version of the generator of the next run; `None` without a run.
    pub generator: Option<&'a str>,
    pub now: DateTime<Utc>,
}

/// What changes in the queues.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// The entries that change, each with its present state; `None` for a new entry.
    pub changes: Vec<(Option<QueueEntry>, QueueEntry)>,
    /// Decisions about sources that could not be read, each with file, line and reason.
    pub problems: Vec<String>,
}

type Files = BTreeMap<EcosystemId, Arc<QueueFile>>;

/// Decides what changes in the queues of `state`. Nothing is written.
pub fn decide(state: &dyn StateReader, input: &UpkeepInput<'_>) -> anyhow::Result<Upkeep> {
    let UpkeepInput { registry, settings, recipes, generator, now } = *input;
    let before = routing::files(state)?;
    let mut files = before.clone();
    let mut changed = BTreeSet::new();
    put(&mut files, reconciled(&before, input), &mut changed, input);

    let routing = Routing::read(state, registry, settings, now)?;
    let routed = routing.changed(&files, &recipes.name_registry);
    put(&mut files, routed, &mut changed, input);

    let inputs = Inputs {
        known: &recipes.known,
        plugins: &LinkedPlugins(registry),
        overrides: &routing.overrides,
        generator,
        now,
    };
    let requeued = requeue::changed(&routing::queues(&files), &inputs);
    put(&mut files, requeued, &mut changed, input);

    let entry = |files: &Files, id: &PackageId| files.get(&id.ecosystem)?.entries.get(id).cloned();
    let pair = |id: &PackageId| Some((entry(&before, id), entry(&files, id)?));
    let changes = changed.iter().filter_map(pair);
    let changes = changes.filter(|(before, after)| before.as_ref() != Some(after)).collect();
    Ok(Upkeep { changes, problems: routing.problems })
}

/// Writes `upkeep` into `state`, which nobody else may change since it was decided. Returns the number
/// of entries.
pub fn write(
    state: &dyn StateWriter,
    upkeep: &Upkeep,
    input: &UpkeepInput<'_>,
) -> anyhow::Result<usize> {
    let entries = upkeep.changes.iter().map(|(_, after)| after.clone()).collect();
    routing::write(state, input.registry, entries, input.now)
}

/// The entries that change because recipes were added or removed.
fn reconciled(files: &Files, input: &UpkeepInput<'_>) -> Vec<QueueEntry> {
    let Recipes { name_registry, known } = input.recipes;
    let plugins = LinkedPlugins(input.registry);
    let mut changed = vec![];
    for (ecosystem, file) in files {
        let Some(plugin) = input.registry.get(ecosystem) else { continue };
        let installed = name_registry.installed(plugin.recipe_actions);
        let usual = |id: &PackageId| plugins.usual_name(id);
        let recipes =
            reconcile::Recipes { name_registry, installed: &installed, known, usual: &usual };
        let mut queue = file.entries.clone();
        if reconcile::queue(&mut queue, recipes) != reconcile::Changes::default() {
            let is_new = |entry: &QueueEntry| file.entries.get(&entry.id) != Some(entry);
            changed.extend(queue.into_values().filter(is_new));
        }
    }
    changed
}

/// Replaces `entries` in `files` and adds their ids to `changed`.
fn put(
    files: &mut Files,
    entries: Vec<QueueEntry>,
    changed: &mut BTreeSet<PackageId>,
    input: &UpkeepInput<'_>,
) {
    for entry in entries {
        let ecosystem = &entry.id.ecosystem;
        if !files.contains_key(ecosystem) {
            let Some(plugin) = input.registry.get(ecosystem) else { continue };
            files.insert(ecosystem.clone(), Arc::new(seeds::empty(plugin, input.now)));
        }
        if let Some(file) = files.get_mut(ecosystem) {
            changed.insert(entry.id.clone());
            Arc::make_mut(file).entries.insert(entry.id.clone(), entry);
        }
    }
}
