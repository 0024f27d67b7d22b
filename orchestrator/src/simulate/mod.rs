//! Simulates months of runs in seconds, on a copy of a root.
//!
//! The runs are the real ones, with all their stages, decisions and rules; only what costs time or
//! leaves the machine is replaced: the clock, the network, the generator and the validator.

mod measure;
mod oracle;
mod plot;
mod report;
mod scenario;
mod world;

use std::{collections::BTreeMap, io, pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use batch_core::{
    decide::{
        backoff::BackoffPolicy,
        breaker::{Admission, BreakerPolicy, HealthRule},
        ladder::{BudgetPolicy, SkipFlags},
        plan::{self, BatchLimit},
        preflight::Choice,
    },
    io::{Clock as _, HistoryFilter, StateReader, StateWriter as _},
    model::{Breaker, EcosystemId, Environment, PackageId, QueueEntry},
    plugin::Registry,
};
use batch_sim::{MemoryFacts, MemoryState, SimClock};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::{Either, select};

pub use measure::{Measure, TraceLine, Violation};
pub use oracle::Oracle;
pub use plot::svg;
pub use report::{History, Report};
pub use scenario::{Minutes, OutageText, Period, PeriodText, Scenario, Share, instant};

use crate::{
    machine::Machine,
    progress::Progress,
    run::{self, Ports, ProcessRecipes, RecipeSource, Request, RunConfig, Summary, Testers},
    stage::{Stop, preflight::BundledRecipes},
};
use measure::Batch;
use world::World;

/// How many recipes are validated at the same time.
const JOBS: usize = 11;

/// Within so many seconds after its start, a process that dies does so.
const CRASH_WITHIN: u64 = 900;

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
}

/// A copy of `state` in memory: control file, queues and recipes. Its history stays where it is.
pub fn copy(state: &dyn StateReader) -> anyhow::Result<MemoryState> {
    let mut queues = vec![];
    for ecosystem in state.queued_ecosystems()? {
        queues.extend(state.queue(&ecosystem)?.map(Arc::unwrap_or_clone));
    }
    let copy = MemoryState::new(queues);
    copy.put_control(&state.control()?)?;
    for name in state.recipe_names()? {
        copy.put_recipe(&name, &state.recipe(&name)?.unwrap_or_default())?;
    }
    Ok(copy)
}

/// Simulates. `trace` gets every attempt, and `stop` ends the simulation before its time.
pub fn simulate(
    simulation: Simulation<'_>,
    state: Arc<MemoryState>,
    trace: &mut dyn FnMut(&TraceLine<'_>) -> io::Result<()>,
    stop: &Stop,
) -> anyhow::Result<Measure> {
    let clock = SimClock::starting_at(simulation.from);
    let Simulation { oracle, scenario, .. } = simulation;
    let world =
        World::new(oracle, scenario, clock.clone(), Arc::clone(&state), simulation.registry);
    let breaker = match simulation.policy {
        Policy::Decided => simulation.breaker,
        Policy::Literal => {
            BreakerPolicy { rule: HealthRule::NoRecipe, probes: 1, ..simulation.breaker }
        }
    };
    let due = due_entries(&state, simulation.registry, simulation.from).into_iter();
    let due = due.map(|(package, _)| package);
    let process_recipes = ProcessRecipes::default();
    let mut simulator = Simulator {
        config: RunConfig {
            registry: simulation.registry,
            backoff: simulation.backoff,
            breaker,
            budget: simulation.budget,
            jitter: fastrand::Rng::with_seed(simulation.seed),
            bundled_recipes: simulation.bundled_recipes,
            recipe_source: RecipeSource::Process(&process_recipes),
            workflow_run_url: None,
        },
        request: Request {
            choice: simulation.choice,
            batch_limit: simulation.batch_limit,
            testers: Testers::Matrix,
            skip: SkipFlags::default(),
            jobs: JOBS,
        },
        machine: Machine {
            environment: Some(Environment::DebianX86),
            obstacles: BTreeMap::new(),
            others: BTreeMap::new(),
        },
        facts: Arc::new(MemoryFacts::default()),
        world: Arc::new(world),
        clock,
        state,
        chance: fastrand::Rng::with_seed(simulation.seed),
        measure: Measure::new(simulation.from, simulation.batch_limit.size, due.collect()),
        over: vec![],
    };
    for hour in 0..simulation.hours {
        if stop.is_draining() {
            break;
        }
        simulator.slot(simulation.from + TimeDelta::hours(hour.into()), trace)?;
    }
    Ok(simulator.end())
}

/// A simulation in progress.
struct Simulator<'a> {
    config: RunConfig<'a>,
    request: Request,
    machine: Machine,
    facts: Arc<MemoryFacts>,
    world: Arc<World>,
    clock: SimClock,
    state: Arc<MemoryState>,
    chance: fastrand::Rng,
    measure: Measure,
    /// The disturbances that are over and counted.
    over: Vec<(EcosystemId, Period)>,
}

/// The state of the breakers before a slot.
struct Before {
    breakers: BTreeMap<EcosystemId, Breaker>,
    at: DateTime<Utc>,
}

