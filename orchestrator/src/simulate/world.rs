//! The ports of simulated runs: a generator and a validator that ask the oracle, and a network that
//! knows only pauses.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use batch_core::{
    decide::plan,
    io::{Account, Clock, StateReader as _, Traffic},
    model::{
        CommandName, EcosystemId, Failure, FailureKind, Finding, GeneratedRecipe, NotGenerated,
        PackageFacts, PackageId, QueueEntry, Quota, Stage,
    },
    plugin::{EcosystemPlugin, Registry},
};
use batch_sim::{MemoryState, NoTraffic, SimClock};
use chrono::{DateTime, Utc};

use super::{oracle::Oracle, releases::Releases, scenario::Scenario};
use crate::{
    failure::failure,
    generator::NoRecipe,
    scripted::{self, ScriptedGenerator, ScriptedValidator},
    validator::Validation,
};

/// How long one generation takes.
const GENERATION: Duration = Duration::from_secs(5);

/// How long a registry that does not answer is waited for.
const NO_ANSWER: Duration = Duration::from_secs(30);

/// The shortest and the longest validation, in seconds.
const VALIDATION: std::ops::RangeInclusive<u64> = 30..=150;

/// How long a registry that gets too many requests asks to be left alone.
const STORM_PAUSE: Duration = Duration::from_secs(60 * 60);

/// Everything that the simulated runs meet.
pub(super) struct World {
    oracle: Oracle,
    scenario: Scenario,
    clock: SimClock,
    /// When the clock started. It is never set back, and neither are the periods of the scenario.
    start: DateTime<Utc>,
    state: Arc<MemoryState>,
    /// A host of each ecosystem, to blame in an outage.
    hosts: BTreeMap<EcosystemId, &'static str>,
    seen: Mutex<Seen>,
}

/// What happened so far.
#[derive(Default)]
struct Seen {
    n_attempts: HashMap<PackageId, u32>,
    /// How the validations of the packages end that were generated last.
    ends: HashMap<PackageId, Option<Failure>>,
    /// Since when the packages were due that were generated last; `None` if they were not.
    due_since: HashMap<PackageId, Option<DateTime<Utc>>>,
    pauses: BTreeMap<String, DateTime<Utc>>,
    releases: Releases,
    /// The texts of the recipes that were made last, if they are to be merged by pull requests.
    made: HashMap<PackageId, String>,
}

impl World {
    /// A world around `state`, on `clock`, which starts now.
    pub(super) fn new(
        oracle: Oracle,
        scenario: Scenario,
        clock: SimClock,
        state: Arc<MemoryState>,
        registry: &Registry,
    ) -> Self {
        let host = |plugin: &EcosystemPlugin| {
            let host = Quota::hosts_for_building(plugin.rate_limit.quotas()).next()?;
            Some((plugin.id.clone(), host))
        };
        let hosts = registry.iter().filter_map(host).collect();
        let seen = Seen { releases: Releases::new(&state), ..Seen::default() };
        let (start, seen) = (clock.now(), Mutex::new(seen));
        Self { oracle, scenario, clock, start, state, hosts, seen }
    }

