//! Packages that block others.

use std::collections::BTreeMap;

use batch_core::model::{EcosystemId, PackageId, PackageName, Queue, QueueEntry, Status};

/// A package that queued packages depend on and that has no recipe yet.
#[derive(Debug)]
pub(crate) struct Blocker<'a> {
    /// The blocking package, in the ecosystem of the entries that it blocks.
    pub(crate) id: PackageId,
    /// The blocked entries, sorted by id; never empty.
    pub(crate) waiting: Vec<&'a QueueEntry>,
    /// The blocking package's own queue entry, if it is queued.
    pub(crate) entry: Option<&'a QueueEntry>,
}

/// All blockers. The one that blocks the most entries comes first.
pub(crate) fn rank(queues: &BTreeMap<EcosystemId, Queue>) -> Vec<Blocker<'_>> {
    let mut waiting: BTreeMap<(&EcosystemId, &PackageName), Vec<&QueueEntry>> = BTreeMap::new();
    for (ecosystem, entry) in queues.iter().flat_map(|(id, q)| q.values().map(move |e| (id, e))) {
        if let Status::Blocked { by } = &entry.status {
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
        Blocker { entry: queues.get(ecosystem).and_then(|queue| queue.get(&id)), id, waiting }
    };
    let mut blockers: Vec<_> = waiting.into_iter().map(blocker).collect();
    blockers.sort_by(|a, b| b.waiting.len().cmp(&a.waiting.len()).then_with(|| a.id.cmp(&b.id)));
    blockers
}
