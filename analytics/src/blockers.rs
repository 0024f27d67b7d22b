//! Packages that block others. [`batch_core::decide::blockers`] decides what each of them unlocks.

use std::collections::BTreeMap;

use batch_core::{
    decide::{blockers::Graph, route::Queues, shell_word::shell_word},
    model::{EcosystemId, KnownRecipes, PackageId, PackageName, QueueEntry, Status},
};

use crate::records::Records;

/// A package that queued packages depend on and that has no recipe yet.
#[derive(Debug)]
pub(crate) struct Blocker<'a> {
    /// The blocking package, in the ecosystem of the entries that it blocks.
    pub(crate) id: PackageId,
    /// The entries that name it, sorted by id; never empty.
    pub(crate) waiting: Vec<&'a QueueEntry>,
    /// The entries that its recipe would free, one after the other.
    pub(crate) unlocks: Vec<&'a PackageId>,
    /// The blocking package's own queue entry, if it is queued.
    pub(crate) entry: Option<&'a QueueEntry>,
}

impl Blocker<'_> {
    /// What a person can do.
    pub(crate) fn command(&self) -> String {
        let id = shell_word(&self.id.to_string());
        let verb = match self.entry.map(|entry| &entry.status) {
            None => "queue add",
            Some(Status::RequiresManual { .. } | Status::Excluded { .. }) => "queue unblock",
            Some(_) => "explain",
        };
        format!("tsuku-batch {verb} {id}")
    }
}

/// All blockers. The one that unlocks the most entries comes first.
pub(crate) fn rank(records: &Records) -> Vec<Blocker<'_>> {
    let queues: Queues<'_> = records.queues.iter().collect();
    let mut known = KnownRecipes::default();
    let none = BTreeMap::new();
    records.recipe_names.iter().for_each(|name| known.add_named(name, &none));
    let graph = Graph::new(&queues, &known);
    let mut waiting: BTreeMap<(&EcosystemId, &PackageName), Vec<&QueueEntry>> = BTreeMap::new();
    for (&ecosystem, queue) in &queues {
        for entry in queue.values() {
            let Status::Blocked { by } = &entry.status else { continue };
            for name in by {
                let entries = waiting.entry((ecosystem, name)).or_default();
                // An entry may list a blocker twice; it still counts once.
                if entries.last().is_none_or(|last| last.id != entry.id) {
                    entries.push(entry);
                }
            }
        }
    }
    let blocker = |((ecosystem, name), waiting): ((&EcosystemId, &PackageName), _)| {
        let id = PackageId { ecosystem: ecosystem.clone(), name: name.clone() };
        let entry = queues.get(ecosystem).and_then(|queue| queue.get(&id));
        let unlocks = graph.unlocked(&id).into_iter().collect();
        Blocker { id, waiting, unlocks, entry }
    };
    let mut blockers: Vec<_> = waiting.into_iter().map(blocker).collect();
    blockers.sort_by(|a, b| {
        let size = |blocker: &Blocker<'_>| (blocker.unlocks.len(), blocker.waiting.len());
        size(b).cmp(&size(a)).then_with(|| a.id.cmp(&b.id))
    });
    blockers
}
