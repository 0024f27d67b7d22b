//! The loop of a simulation: one slot after the other.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use batch_core::{
    decide::{
        apply::Merging,
        breaker::{Admission, BreakerPolicy, HealthRule},
        ladder::SkipFlags,
        merge_policy::MergePolicy,
        plan,
    },
    io::{Clock as _, HistoryFilter, StateReader as _},
    model::{Breaker, EcosystemId, Environment, PackageId, Status},
};
use batch_sim::{MemoryFacts, MemoryState, SimClock};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Policy, Simulation, Trace,
    measure::Measure,
    merges::{Around, Merges},
    observed::Batch,
    runs::LostMachine,
    scenario::Period,
    world::World,
};
use crate::{
    machine::{Machine, Tester},
    run::{ProcessRecipes, RecipeSource, Request, RunConfig, Testers},
};

/// How many recipes are validated at the same time.
pub(super) const JOBS: usize = 11;

/// Within so many seconds after its start, a process that dies does so.
const CRASH_WITHIN: u64 = 900;

/// A simulation in progress.
pub(super) struct Simulator<'a> {
    pub(super) config: RunConfig<'a>,
    pub(super) request: Request,
    pub(super) machine: Machine,
    pub(super) facts: Arc<MemoryFacts>,
    pub(super) world: Arc<World>,
    pub(super) clock: SimClock,
    pub(super) state: Arc<MemoryState>,
    /// Where artifacts are, if runs are carried out in stages.
    artifacts: Option<PathBuf>,
    /// The artifacts of runs whose last job has not ended.
    pub(super) unmerged: Vec<PathBuf>,
    pub(super) n_runs: u64,
    pub(super) is_damaged: bool,
    chance: fastrand::Rng,
    measure: Measure,
    /// `None` if recipes are merged with the state.
    merges: Option<Merges>,
    /// The disturbances that are over and counted.
    over: Vec<(EcosystemId, Period)>,
}

/// The state of the breakers before a slot.
struct Before {
    breakers: BTreeMap<EcosystemId, Breaker>,
    at: DateTime<Utc>,
}

impl<'a> Simulator<'a> {
    /// Runs leave what they know of recipes in `process_recipes`.
    pub(super) fn new(
        simulation: Simulation<'a>,
        state: Arc<MemoryState>,
        process_recipes: &'a ProcessRecipes,
    ) -> Self {
        let clock = SimClock::starting_at(simulation.from);
        let Simulation { oracle, scenario, .. } = simulation;
        let merges = scenario.pull_requests.clone().map(Merges::new);
        let merging = if merges.is_some() { Merging::PullRequest } else { Merging::AtOnce };
        let world =
            World::new(oracle, scenario, clock.clone(), Arc::clone(&state), simulation.registry);
        let breaker = match simulation.policy {
            Policy::Decided => simulation.breaker,
            Policy::Literal => {
                BreakerPolicy { rule: HealthRule::NoRecipe, probes: 1, ..simulation.breaker }
            }
        };
        let due = world.due_entries().into_iter().map(|(package, _)| package);
        Self {
            config: RunConfig {
                registry: simulation.registry,
                backoff: simulation.backoff,
                breaker,
                budget: simulation.budget,
                merge: MergePolicy::default(),
                merging,
                jitter: fastrand::Rng::with_seed(simulation.seed),
                bundled_recipes: simulation.bundled_recipes,
                looked_at: simulation.looked_at,
                unpushed: [].into(),
                recipe_source: RecipeSource::Process(process_recipes),
                keeps: false,
                workflow_run_url: None,
            },
            request: Request {
                choice: simulation.choice,
                only: [].into(),
                batch_limit: simulation.batch_limit,
                testers: Testers::Matrix(Tester::PackageManager),
                skip: SkipFlags::default(),
                jobs: JOBS,
            },
            machine: Machine {
                environment: Some(Environment::DebianX86),
                obstacles: BTreeMap::new(),
                others: BTreeMap::new(),
            },
            artifacts: simulation.artifacts,
            unmerged: vec![],
            n_runs: 0,
            is_damaged: false,
            facts: Arc::new(MemoryFacts::default()),
            world: Arc::new(world),
            clock,
            state,
            chance: fastrand::Rng::with_seed(simulation.seed),
            measure: Measure::new(simulation.from, simulation.batch_limit.size, due.collect()),
            merges,
            over: vec![],
        }
    }

