//! What packages wait for.

use std::collections::BTreeMap;

use batch_core::model::{EcosystemId, PackageId, PackageName, Queue, QueueEntry, Status};

/// A package that others wait for.
#[derive(Debug)]
pub(crate) struct Blocker<'a> {
    /// As if it were an entry of the queue of those that wait.
    pub(crate) id: PackageId,
    /// Sorted by id; never empty.
    pub(crate) waiting: Vec<&'a QueueEntry>,
    /// Its own entry, if it is queued.
    pub(crate) entry: Option<&'a QueueEntry>,
}

/// All blockers; the one that most entries wait for comes first.
pub(crate) fn rank(queues: &BTreeMap<EcosystemId, Queue>) -> Vec<Blocker<'_>> {
    let mut waiting: BTreeMap<(&EcosystemId, &PackageName), Vec<&QueueEntry>> = BTreeMap::new();
    for (ecosystem, entry) in queues.iter().flat_map(|(id, q)| q.values().map(move |e| (id, e))) {
        if let Status::Blocked { by } = &entry.status {
            for name in by {
                let entries = waiting.entry((ecosystem, name)).or_default();
                // A name given twice is still one package that waits.
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
