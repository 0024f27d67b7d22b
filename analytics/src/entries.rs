//! The entries of all queues, and how many there are of each kind.

use std::collections::BTreeMap;

use batch_core::model::{EcosystemId, PackageId, Queue, QueueEntry, StatusLabel};

/// All entries by tier and id. A number of an entry is its position.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    pub(crate) all: Vec<&'a QueueEntry>,
    /// The numbers of the entries of each ecosystem with each status, sorted.
    numbers: BTreeMap<(&'a EcosystemId, StatusLabel), Vec<usize>>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(queues: &'a BTreeMap<EcosystemId, Queue>) -> Self {
        let mut all: Vec<&QueueEntry> = queues.values().flat_map(BTreeMap::values).collect();
        // They are in the order of their ids.
        all.sort_by_key(|entry| entry.tier);
        let mut numbers: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (i, entry) in all.iter().enumerate() {
            let PackageId { ecosystem, .. } = &entry.id;
            numbers.entry((ecosystem, entry.status.label())).or_default().push(i);
        }
        Self { all, numbers }
    }

    /// The numbers of the entries of an ecosystem, or of all, with a status, or with any, for each
    /// ecosystem and status.
    fn of_each(
        &self,
        ecosystem: Option<&EcosystemId>,
        status: Option<StatusLabel>,
    ) -> impl Iterator<Item = &[usize]> {
        let is_asked = move |(id, label): (&EcosystemId, StatusLabel)| {
            ecosystem.is_none_or(|asked| asked == id) && status.is_none_or(|asked| asked == label)
        };
        self.numbers.iter().filter(move |(key, _)| is_asked(**key)).map(|(_, same)| &**same)
    }

    /// The ecosystems of all entries.
    pub(crate) fn ecosystems(&self) -> Vec<&'a EcosystemId> {
        let mut all: Vec<_> = self.numbers.keys().map(|(ecosystem, _)| *ecosystem).collect();
        all.dedup();
        all
    }

    /// How many entries there are of an ecosystem, or of all, with that status, or with any.
    pub(crate) fn count(
        &self,
        ecosystem: Option<&EcosystemId>,
        status: Option<StatusLabel>,
    ) -> usize {
        self.of_each(ecosystem, status).map(<[usize]>::len).sum()
    }

    /// The numbers of these entries, sorted.
    pub(crate) fn numbers(
        &self,
        ecosystem: Option<&EcosystemId>,
        status: Option<StatusLabel>,
    ) -> Vec<usize> {
        let mut numbers: Vec<usize> = self.of_each(ecosystem, status).flatten().copied().collect();
        numbers.sort_unstable();
        numbers
    }
}