    /// The time that has passed, as if the clock had never been set back.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.start + self.clock.monotonic()
    }

    /// What goes wrong.
    pub(super) fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Since when `package` had been due at its last attempt; `None` if it was not due.
    pub(super) fn due_since(&self, package: &PackageId) -> Option<DateTime<Utc>> {
        self.seen().due_since.get(package).copied().flatten()
    }

    /// A run starts.
    pub(super) fn run_starts(&self) {
        self.seen().releases.run_starts(self.clock.now());
    }

    /// The run that started last has ended, or its process has died.
    pub(super) fn run_ended(&self) {
        self.seen().releases.run_ended(&self.state);
    }

    /// The text of the recipe that was made last for `package`, if it is to be merged by a pull request.
    pub(super) fn made(&self, package: &PackageId) -> Option<String> {
        self.seen().made.get(package).cloned()
    }

    /// The entries that are due now, and since when.
    pub(super) fn due_entries(&self) -> Vec<(PackageId, DateTime<Utc>)> {
        let (seen, now) = (self.seen(), self.clock.now());
        let ids = self.state.queued_ecosystems().unwrap_or_default();
        let queues = ids.iter().filter_map(|id| self.state.queue(id).ok().flatten());
        let due = queues.flat_map(|file| {
            let since = |entry: &QueueEntry| seen.releases.due_since(entry, now);
            let due = plan::due(&file.entries, now);
            due.filter_map(|entry| Some((entry.id.clone(), since(entry)?))).collect::<Vec<_>>()
        });
        due.collect()
    }

    /// The generator.
    pub(super) fn generator(self: &Arc<Self>) -> ScriptedGenerator {
        let world = Arc::clone(self);
        ScriptedGenerator {
            clock: Arc::new(self.clock.clone()),
            script: Box::new(move |plugin, package| world.generate(plugin, package)),
        }
    }

    /// The validator.
    pub(super) fn validator(self: &Arc<Self>) -> ScriptedValidator {
        let world = Arc::clone(self);
        ScriptedValidator {
            clock: Arc::new(self.clock.clone()),
            script: Box::new(move |recipe| world.validate(recipe)),
            // The generator always knows the commands.
            discovery: Box::new(|_| (Duration::ZERO, [[].into(), [].into()])),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generate(
        &self,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> (Duration, Result<GeneratedRecipe, NoRecipe>) {
        let host = self.hosts.get(&plugin.id).copied().unwrap_or_default();
        let pause = self.seen().pauses.get(host).copied();
        if let Some(until) = pause.filter(|until| self.clock.now() < *until) {
            return (Duration::ZERO, Err(NoRecipe::Paused { host: host.to_owned(), until }));
        }
        let due_since = self.due(package);
        self.seen().due_since.insert(package.clone(), due_since);
        if let Some((takes, failure)) = self.disturbed(plugin, package, Stage::Generate) {
            return (takes, Err(nothing(failure)));
        }
        let n = {
            let mut seen = self.seen();
            let n = seen.n_attempts.entry(package.clone()).or_default();
            *n += 1;
            *n
        };
        let end = match self.oracle.failure(package, n) {
            Some(failure) if failure.stage != Stage::Validate => {
                return (GENERATION, Err(nothing(failure)));
            }
            end => end,
        };
        self.seen().ends.insert(package.clone(), end);
        let made = recipe(plugin, package).ok_or_else(|| {
            let finding = Finding::stated(FailureKind::UnsafeName);
            nothing(failure(Stage::Generate, finding, "error: its name cannot be used", package))
        });
        if let (Some(_), Ok(recipe)) = (&self.scenario.pull_requests, &made) {
            self.seen().made.insert(package.clone(), recipe.toml.clone());
        }
        (GENERATION, made)
    }

    fn validate(&self, recipe: &GeneratedRecipe) -> (Duration, Validation) {
        let package = &recipe.facts.id;
        let (n, end) = {
            let seen = self.seen();
            let n = seen.n_attempts.get(package).copied().unwrap_or_default();
            (n, seen.ends.get(package).cloned().flatten())
        };
        let sandbox = "simulated".to_owned();
        let takes = Duration::from_secs(self.oracle.chance(package, n).u64(VALIDATION));
        let validation = match end {
            Some(failure) => Validation::Failed { sandbox, failure: Box::new(failure) },
            None => Validation::Passed { sandbox, verify: None },
        };
        (takes, validation)
    }

    /// What goes wrong with every package of `plugin` now.
    fn disturbed(
        &self,
        plugin: &EcosystemPlugin,
        package: &PackageId,
        stage: Stage,
    ) -> Option<(Duration, Failure)> {
        let now = self.now();
        let host = self.hosts.get(&plugin.id).copied().unwrap_or_default();
        let is_in = |periods: &[(EcosystemId, super::scenario::Period)]| {
            periods.iter().any(|(id, period)| *id == plugin.id && period.contains(now))
        };
        let of_host = |kind| Finding::stated(kind).of_service(host);
        let fails = |finding, message: &str| Some(failure(stage, finding, message, package));
        if is_in(&self.scenario.outages) {
            let finding = of_host(FailureKind::UpstreamUnavailable);
            return Some((NO_ANSWER, fails(finding, "error: the registry answered 503")?));
        }
        if is_in(&self.scenario.storms) {
            let until = self.clock.now() + STORM_PAUSE;
            self.seen().pauses.insert(host.to_owned(), until);
            let finding = of_host(FailureKind::RateLimited);
            return Some((GENERATION, fails(finding, "error: the registry answered 429")?));
        }
        if self.scenario.broken_generator.iter().any(|period| period.contains(now)) {
            let finding = Finding::stated(FailureKind::BinaryDiscoveryFailed);
            let message = "error: the generator cannot read what it downloaded";
            return Some((GENERATION, fails(finding, message)?));
        }
        None
    }

    /// Since when `package`, which is attempted now, has been due; `None` if it waits after a failure,
    /// or is not queued.
    fn due(&self, package: &PackageId) -> Option<DateTime<Utc>> {
        let file = self.state.queue(&package.ecosystem).ok().flatten()?;
        self.seen().releases.attempted(file.entries.get(package)?, self.clock.now())
    }
}

fn nothing(failure: Failure) -> NoRecipe {
    NoRecipe::Failed(NotGenerated { facts: None, draft: None, failure: Box::new(failure) })
}

/// A recipe that provides one command.
fn recipe(plugin: &EcosystemPlugin, package: &PackageId) -> Option<GeneratedRecipe> {
    let facts = PackageFacts::of_commands(package.clone(), String::new(), "", &[]);
    let name = plugin.recipe_builder?.recipe_name(&facts);
    let command: CommandName = name.as_str().parse().ok()?;
    let mut made = scripted::recipe_called(name, plugin, package, "1.0", &command)?;
    if let Some(os) = plugin.recipe_actions.first().and_then(|action| action.only_on) {
        let all = batch_core::model::Environment::ALL.iter();
        let cells = all.filter(|place| place.os() == os).map(|place| place.cell());
        made.facts.platforms = cells.collect();
    }
    Some(made)
}

impl Traffic for World {
    fn resume(&self, pauses: &BTreeMap<String, DateTime<Utc>>) {
        self.seen().pauses.clone_from(pauses);
    }

    fn account(&self) -> Arc<dyn Account> {
        NoTraffic.account()
    }

    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>> {
        self.seen().pauses.clone()
    }
}
