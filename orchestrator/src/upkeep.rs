//! Brings the queues of a root up to date before anything is planned: with the recipes that exist, with
//! the decisions of people about sources, and with what packages wait for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::{
        preflight::Choice,
        reconcile,
        requeue::{self, Inputs},
        reserved::Reserved,
        route::Plugins as _,
    },
    io::{QueueFile, StateReader, StateWriter},
    model::{EcosystemId, PackageId, Queue, QueueEntry},
    plugin::Registry,
};
use chrono::{DateTime, Utc};

use crate::{
    routing::{self, LinkedPlugins, Routing},
    seeds,
    stage::preflight::Recipes,
};

/// What the upkeep of queues depends on.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct UpkeepInput<'a> {
    pub registry: &'a Registry,
    /// The packages that a person has looked at.
    pub looked_at: &'a BTreeSet<PackageId>,
    pub recipes: &'a Recipes,
    /// The ecosystems whose queues are brought up to date. Sources and names are looked at only for
    /// all of them together.
    pub choice: &'a Choice,
    /// Name and version of the generator of the next run; `None` without a run.
    pub generator: Option<&'a str>,
    pub now: DateTime<Utc>,
}

/// What changes in the queues.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// The entries that change, each with its present state; `None` for a new entry.
    pub changes: Vec<(Option<QueueEntry>, QueueEntry)>,
    /// Number of entries that change because recipes were added or removed.
    pub n_reconciled: usize,
    /// Number of entries that become due again, by ecosystem.
    pub released: BTreeMap<EcosystemId, u64>,
    /// What belongs to packages without recipes afterwards; `None` where sources and names are not
    /// looked at.
    pub reserved: Option<Reserved>,
    /// Decisions about sources that could not be read, each with file, line and reason.
    pub problems: Vec<String>,
}

type Files = BTreeMap<EcosystemId, Arc<QueueFile>>;

/// Decides what changes in the queues of `state`. Nothing is written.
pub fn decide(state: &dyn StateReader, input: &UpkeepInput<'_>) -> anyhow::Result<Upkeep> {
    let UpkeepInput { registry, looked_at, recipes, choice, generator, now } = *input;
    let mut before = routing::files(state)?;
    before.retain(|ecosystem, _| choice.includes(ecosystem));
    let mut draft = Draft { files: before.clone(), changed: BTreeSet::new(), input };
    let (reconciled, n_reconciled) = reconciled(&before, input);
    draft.put(reconciled);

    // Only all queues together are routed, and only routing needs all decisions.
    let routing = match choice {
        Choice::All => Some(Routing::read(state, registry, looked_at, now)?),
        Choice::Auto | Choice::One(_) | Choice::Several(_) => None,
    };
    let overrides = match &routing {
        Some(routing) => routing.overrides.clone(),
        None => routing::overrides(state, registry, now)?,
    };
    let inputs = Inputs {
        known: &recipes.known,
        plugins: &LinkedPlugins(registry),
        overrides: &overrides,
        generator,
        now,
    };
    // What is queued now may have a name that another entry has too, and what is selected now may be as
    // important as what it takes the place of.
    draft.put(requeue::changed(&routing::queues(&draft.files), &inputs));
    let mut reserved = None;
    if let Some(routing) = &routing {
        draft.put(routing.changed(&draft.files, &recipes.name_registry));
        draft.put(requeue::changed(&routing::queues(&draft.files), &inputs));
        reserved = Some(routing.reserved(&draft.files, &recipes.name_registry));
    }

    let entry = |files: &Files, id: &PackageId| files.get(&id.ecosystem)?.entries.get(id).cloned();
    let pair = |id: &PackageId| Some((entry(&before, id), entry(&draft.files, id)?));
    let changes = draft.changed.iter().filter_map(pair);
    let changes: Vec<(Option<QueueEntry>, QueueEntry)> =
        changes.filter(|(before, after)| before.as_ref() != Some(after)).collect();
    let released = released(&changes, now);
    Ok(Upkeep {
        changes,
        n_reconciled,
        released,
        reserved,
        problems: routing.map(|it| it.problems).unwrap_or_default(),
    })
}

fn released(
    changes: &[(Option<QueueEntry>, QueueEntry)],
    now: DateTime<Utc>,
) -> BTreeMap<EcosystemId, u64> {
    let mut released = BTreeMap::new();
    for (before, after) in changes {
        if before.as_ref().is_some_and(|before| requeue::is_due_again(before, after, now)) {
            *released.entry(after.id.ecosystem.clone()).or_default() += 1;
        }
    }
    released
}

/// Writes `upkeep` into `state`, which nobody else may change since it was decided. Returns the number
/// of entries.
pub fn write(
    state: &dyn StateWriter,
    upkeep: Upkeep,
    input: &UpkeepInput<'_>,
) -> anyhow::Result<usize> {
    let entries = upkeep.changes.into_iter().map(|(_, after)| after).collect();
    routing::write(state, input.registry, entries, input.now)
}

/// The entries that change because recipes were added or removed, and the number of those whose status
/// changes.
fn reconciled(files: &Files, input: &UpkeepInput<'_>) -> (Vec<QueueEntry>, usize) {
    let (mut all, mut n) = (vec![], 0);
    for file in files.values() {
        let (entries, counts) = reconciled_queue(file, input.recipes, input.registry);
        n += counts.merged + counts.vanished + counts.released;
        all.extend(entries.into_values());
    }
    (all, n)
}

/// The entries of the queue `file` that change because of the `recipes` that exist, and how many change
/// in which way.
pub fn reconciled_queue(
    file: &QueueFile,
    recipes: &Recipes,
    registry: &Registry,
) -> (Queue, reconcile::Changes) {
    let Some(plugin) = registry.get(&file.header.ecosystem) else { return Default::default() };
    let Recipes { name_registry, known, .. } = recipes;
    let (plugins, installed) =
        (LinkedPlugins(registry), name_registry.installed(plugin.recipe_actions));
    let recipes = reconcile::Recipes {
        name_registry,
        installed: &|package| installed.recipe_of(package),
        known,
        usual: &|id| plugins.usual_name(id),
    };
    reconcile::changed_entries(&file.entries, recipes)
}

/// Queues with the changes that were decided so far. A queue that does not change is shared.
struct Draft<'a> {
    files: Files,
    changed: BTreeSet<PackageId>,
    input: &'a UpkeepInput<'a>,
}

impl Draft<'_> {
    /// Replaces or adds `entries`.
    fn put(&mut self, entries: Vec<QueueEntry>) {
        let mut queues: BTreeMap<EcosystemId, Queue> = BTreeMap::new();
        for entry in entries {
            self.changed.insert(entry.id.clone());
            let queue = queues.entry(entry.id.ecosystem.clone()).or_default();
            queue.insert(entry.id.clone(), entry);
        }
        for (ecosystem, queue) in queues {
            if !self.files.contains_key(&ecosystem) {
                let Some(plugin) = self.input.registry.get(&ecosystem) else { continue };
                let empty = seeds::empty(plugin, self.input.now);
                self.files.insert(ecosystem.clone(), Arc::new(empty));
            }
            if let Some(file) = self.files.get_mut(&ecosystem) {
                Arc::make_mut(file).change(queue, self.input.now);
            }
        }
    }
}
