//! Collects what is known about a package.

use std::{collections::BTreeMap, sync::Arc};

use batch_core::{
    decide::{
        explain::{Blocker, Case, LastAttempt, Reader, Turns},
        plan::{self, BatchLimit, Place},
        preflight::admission,
        rotation,
    },
    io::StateReader as _,
    model::{
        ActionShape, Control, EcosystemId, FailureRecord, PackageId, PackageName, Queue,
        QueueEntry, RecipeName, Remembered, SkipReason, Status, Tier,
    },
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};

use super::history;
use crate::{
    cli::{Context, damage::Damage},
    env::Root,
    explained, machine,
    stage::preflight::{self, Recipes},
};

/// What is known about a package.
pub(super) struct Facts {
    /// The queue of its ecosystem.
    pub(super) queue: Queue,
    recipe: Option<RecipeName>,
    remembered: Option<Remembered>,
    attempts: Vec<LastAttempt>,
    blocked_by: Vec<Blocker>,
    blocks: Vec<PackageId>,
    obstacle: Option<SkipReason>,
    place: Option<Result<Place, SkipReason>>,
    turns: Turns,
    now: DateTime<Utc>,
}

impl Facts {
    /// Reads the state. What cannot be read is added to `damage`.
    pub(super) fn collect(
        plugin: Option<&'static EcosystemPlugin>,
        package: &PackageId,
        failure: Option<FailureRecord>,
        (root, cx): (&Root, &Context),
        damage: &mut Damage,
    ) -> anyhow::Result<Self> {
        let now = cx.env.clock.now();
        let control = root.control(&cx.env.registry)?;
        let mut queues = queues(root, damage)?;
        let queue = queues.remove(&package.ecosystem).unwrap_or_default();
        let entry = queue.get(package);
        let by = match entry.map(|entry| &entry.status) {
            Some(Status::Blocked { by }) => by.clone(),
            Some(_) | None => vec![],
        };
        // All recipes are read only if one of them is asked about.
        let recipes = if entry.is_none() || !by.is_empty() {
            let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
            preflight::recipes(&actions, &root.settings.bundled_recipes, &root.state)?
        } else {
            Recipes::default()
        };
        let recipe = match entry {
            Some(entry) => own_recipe(entry, root)?,
            None => plugin.and_then(|plugin| {
                let installed = recipes.name_registry.installed(plugin.recipe_actions);
                installed.recipe_of(&package.name).cloned()
            }),
        };
        let limit =
            BatchLimit { size: root.settings.selection.batch_size.get_usize(), tier: Tier::REST };
        let policy = root.settings.breaker_policy();
        let admission = admission(&package.ecosystem, &control, (now, &policy));
        let remembered = match entry {
            Some(_) => None,
            None => remembered(package, root, damage),
        };
        let reader: Reader<'_> = &|record| explained::of_stored(record, &cx.env.registry);
        Ok(Self {
            place: plan::place(&queue, package, &admission, limit, now),
            obstacle: plugin.and_then(|plugin| obstacle(plugin, &control, now)),
            attempts: history::attempts(package, (entry, now), failure, (root, reader), damage)?,
            blocked_by: by.iter().map(|name| blocker(name, package, &queue, &recipes)).collect(),
            blocks: blocks(package, recipe.as_ref(), queues.values().chain([&queue])),
            remembered,
            turns: turns(Some(&package.ecosystem), cx),
            recipe,
            queue,
            now,
        })
    }

    pub(super) fn case<'a>(&'a self, package: &'a PackageId) -> Case<'a> {
        Case {
            package,
            entry: self.queue.get(package),
            recipe: self.recipe.as_ref(),
            remembered: self.remembered.as_ref(),
            attempts: &self.attempts,
            blocked_by: &self.blocked_by,
            blocks: &self.blocks,
            obstacle: self.obstacle.as_ref(),
            place: self.place.as_ref(),
            turns: self.turns,
            now: self.now,
        }
    }
}

