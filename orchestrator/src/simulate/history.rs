//! The recorded history of a root, for comparison with a simulation.

use std::{
    collections::{BTreeMap, HashSet},
    ops::ControlFlow,
};

use batch_core::{
    io::{HistoryFilter, StateReader, Visited},
    model::{Environment, EnvironmentCounts, Rung},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What the recorded history of a root says, for comparison.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct History {
    /// Recorded failures.
    pub failures: u64,
    /// Packages with a recorded failure.
    pub failed_packages: usize,
    /// Recorded runs.
    pub runs: u64,
    /// Jobs, one for each environment of each of these runs, if each tests everything everywhere.
    pub jobs_of_full_matrix: u64,
    /// Jobs that the ladder needs for the same results: none without a recipe, and no expensive
    /// environment before a cheap one passed.
    pub jobs_of_ladder: u64,
}

impl History {
    /// The history of `state`. What is damaged is passed over.
    pub fn read(state: &dyn StateReader) -> anyhow::Result<Self> {
        let mut history = Self::default();
        let mut packages = HashSet::new();
        state.visit_failure_summaries(&HistoryFilter::default(), &mut |visited| {
            if let Visited::Record(failure) = visited {
                history.failures += 1;
                packages.insert(failure.package_id);
            }
            ControlFlow::Continue(())
        })?;
        state.visit_runs(&HistoryFilter::default(), &mut |visited| {
            if let Visited::Record(run) = visited {
                history.runs += 1;
                history.jobs_of_full_matrix += n(Environment::ALL.len());
                let has_recipe = run.generated > 0 || !run.environments.is_empty();
                history.jobs_of_ladder += if has_recipe { ladder(&run.environments) } else { 0 };
            }
            ControlFlow::Continue(())
        })?;
        history.failed_packages = packages.len();
        Ok(history)
    }
}

/// The environments that recipes with these results climb to.
fn ladder(results: &BTreeMap<Environment, EnvironmentCounts>) -> u64 {
    let of = |rung: Rung| Environment::ALL.iter().filter(move |&&place| Rung::of(place) == rung);
    let passes = |rung| of(rung).any(|place| results.get(place).is_some_and(|it| it.passed > 0));
    let fails = |rung| of(rung).any(|place| results.get(place).is_some_and(|it| it.failed > 0));
    let mut jobs = of(Rung::First).count();
    // What was not tested there is taken for a pass.
    if fails(Rung::First) && !passes(Rung::First) {
        return n(jobs);
    }
    jobs += of(Rung::OtherX86).count() + of(Rung::Arm).count();
    let linux = [Rung::First, Rung::OtherX86, Rung::Arm];
    if linux.into_iter().any(passes) || !linux.into_iter().any(fails) {
        jobs += of(Rung::Mac).count();
    }
    n(jobs)
}

fn n(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
