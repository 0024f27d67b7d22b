//! Decides, before anything is planned, from which source a tool is taken, and which entries a person
//! has to look at because of their names. Nothing here asks a registry, so it costs no attempt.

mod imitations;
mod lint;
mod names;
mod overrides;
mod redirect;
mod reserved;
mod used;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

pub use lint::{Problem, doubtful_recipes, lint};
pub use overrides::Overrides;
pub use reserved::reserved;
pub use used::{has_redirections, used};

use crate::{
    decide::name_registry::NameRegistry,
    model::{
        EcosystemId, OperatorChange, PackageId, Queue, QueueEntry, RecipeName, SourceAudit, Status,
        Threshold,
    },
};

/// All queues, by ecosystem.
pub type Queues<'a> = BTreeMap<&'a EcosystemId, &'a Queue>;

/// What routing depends on.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The decisions of people about sources.
    pub overrides: &'a Overrides,
    /// Decisions of the earlier pipeline, with what the registries said then.
    pub audits: &'a [SourceAudit],
    /// The recipes that exist.
    pub recipes: &'a NameRegistry,
    /// The packages that a person has looked at.
    pub looked_at: &'a BTreeSet<PackageId>,
    /// What the plugins say.
    pub plugins: &'a dyn Plugins,
    /// The time.
    pub now: DateTime<Utc>,
}

/// What plugins say about packages.
pub trait Plugins {
    /// Why no plugin can build `id`, in one line; `None` if one can.
    fn unsupported(&self, id: &PackageId) -> Option<String>;

    /// The name of the recipe of `id`, as far as the name of the package determines it.
    fn usual_name(&self, id: &PackageId) -> RecipeName;

    /// Whether people review the packages of `ecosystem` before its registry accepts them.
    fn is_reviewed(&self, ecosystem: &EcosystemId) -> bool;

    /// From which number on a package of `ecosystem` counts as popular; `None` if its registry
    /// publishes no numbers.
    fn popular(&self, ecosystem: &EcosystemId) -> Option<Threshold>;
}

impl Rules<'_> {
    /// The name of the recipe of `id`, as far as it is known without asking its registry: the one
    /// that a person gave to it, or the usual one.
    fn recipe_name(&self, id: &PackageId) -> RecipeName {
        let curated = self.overrides.recipe_name(id).cloned();
        curated.unwrap_or_else(|| self.plugins.usual_name(id))
    }
}

/// The entries that change. Doing it again with them changes nothing.
#[must_use]
pub fn changed(queues: &Queues<'_>, rules: &Rules<'_>) -> Vec<QueueEntry> {
    let mut draft = Draft { queues, changes: BTreeMap::new() };
    redirect::apply(&mut draft, rules);
    // An imitation claims no name.
    imitations::apply(&mut draft, rules);
    names::apply(&mut draft, rules);
    draft.changes.into_values().collect()
}

/// Queues with the changes that were decided so far.
struct Draft<'a> {
    queues: &'a Queues<'a>,
    changes: BTreeMap<PackageId, QueueEntry>,
}

impl Draft<'_> {
    fn get(&self, id: &PackageId) -> Option<&QueueEntry> {
        let stored = || self.queues.get(&id.ecosystem)?.get(id);
        self.changes.get(id).or_else(stored)
    }

    /// All entries as they are now.
    fn entries(&self) -> impl Iterator<Item = &QueueEntry> {
        let stored = self.queues.values().flat_map(|queue| queue.values());
        let current = stored.map(|entry| self.changes.get(&entry.id).unwrap_or(entry));
        let is_new = |entry: &&QueueEntry| {
            !self.queues.get(&entry.id.ecosystem).is_some_and(|queue| queue.contains_key(&entry.id))
        };
        current.chain(self.changes.values().filter(is_new))
    }

    /// The entries that `change` changes, as they are afterwards.
    fn changed(&self, change: impl Fn(&QueueEntry) -> Option<QueueEntry>) -> Vec<QueueEntry> {
        self.entries().filter_map(change).collect()
    }

    /// Adds `changed`.
    fn put(&mut self, changed: Vec<QueueEntry>) {
        self.changes.extend(changed.into_iter().map(|entry| (entry.id.clone(), entry)));
    }
}

/// Whether nobody has decided yet what becomes of `entry`, so that a rule may hold it back.
fn is_undecided(entry: &QueueEntry) -> bool {
    let waits = matches!(entry.status, Status::Pending | Status::Failed | Status::Blocked { .. });
    // What regressed has a recipe.
    waits && entry.regressed_at.is_none() && !is_released(entry)
}

/// Whether an operator released `entry`, so that no rule holds it back.
fn is_released(entry: &QueueEntry) -> bool {
    let change = entry.operator_change.as_ref();
    change.is_some_and(OperatorChange::is_release)
}

/// `entry` with `status`. Its failures belong to what held before.
fn with_status(entry: &QueueEntry, status: Status) -> QueueEntry {
    QueueEntry {
        status,
        routed_to: None,
        next_retry_at: None,
        consecutive_failures: 0,
        consecutive_faults: 0,
        ..entry.clone()
    }
}

#[cfg(test)]
mod tests;