/// The runs of `ecosystem`, as the rotation plans them.
pub(super) fn turns(ecosystem: Option<&EcosystemId>, cx: &Context) -> Turns {
    let registry = &cx.env.registry;
    let n_ecosystems = registry.iter().count();
    let rank = registry.iter().position(|plugin| ecosystem == Some(&plugin.id));
    let now = cx.env.clock.now();
    let next_slot = rank.and_then(|rank| rotation::next_own_slot(rank, n_ecosystems, now));
    Turns { next_slot, n_ecosystems }
}

/// All queues that can be read.
fn queues(root: &Root, damage: &mut Damage) -> anyhow::Result<BTreeMap<EcosystemId, Queue>> {
    let mut queues = BTreeMap::new();
    for id in root.state.queued_ecosystems()? {
        match root.state.queue(&id) {
            Ok(Some(queue)) => {
                queue.quarantined.iter().for_each(|damaged| damage.note(damaged));
                queues.insert(id, Arc::unwrap_or_clone(queue).entries);
            }
            Ok(None) => (),
            Err(error) => damage.note(&error),
        }
    }
    Ok(queues)
}

/// The recipe that was made of `entry`, if it exists.
fn own_recipe(entry: &QueueEntry, root: &Root) -> anyhow::Result<Option<RecipeName>> {
    let Some(name) = &entry.recipe else { return Ok(None) };
    match root.state.recipe(name) {
        Ok(text) => Ok(text.map(|_| name.clone())),
        // It exists, and `recipe check` says what is wrong with it.
        Err(error) if error.kind.is_about_the_file() => Ok(Some(name.clone())),
        Err(error) => Err(error.into()),
    }
}

fn remembered(package: &PackageId, root: &Root, damage: &mut Damage) -> Option<Remembered> {
    match root.state.remembered(&package.ecosystem) {
        Ok(mut packages) => packages.remove(&package.name),
        Err(error) => {
            damage.note(&error);
            None
        }
    }
}

/// What stops the ecosystem of `plugin` on every machine.
fn obstacle(plugin: &EcosystemPlugin, control: &Control, now: DateTime<Utc>) -> Option<SkipReason> {
    let is_unfinished = machine::is_unfinished(plugin).then_some(SkipReason::BuilderMissing);
    is_unfinished.or_else(|| preflight::paused_host(plugin, control, now))
}

fn blocker(name: &PackageName, package: &PackageId, queue: &Queue, recipes: &Recipes) -> Blocker {
    let id = PackageId { ecosystem: package.ecosystem.clone(), name: name.clone() };
    Blocker {
        has_recipe: recipes.known.provides(name.as_str()),
        status: queue.get(&id).map(|entry| entry.status.label()),
        name: id.name,
    }
}

/// The entries that wait for `package`: those of its ecosystem that name it, and all that name its
/// recipe.
fn blocks<'a>(
    package: &PackageId,
    recipe: Option<&RecipeName>,
    queues: impl Iterator<Item = &'a Queue>,
) -> Vec<PackageId> {
    let is_named = |name: &PackageName, ecosystem: &EcosystemId| {
        *ecosystem == package.ecosystem && *name == package.name
            || recipe.is_some_and(|recipe| recipe.as_str() == name.as_str())
    };
    let waits = |entry: &&QueueEntry| match &entry.status {
        Status::Blocked { by } => by.iter().any(|name| is_named(name, &entry.id.ecosystem)),
        Status::Pending
        | Status::InProgress { .. }
        | Status::Success
        | Status::Failed
        | Status::RequiresManual { .. }
        | Status::Excluded { .. } => false,
    };
    let mut blocks: Vec<PackageId> =
        queues.flat_map(Queue::values).filter(waits).map(|entry| entry.id.clone()).collect();
    blocks.sort();
    blocks
}
