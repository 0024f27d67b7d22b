//! The packages that others wait for: what keeps each of them from a recipe, and what its recipe would
//! unlock.

mod cycles;
mod graph;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

pub use graph::Graph;

use crate::{
    decide::{
        clusters::AffectedPopularity,
        route::{Plugins, Queues},
        shell_word::shell_word,
    },
    model::{KnownRecipes, PackageId, Status, StatusLabel},
};

/// How many packages that wait for a blocker are named.
const N_EXAMPLES: usize = 3;

/// Everything that blocks packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Blockers {
    /// The packages that others wait for and that wait for no package themselves, those first that
    /// would unlock most.
    pub blockers: Vec<Blocker>,
    /// Packages that wait for each other, so that none of them can ever be made first.
    pub cycles: Vec<Cycle>,
    /// Number of packages that wait for recipes.
    pub n_blocked: usize,
}

/// A package without a recipe that others wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RootBlocker")]
pub struct Blocker {
    /// The package.
    pub package: PackageId,
    /// Its status in the queue; absent if it is not queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusLabel>,
    /// Why it is not made by itself; absent if a run will attempt it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
    /// Number of packages that wait for it, directly or through other packages.
    pub waiting: usize,
    /// Number of those that wait for nothing else, so that its recipe would release them one after
    /// the other.
    pub unlocks: usize,
    /// The popularity of the packages that it would unlock, by unit and period: numbers of different
    /// registries cannot be added.
    pub popularity: Vec<AffectedPopularity>,
    /// Some of the packages that wait for it.
    pub examples: Vec<PackageId>,
    /// What a person can do, as a command to paste.
    pub command: String,
}

/// Packages that wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "BlockerCycle")]
pub struct Cycle {
    /// Each one waits for the next one, and the last one for the first one.
    pub packages: Vec<PackageId>,
    /// Number of packages that wait for them, themselves included.
    pub waiting: usize,
}

/// What blocks packages in `queues`, where the recipes `known` exist.
#[must_use]
pub fn blockers(queues: &Queues<'_>, known: &KnownRecipes, plugins: &dyn Plugins) -> Blockers {
    let graph = Graph::new(queues, known);
    let roots = graph.roots().map(|root| blocker(root, &graph, queues, plugins));
    let mut blockers: Vec<Blocker> = roots.collect();
    blockers.sort_by(|a, b| {
        (b.unlocks, b.waiting, &a.package).cmp(&(a.unlocks, a.waiting, &b.package))
    });
    let cycle = |packages: Vec<&PackageId>| Cycle {
        waiting: graph.waiting(packages.iter().copied()).len(),
        packages: packages.into_iter().cloned().collect(),
    };
    let cycles = cycles::of(&graph).into_iter().map(cycle).collect();
    Blockers { blockers, cycles, n_blocked: graph.n_waiting() }
}

fn blocker(
    package: &PackageId,
    graph: &Graph<'_>,
    queues: &Queues<'_>,
    plugins: &dyn Plugins,
) -> Blocker {
    let entry = queues.get(&package.ecosystem).and_then(|queue| queue.get(package));
    let waiting = graph.waiting([package]);
    let unlocked = graph.unlocked(package);
    let obstacle = match entry.map(|entry| &entry.status) {
        None => plugins.unsupported(package),
        Some(Status::RequiresManual { reason } | Status::Excluded { reason }) => {
            Some(reason.clone())
        }
        Some(Status::Success) => Some("its recipe exists under another name".to_owned()),
        Some(
            Status::Pending | Status::Failed | Status::Blocked { .. } | Status::InProgress { .. },
        ) => None,
    };
    let id = shell_word(&package.to_string());
    let command = match (entry, &obstacle) {
        (None, None) => format!("tsuku-batch queue add {id}"),
        (Some(entry), Some(_)) if entry.status != Status::Success => {
            format!("tsuku-batch queue unblock {id}")
        }
        (None, Some(_)) | (Some(_), _) => format!("tsuku-batch explain {id}"),
    };
    Blocker {
        status: entry.map(|entry| entry.status.label()),
        obstacle,
        waiting: waiting.len(),
        unlocks: unlocked.len(),
        popularity: popularity(&unlocked, queues),
        examples: waiting.into_iter().take(N_EXAMPLES).cloned().collect(),
        command,
        package: package.clone(),
    }
}

/// The popularity of `packages`, added where unit and period are the same.
fn popularity(packages: &BTreeSet<&PackageId>, queues: &Queues<'_>) -> Vec<AffectedPopularity> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for &id in packages {
        let entry = queues.get(&id.ecosystem).and_then(|queue| queue.get(id));
        if let Some(popularity) = entry.and_then(|entry| entry.popularity.as_ref()) {
            let measure = (&id.ecosystem, &popularity.unit, popularity.period_days);
            let sum = sums.entry(measure).or_default();
            *sum = sum.saturating_add(popularity.value);
        }
    }
    let sum = |((ecosystem, unit, period_days), value): ((_, &String, _), u64)| {
        let (ecosystem, unit): (&crate::model::EcosystemId, _) = (ecosystem, unit.clone());
        AffectedPopularity { ecosystem: ecosystem.clone(), value, unit, period_days }
    };
    sums.into_iter().map(sum).collect()
}

#[cfg(test)]
pub(crate) mod tests;
