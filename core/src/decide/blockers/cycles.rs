//! Packages that wait for each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{decide::blockers::Graph, model::PackageId};

/// Cycles of `graph`, at least one of each group of packages that wait for each other. Each begins
/// with its first package by id.
pub(super) fn of<'a>(graph: &'a Graph<'_>) -> Vec<Vec<&'a PackageId>> {
    let stuck = stuck(graph);
    let mut seen: BTreeSet<&PackageId> = BTreeSet::new();
    let mut cycles = vec![];
    for &start in &stuck {
        // Each stuck package waits for another one, so that following them ends in a cycle.
        let (mut path, mut place) = (vec![], BTreeMap::new());
        let mut id = start;
        while seen.insert(id) {
            place.insert(id, path.len());
            path.push(id);
            let next = graph.missing_of(id).into_iter().flatten().find(|id| stuck.contains(id));
            let Some(next) = next else { break };
            id = next;
        }
        if let Some(&first) = place.get(id) {
            let mut cycle = path.split_off(first);
            let least = cycle.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(i, _)| i);
            cycle.rotate_left(least);
            cycles.push(cycle);
        }
    }
    cycles.sort();
    cycles
}

/// The packages that would still wait if everything were made that can be made: those of cycles, and
/// those that wait for cycles.
fn stuck<'a>(graph: &'a Graph<'_>) -> BTreeSet<&'a PackageId> {
    let mut left: BTreeMap<&PackageId, usize> =
        graph.missing().map(|(id, missing)| (id, missing.len())).collect();
    let mut made: Vec<&PackageId> = graph.roots().collect();
    while let Some(id) = made.pop() {
        for &waiting in graph.dependents(id) {
            if let Some(n) = left.get_mut(waiting) {
                *n -= 1;
                if *n == 0 {
                    left.remove(waiting);
                    made.push(waiting);
                }
            }
        }
    }
    left.into_keys().collect()
}
