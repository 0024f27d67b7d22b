//! Simulates months of runs in seconds, on a copy of a root.
//!
//! The runs are the real ones, with all their stages, decisions and rules; only what costs time or
//! leaves the machine is replaced: the clock, the network, the generator and the validator.

mod forge;
mod history;
mod measure;
mod merges;
mod observed;
mod oracle;
mod plot;
mod releases;
mod report;
mod runs;
mod scenario;
mod simulator;
mod world;

use std::{collections::BTreeSet, io, path::PathBuf, sync::Arc};

use batch_core::{
    decide::{
        ahead, backoff::BackoffPolicy, breaker::BreakerPolicy, ladder::BudgetPolicy,
        plan::BatchLimit, preflight::Choice,
    },
    io::{StateReader, StateWriter as _},
    model::{PackageId, QueueEntry},
    plugin::Registry,
};
use batch_sim::MemoryState;
use chrono::{DateTime, TimeDelta, Utc};

pub use forge::PullRequests;
pub use history::History;
pub use measure::Measure;
pub use merges::{OldPullRequest, PullRequestReport};
pub use observed::{Recovery, TraceLine, Violation};
pub use oracle::Oracle;
pub use plot::svg;
pub use report::Report;
pub use scenario::{
    DurationText, Minutes, OutageText, Period, PeriodText, Scenario, Share, instant,
};

use crate::{
    run::ProcessRecipes,
    stage::{Stop, preflight::BundledRecipes},
};
use simulator::Simulator;

/// The rules by which a simulation decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Policy {
    /// The rules of this program.
    Decided,
    /// The circuit breaker of the first design: a run without a recipe counts against it, and always
    /// the first packages of the queue are probed.
    Literal,
}

/// What is simulated.
pub struct Simulation<'a> {
    /// Every ecosystem.
    pub registry: &'a Registry,
    /// The time of the first slot.
    pub from: DateTime<Utc>,
    /// The number of slots, one each hour.
    pub hours: u32,
    /// The limits of each batch.
    pub batch_limit: BatchLimit,
    /// Which ecosystems run in a slot.
    pub choice: Choice,
    /// How attempts end.
    pub oracle: Oracle,
    /// What goes wrong.
    pub scenario: Scenario,
    /// The rules.
    pub policy: Policy,
    /// Decides everything that chance decides.
    pub seed: u64,
    /// Waiting times of packages.
    pub backoff: BackoffPolicy,
    /// Thresholds of breakers.
    pub breaker: BreakerPolicy,
    /// Minutes of validation.
    pub budget: BudgetPolicy,
    /// Recipes outside of the root.
    pub bundled_recipes: &'a BundledRecipes,
    /// The packages that a person has looked at.
    pub looked_at: BTreeSet<PackageId>,
    /// Each run is carried out in stages, as in CI, with artifacts in this folder; `None` for runs in one
    /// process.
    pub artifacts: Option<PathBuf>,
}

/// Gets every attempt, in the order of the batches.
pub type Trace<'a> = &'a mut dyn FnMut(&TraceLine<'_>) -> io::Result<()>;

/// A copy of `state` in memory for a simulation that starts at `from`: control file, queues, recipes,
/// and what people decided about sources. Its history stays where it is.
pub fn copy(state: &dyn StateReader, from: DateTime<Utc>) -> anyhow::Result<MemoryState> {
    let mut queues = vec![];
    for ecosystem in state.queued_ecosystems()? {
        let Some(file) = state.queue(&ecosystem)? else { continue };
        let mut file = Arc::unwrap_or_clone(file);
        file.entries.values_mut().for_each(|entry| forget_later_attempts(entry, from));
        queues.push(file);
    }
    let (sources, audits) = (state.curated_sources()?.records, state.source_audits()?.records);
    let copy = MemoryState::new(queues).with_decisions(sources, audits);
    copy.put_control(&state.control()?)?;
    for name in state.recipe_names()? {
        copy.put_recipe(&name, &state.recipe(&name)?.unwrap_or_default())?;
    }
    Ok(copy)
}

/// What is recorded of attempts after `from` has not happened at the start of a simulation. If it
/// stayed, it would move the entry back in the order of waiting when the simulation reaches it.
fn forget_later_attempts(entry: &mut QueueEntry, from: DateTime<Utc>) {
    if ahead::past(entry.last_attempt_at, from) != entry.last_attempt_at {
        (entry.last_attempt_at, entry.next_retry_at) = (None, None);
    }
    entry.last_probe_at = ahead::past(entry.last_probe_at, from);
}

/// Simulates. `stop` ends the simulation before its time.
pub fn simulate(
    simulation: Simulation<'_>,
    state: Arc<MemoryState>,
    trace: Trace<'_>,
    stop: &Stop,
) -> anyhow::Result<Measure> {
    let (from, hours) = (simulation.from, simulation.hours);
    let process_recipes = ProcessRecipes::default();
    let mut simulator = Simulator::new(simulation, state, &process_recipes);
    for hour in 0..hours {
        if stop.is_draining() {
            break;
        }
        simulator.slot(from + TimeDelta::hours(hour.into()), trace)?;
    }
    Ok(simulator.end())
}