    /// Simulates one slot.
    pub(super) fn slot(&mut self, slot: DateTime<Utc>, trace: Trace<'_>) -> anyhow::Result<()> {
        let scenario = self.world.scenario();
        let is_missed = self.chance.f64() < scenario.missed_slots.as_f64();
        let delay = scenario.slot_delay.draw(&mut self.chance);
        let dies = self.chance.f64() < scenario.crash_rate.as_f64();
        let dies_after = Duration::from_secs(self.chance.u64(1..=CRASH_WITHIN));
        self.wait_until(slot + TimeDelta::minutes(delay.into()));
        self.set_clock_back();
        self.with_merges(Merges::settle)?;
        let before = self.before(slot)?;
        if is_missed {
            return Ok(());
        }
        let n_records = self.state.n_runs();
        let dies = dies.then_some(dies_after);
        let summary = match self.artifacts.clone() {
            None => self.in_one_process(dies)?,
            Some(dir) => {
                let lost = dies.map(|after| LostMachine::drawn(&mut self.chance, after));
                self.in_stages(&dir, lost)?
            }
        };
        self.world.run_ended();
        let n_new = self.state.n_runs() - n_records;
        if let Some(summary) = &summary {
            self.measure.run(slot, n_new);
            let batches = summary.batches.iter().map(|batch| batch.batch_id.to_string());
            let recovered = summary.recovered.iter().map(ToString::to_string);
            for batch in recovered.chain(batches) {
                self.batch(&batch, slot, &before, trace)?;
            }
        }
        self.with_merges(|merges, around, _| merges.after_run(around, summary.as_ref()))?;
        self.breakers(&before)
    }

    /// Does `what` if recipes are merged by pull requests.
    fn with_merges(
        &mut self,
        what: impl FnOnce(&mut Merges, &Around<'_>, &mut Measure) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let Self { merges, measure, state, world, clock, config, .. } = self;
        let Some(merges) = merges else { return Ok(()) };
        what(merges, &Around { state, world, clock, config }, measure)
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

    fn before(&mut self, slot: DateTime<Utc>) -> anyhow::Result<Before> {
        let (control, at) = (self.state.control()?, self.world.now());
        let mut breakers = BTreeMap::new();
        for plugin in self.config.registry.iter() {
            let breaker = control.breaker(&plugin.id);
            self.measure.slot(&plugin.id, slot, breaker.open.is_some());
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
        trace: Trace<'_>,
    ) -> anyhow::Result<()> {
        let record = self.state.run(batch)?.context("a batch that ended has a record")?;
        let Some(ecosystem) = &record.ecosystem else { return Ok(()) };
        let failures = self.state.failures(&HistoryFilter::of_batch(batch))?.records;
        let breaker = &before.breakers[ecosystem];
        let probing = breaker.open.is_some();
        let now = self.clock.now();
        // A batch with free places has taken everything that was due.
        let is_full = self.request.batch_limit.size <= record.packages_processed.len();
        let file = self.state.queue(ecosystem)?.filter(|_| is_full || probing);
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
    pub(super) fn end(mut self) -> Measure {
        let waiting = self.world.due_entries();
        let (state, attempted) = (&self.state, &self.measure.last_attempts);
        self.measure.eligible.retain(|id| attempted.contains_key(id) || !is_settled(state, id));
        let waiting = waiting.iter().map(|(id, since)| (id, *since));
        let now = self.world.now();
        self.measure.end(waiting, now);
        if let Some(merges) = self.merges {
            merges.end(now, &mut self.measure);
        }
        self.measure
    }
}

/// Whether `package` needs no attempt any more, for example because its name belongs to another entry.
fn is_settled(state: &MemoryState, package: &PackageId) -> bool {
    let file = state.queue(&package.ecosystem).ok().flatten();
    let entry = file.as_ref().and_then(|file| file.entries.get(package));
    let status = entry.map(|entry| &entry.status);
    !matches!(status, Some(Status::Pending | Status::Failed | Status::Blocked { .. }))
}
