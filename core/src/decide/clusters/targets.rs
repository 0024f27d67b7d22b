//! The packages of the queues, as far as counting needs them.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Hasher, hash};
use crate::model::{EcosystemId, QueueEntry, Status};

/// The packages that wait for a recipe, by the hashes of their ids, with their popularity.
#[derive(Debug, Default)]
pub struct Targets {
    waiting: HashMap<u64, Waiting, Hasher>,
    measures: Vec<Measure>,
}

/// What the numbers of some packages mean.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Measure {
    ecosystem: EcosystemId,
    unit: String,
    period_days: Option<u32>,
}

/// A package that waits for a recipe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    popularity: Option<Known>,
}

/// A known popularity.
#[derive(Debug, Clone, Copy)]
struct Known {
    value: u64,
    /// Index of a measure.
    measure: usize,
}

/// The popularity of several packages of one ecosystem, in one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AffectedPopularity {
    /// The ecosystem of the packages.
    pub ecosystem: EcosystemId,
    /// The sum.
    pub value: u64,
    /// What is counted, for example `downloads`.
    pub unit: String,
    /// The period in days; absent for a total since the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_days: Option<u32>,
}

impl Targets {
    /// Adds the package of `entry`, if it waits for a recipe: not if its recipe exists or is on its
    /// way, and not if it is excluded.
    pub fn add(&mut self, entry: &QueueEntry) {
        match entry.status {
            Status::Pending
            | Status::Failed
            | Status::Blocked { .. }
            | Status::RequiresManual { .. } => (),
            Status::InProgress { .. } | Status::Success | Status::Excluded { .. } => return,
        }
        let popularity = entry.popularity.as_ref().map(|popularity| {
            let measure = Measure {
                ecosystem: entry.id.ecosystem.clone(),
                unit: popularity.unit.clone(),
                period_days: popularity.period_days,
            };
            let index = self.measures.iter().position(|known| *known == measure);
            let measure = index.unwrap_or_else(|| {
                self.measures.push(measure);
                self.measures.len() - 1
            });
            Known { value: popularity.value, measure }
        });
        self.waiting.insert(hash(&entry.id), Waiting { popularity });
    }

    /// The package with this hash, if it waits for a recipe.
    pub(super) fn waiting(&self, package: u64) -> Option<Waiting> {
        self.waiting.get(&package).copied()
    }
}

/// Sums of popularity by measure.
#[derive(Debug, Default)]
pub(super) struct Sums(Vec<Known>);

impl Sums {
    pub(super) fn add(&mut self, package: Waiting) {
        let Some(known) = package.popularity else { return };
        match self.0.iter_mut().find(|sum| sum.measure == known.measure) {
            Some(sum) => sum.value = sum.value.saturating_add(known.value),
            None => self.0.push(known),
        }
    }

    /// The sums, sorted by ecosystem and unit.
    pub(super) fn named(&self, targets: &Targets) -> Vec<AffectedPopularity> {
        let named = |sum: &Known| {
            let Measure { ecosystem, unit, period_days } = targets.measures.get(sum.measure)?;
            Some(AffectedPopularity {
                ecosystem: ecosystem.clone(),
                value: sum.value,
                unit: unit.clone(),
                period_days: *period_days,
            })
        };
        let mut named: Vec<AffectedPopularity> = self.0.iter().filter_map(named).collect();
        named.sort_by(|a, b| {
            let key = |it: &AffectedPopularity| (it.ecosystem.clone(), it.unit.clone());
            key(a).cmp(&key(b)).then(a.period_days.cmp(&b.period_days))
        });
        named
    }
}
