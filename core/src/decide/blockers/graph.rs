//! Which package waits for which.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decide::route::Queues,
    model::{KnownRecipes, PackageId, Status},
};

/// The packages that wait, and what they wait for. Each edge is looked at a fixed number of times for
/// each package at its end, so deep chains and packages that many others need cost no more.
#[derive(Debug, Default)]
pub struct Graph<'a> {
    /// The packages that wait, each with the packages whose recipes it misses.
    missing: BTreeMap<&'a PackageId, Vec<PackageId>>,
    /// The other way round.
    dependents: BTreeMap<PackageId, Vec<&'a PackageId>>,
}

impl<'a> Graph<'a> {
    /// The graph of the entries that wait for recipes other than `known`. An entry of which all
    /// recipes are known waits for nothing.
    pub fn new(queues: &Queues<'a>, known: &KnownRecipes) -> Self {
        let mut graph = Self::default();
        for entry in queues.values().flat_map(|queue| queue.values()) {
            let Status::Blocked { by } = &entry.status else { continue };
            let missing = by.iter().filter(|name| !known.provides(name.as_str()));
            let mut missing: Vec<PackageId> = missing
                .map(|name| PackageId { ecosystem: entry.id.ecosystem.clone(), name: name.clone() })
                .collect();
            missing.sort_unstable();
            missing.dedup();
            if missing.is_empty() {
                continue;
            }
            for id in &missing {
                graph.dependents.entry(id.clone()).or_default().push(&entry.id);
            }
            graph.missing.insert(&entry.id, missing);
        }
        graph
    }

    /// Number of packages that wait.
    pub fn n_waiting(&self) -> usize {
        self.missing.len()
    }

    /// The packages that wait, each with what it waits for.
    pub fn missing(&self) -> impl Iterator<Item = (&'a PackageId, &[PackageId])> {
        self.missing.iter().map(|(id, missing)| (*id, missing.as_slice()))
    }

    /// What `id` waits for; `None` if it does not wait.
    pub(in crate::decide) fn missing_of(&self, id: &PackageId) -> Option<&[PackageId]> {
        self.missing.get(id).map(Vec::as_slice)
    }

    /// The packages that wait for `id` itself.
    pub(super) fn dependents(&self, id: &PackageId) -> &[&'a PackageId] {
        self.dependents.get(id).map_or(&[], Vec::as_slice)
    }

    /// The packages that others wait for and that do not wait themselves.
    pub fn roots(&self) -> impl Iterator<Item = &PackageId> {
        self.dependents.keys().filter(|id| !self.missing.contains_key(id))
    }

    /// The packages that wait for one of `ids`, directly or through others.
    pub fn waiting<'b>(
        &self,
        ids: impl IntoIterator<Item = &'b PackageId>,
    ) -> BTreeSet<&'a PackageId> {
        let mut found = BTreeSet::new();
        let mut next: Vec<&PackageId> = vec![];
        for id in ids {
            next.extend(self.dependents(id));
        }
        while let Some(id) = next.pop() {
            if let Some((&id, _)) = self.missing.get_key_value(id)
                && found.insert(id)
            {
                next.extend(self.dependents(id));
            }
        }
        found
    }

    /// The packages that would be free one after the other if `id` had a recipe.
    pub fn unlocked(&self, id: &PackageId) -> BTreeSet<&'a PackageId> {
        let mut left: BTreeMap<&PackageId, usize> = BTreeMap::new();
        let mut found = BTreeSet::new();
        let mut next: Vec<&'a PackageId> = vec![];
        let mut made = Some(id.clone());
        while let Some(id) = made {
            for &waiting in self.dependents(&id) {
                let n = || self.missing.get(waiting).map_or(0, Vec::len);
                let left = left.entry(waiting).or_insert_with(n);
                *left = left.saturating_sub(1);
                if *left == 0 && found.insert(waiting) {
                    next.push(waiting);
                }
            }
            made = next.pop().cloned();
        }
        found
    }
}