impl Simulator<'_> {
    fn slot(
        &mut self,
        slot: DateTime<Utc>,
        trace: &mut dyn FnMut(&TraceLine<'_>) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let scenario = self.world.scenario();
        let is_missed = self.chance.f64() < scenario.missed_slots.as_f64();
        let delay = scenario.slot_delay.draw(&mut self.chance);
        let dies = self.chance.f64() < scenario.crash_rate.as_f64();
        let dies_after = Duration::from_secs(self.chance.u64(1..=CRASH_WITHIN));
        self.wait_until(slot + TimeDelta::minutes(delay.into()));
        self.set_clock_back();
        let before = self.before()?;
        if is_missed {
            return Ok(());
        }
        let n_records = self.state.n_runs();
        let summary = self.run(dies.then_some(dies_after))?;
        let n_new = self.state.n_runs() - n_records;
        if let Some(summary) = &summary {
            self.measure.run(slot, n_new);
            let batches = summary.batches.iter().map(|batch| batch.batch_id.to_string());
            let recovered = summary.recovered.iter().map(ToString::to_string);
            for batch in recovered.chain(batches) {
                self.batch(&batch, slot, &before, trace)?;
            }
        }
        self.breakers(&before)
    }

    /// Runs once. `None` if the process dies after `dies_after`.
    fn run(&mut self, dies_after: Option<Duration>) -> anyhow::Result<Option<Summary>> {
        let (generator, validator) = (self.world.generator(), self.world.validator());
        let progress = Progress::silent();
        let ports = Ports {
            clock: &self.clock,
            state: Arc::clone(&self.state) as Arc<_>,
            facts: Arc::clone(&self.facts) as Arc<_>,
            machine: &self.machine,
            generator: &generator,
            validator: Some(&validator),
            traffic: &*self.world,
            progress: &progress,
        };
        let stop = Stop::default();
        let run = run::run(&ports, &self.config, &self.request, &stop);
        let Some(dies_after) = dies_after else { return self.clock.run(run).map(Some) };
        let (run, death) = (pin!(run), pin!(self.clock.sleep(dies_after)));
        match self.clock.run(select(run, death)) {
            Either::Left((summary, _)) => summary.map(Some),
            Either::Right(_) => Ok(None),
        }
    }

    fn wait_until(&self, at: DateTime<Utc>) {
        let left = (at - self.world.now()).to_std().unwrap_or_default();
        self.clock.run(self.clock.sleep(left));
    }

    fn set_clock_back(&mut self) {
        let Some((at, by)) = self.world.scenario().clock_back else { return };
        let is_first = self.clock.now() == self.world.now();
        if is_first && at <= self.world.now() {
            self.clock.set_back(by.to_std().unwrap_or_default());
        }
    }

    fn before(&mut self) -> anyhow::Result<Before> {
        let (control, at) = (self.state.control()?, self.world.now());
        let mut breakers = BTreeMap::new();
        for plugin in self.config.registry.iter() {
            let breaker = control.breaker(&plugin.id);
            self.measure.slot(&plugin.id, at, breaker.open.is_some());
            for period in self.world.scenario().disturbances(&plugin.id) {
                let key = (plugin.id.clone(), *period);
                if period.until <= at && !self.over.contains(&key) {
                    self.measure.over(&plugin.id, period, &breaker);
                    self.over.push(key);
                }
            }
            breakers.insert(plugin.id.clone(), breaker);
        }
        Ok(Before { breakers, at })
    }

    fn batch(
        &mut self,
        batch: &str,
        slot: DateTime<Utc>,
        before: &Before,
        trace: &mut dyn FnMut(&TraceLine<'_>) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let record = self.state.run(batch)?.context("a batch that ended has a record")?;
        let Some(ecosystem) = &record.ecosystem else { return Ok(()) };
        let failures = self.state.failures(&HistoryFilter::of_batch(batch))?.records;
        let breaker = &before.breakers[ecosystem];
        let probing = breaker.open.is_some();
        let now = self.clock.now();
        let file = self.state.queue(ecosystem)?;
        let n_due = file.map_or(0, |file| {
            plan::n_eligible(&file.entries, &Admission::Batch, self.request.batch_limit.tier, now)
        });
        let after = self.state.control()?.breaker(ecosystem);
        let finished = Batch {
            slot,
            record: &record,
            failures: &failures,
            probing,
            n_due,
            due_since: &|package| self.world.due_since(package),
        };
        self.measure.batch(&finished, trace).context("cannot write the trace")?;
        // A probe that was interrupted, or whose packages said nothing, decides nothing.
        let is_answered = record.succeeded + record.failed > 0 && !record.interrupted;
        if probing && is_answered {
            let during = (before.at, self.world.now());
            self.measure.probed(ecosystem, &after, during, self.world.scenario());
        }
        Ok(())
    }

    fn breakers(&mut self, before: &Before) -> anyhow::Result<()> {
        let (control, at) = (self.state.control()?, self.world.now());
        for (id, breaker) in &before.breakers {
            let after = control.breaker(id);
            if *breaker != after {
                let scenario = self.world.scenario();
                self.measure.breaker(id, (breaker, &after), at, scenario);
            }
        }
        Ok(())
    }

    /// Counts what is still waiting.
    fn end(mut self) -> Measure {
        let waiting = due_entries(&self.state, self.config.registry, self.clock.now());
        let waiting = waiting.iter().map(|(id, since)| (id, *since));
        self.measure.end(waiting, self.world.now());
        self.measure
    }
}

/// The entries that are due at `now`, and since when.
pub fn due_entries(
    state: &MemoryState,
    registry: &Registry,
    now: DateTime<Utc>,
) -> Vec<(PackageId, DateTime<Utc>)> {
    let queues = registry.iter().filter_map(|plugin| state.queue(&plugin.id).ok().flatten());
    let due = queues.flat_map(|file| {
        let since = |entry: &QueueEntry| plan::due_since(entry, now);
        let due = plan::due(&file.entries, now);
        due.filter_map(|entry| Some((entry.id.clone(), since(entry)?))).collect::<Vec<_>>()
    });
    due.collect()
}
