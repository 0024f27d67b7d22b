//! The facts of one batch. Each fact counts once, however often and in whatever order the facts
//! came.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use chrono::{DateTime, Utc};

use super::{
    RUNNER_LOST,
    fact_key::{Key, refusal},
};
use crate::{
    decide::ladder::Known,
    model::{
        Began, Deferred, Environment, EnvironmentResult, Fact, Finished, Generated,
        GeneratedRecipe, HostUsage, Os, PackageId, RefusalReason, RefusedFact, RunnerMinutes,
        Started, Validated,
    },
};

/// What is known about one batch.
pub(in crate::decide) struct BatchFacts<'f> {
    began: BTreeMap<(&'f PackageId, Option<Environment>), &'f Began>,
    generated: BTreeMap<&'f PackageId, &'f Generated>,
    /// The recipes that were made from discovered commands, by environment; of each, the last try.
    discovered: BTreeMap<(&'f PackageId, Environment), Option<&'f GeneratedRecipe>>,
    /// The validations of each package in each environment, in the order of their tries.
    validated: BTreeMap<(&'f PackageId, Environment), Vec<&'f Validated>>,
    deferred: BTreeMap<(&'f PackageId, Option<Environment>), &'f Deferred>,
    finished: BTreeMap<Option<Environment>, &'f Finished>,
    is_recovered: bool,
    /// The latest time of all facts of the batch.
    pub(super) last_at: DateTime<Utc>,
    pub(super) refused: BTreeSet<RefusedFact>,
}

/// What is known about one validation.
pub(in crate::decide) enum ValidationState {
    Arrived(Box<EnvironmentResult>),
    /// Its result may still arrive.
    Expected,
    /// The validator died while it was at work.
    Lost,
    /// It was not begun, it was interrupted, or a host asked for a pause.
    Untested,
}

impl<'f> BatchFacts<'f> {
    /// Sorts `facts` of the batch that `plan` starts. Facts that do not fit are refused.
    pub(in crate::decide) fn of(facts: impl IntoIterator<Item = &'f Fact>, plan: &Started) -> Self {
        let mut batch_facts = Self {
            began: BTreeMap::new(),
            generated: BTreeMap::new(),
            discovered: BTreeMap::new(),
            validated: BTreeMap::new(),
            deferred: BTreeMap::new(),
            finished: BTreeMap::new(),
            is_recovered: false,
            last_at: plan.at,
            refused: BTreeSet::new(),
        };
        let mut by_key: BTreeMap<Key<'f>, Option<&'f Fact>> = BTreeMap::new();
        for fact in facts {
            let key = Key::of(fact);
            if let Some(reason) = refusal(fact, plan) {
                batch_facts.refused.insert(RefusedFact { fact: key.to_string(), reason });
                continue;
            }
            match by_key.entry(key) {
                btree_map::Entry::Vacant(place) => {
                    place.insert(Some(fact));
                }
                btree_map::Entry::Occupied(mut place) => {
                    if *place.get() != Some(fact) {
                        place.insert(None);
                    }
                }
            }
        }
        for (key, fact) in by_key {
            if let Some(fact) = fact {
                batch_facts.add(fact);
            } else {
                let reason = RefusalReason::Contradicted;
                batch_facts.refused.insert(RefusedFact { fact: key.to_string(), reason });
            }
        }
        batch_facts
    }

    /// The facts are sorted by their keys, so that a later try replaces an earlier one.
    fn add(&mut self, fact: &'f Fact) {
        // That a batch was found without its end says nothing about when it ended.
        if !matches!(fact, Fact::Recovered(_)) {
            self.last_at = self.last_at.max(fact.at());
        }
        match fact {
            Fact::Started(_) => (),
            Fact::Began(began) => {
                self.began.insert((&began.package_id, began.environment), began);
            }
            Fact::Generated(generated) => {
                self.generated.insert(&generated.package_id, generated);
            }
            Fact::Discovered(discovered) => {
                let place = (&discovered.package_id, discovered.environment);
                self.discovered.insert(place, discovered.recipe.as_deref());
            }
            Fact::Validated(validated) => {
                let place = (&validated.package_id, validated.environment);
                self.validated.entry(place).or_default().push(validated);
            }
            Fact::Deferred(deferred) => {
                self.deferred.insert((&deferred.package_id, deferred.environment), deferred);
            }
            Fact::Recovered(_) => self.is_recovered = true,
            Fact::Finished(finished) => {
                self.finished.insert(finished.environment, finished);
            }
        }
    }

    /// When work on `package` began: its validation in `environment`, or its generation if that is
    /// `None`.
    pub(super) fn began(
        &self,
        package: &PackageId,
        environment: Option<Environment>,
    ) -> Option<DateTime<Utc>> {
        self.began.get(&(package, environment)).map(|began| began.at)
    }

    /// The number of the last try that was begun, of the validation in `environment`, or of the
    /// generation if that is `None`. 0 if none was begun.
    pub(in crate::decide) fn tries_begun(
        &self,
        package: &PackageId,
        environment: Option<Environment>,
    ) -> u32 {
        self.began.get(&(package, environment)).map_or(0, |began| began.tries)
    }

    /// Whether `package` was not worked on because of a pause: its validation in an environment, else
    /// its generation.
    pub(in crate::decide) fn is_deferred(
        &self,
        package: &PackageId,
        environment: Option<Environment>,
    ) -> bool {
        self.deferred.contains_key(&(package, environment))
    }

    /// Hosts whose pauses kept packages from being worked on, and until when.
    pub(super) fn deferred_for(&self) -> BTreeMap<String, DateTime<Utc>> {
        let mut hosts = BTreeMap::new();
        for Deferred { host, until, .. } in self.deferred.values() {
            let latest = hosts.entry(host.clone()).or_insert(*until);
            *latest = (*latest).max(*until);
        }
        hosts
    }

    pub(in crate::decide) fn generated(&self, package: &PackageId) -> Option<&'f Generated> {
        self.generated.get(package).copied()
    }

    /// The recipes of `package` that were made from discovered commands, one for each environment in
    /// which there is one.
    pub(in crate::decide) fn discovered(
        &self,
        package: &PackageId,
    ) -> impl Iterator<Item = &'f GeneratedRecipe> {
        let of_package = self.discovered.iter().filter(move |((id, _), _)| *id == package);
        of_package.filter_map(|(_, recipe)| *recipe)
    }

    /// The state of the validation of `package` in `environment`.
    pub(super) fn result(&self, package: &PackageId, environment: Environment) -> ValidationState {
        let place = Some(environment);
        if let Some(tries) = self.validated.get(&(package, environment))
            && let Some(validated) = tries.last()
        {
            let durations = tries.iter().map(|one| one.duration_ms);
            return ValidationState::Arrived(Box::new(EnvironmentResult {
                environment,
                verdict: validated.result,
                tries: validated.tries,
                duration_ms: durations.fold(0, u64::saturating_add),
                sandbox: validated.sandbox.clone(),
                failure: validated.failure.clone(),
                verify: validated.verify.clone(),
            }));
        }
        if self.is_deferred(package, place) {
            ValidationState::Untested
        } else if !self.is_over(place) {
            ValidationState::Expected
        } else if self.began(package, place).is_some() && !self.is_finished(place) {
            ValidationState::Lost
        } else {
            ValidationState::Untested
        }
    }

    /// The same, as far as it matters to the ladder.
    pub(in crate::decide) fn known(&self, package: &PackageId, environment: Environment) -> Known {
        match self.result(package, environment) {
            ValidationState::Arrived(result) => Known::Ended(result.verdict),
            ValidationState::Lost => Known::Ended(RUNNER_LOST),
            ValidationState::Expected => Known::Open,
            ValidationState::Untested => Known::Closed,
        }
    }

    /// When the validation of `package` that gave `result` ended.
    pub(super) fn ended_at(
        &self,
        package: &PackageId,
        result: &EnvironmentResult,
    ) -> DateTime<Utc> {
        self.last_try(package, result.environment).map_or(self.last_at, |validated| validated.at)
    }

    fn last_try(&self, package: &PackageId, environment: Environment) -> Option<&'f Validated> {
        self.validated.get(&(package, environment))?.last().copied()
    }

    /// Whether no more facts can come from the process that validates in `environment`, or from the
    /// process that generates if that is `None`.
    pub(super) fn is_over(&self, environment: Option<Environment>) -> bool {
        self.is_recovered() || self.is_finished(environment)
    }

    /// Whether that process ended normally.
    pub(super) fn is_finished(&self, environment: Option<Environment>) -> bool {
        self.finished.contains_key(&environment)
    }

    pub(super) fn is_recovered(&self) -> bool {
        self.is_recovered
    }

    /// Whether every process of `plan` has ended, or a later run found the batch without its end.
    pub(super) fn has_ended(&self, plan: &Started) -> bool {
        let environments = plan.plan.packages.iter().flat_map(|planned| &planned.environments);
        self.is_over(None) && environments.into_iter().all(|&place| self.is_over(Some(place)))
    }

    /// Requests and pauses of all processes.
    pub(super) fn traffic(&self) -> (BTreeMap<String, HostUsage>, BTreeMap<String, DateTime<Utc>>) {
        let mut requests: BTreeMap<String, HostUsage> = BTreeMap::new();
        let mut pauses: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        for finished in self.finished.values() {
            for (host, usage) in &finished.requests {
                let sum = requests.entry(host.clone()).or_default();
                sum.sent = sum.sent.saturating_add(usage.sent);
                sum.throttled = sum.throttled.saturating_add(usage.throttled);
                sum.waited_ms = sum.waited_ms.saturating_add(usage.waited_ms);
            }
            for (host, &until) in &finished.pauses {
                let latest = pauses.entry(host.clone()).or_insert(until);
                *latest = until.max(*latest);
            }
        }
        (requests, pauses)
    }

    /// The minutes of all processes: the minutes that they are charged for, or else the durations
    /// of all their validations, each rounded up to a minute.
    pub(super) fn minutes(&self) -> RunnerMinutes {
        let mut charged = RunnerMinutes::default();
        for minutes in self.finished.values().filter_map(|finished| finished.minutes) {
            charged.linux = charged.linux.saturating_add(minutes.linux);
            charged.macos = charged.macos.saturating_add(minutes.macos);
        }
        let is_charged = |place: Environment| {
            self.finished.get(&Some(place)).is_some_and(|finished| finished.minutes.is_some())
        };
        let own = self.validated.values().flatten().filter(|one| !is_charged(one.environment));
        let own = in_minutes(own.map(|one| (one.environment, one.duration_ms)));
        RunnerMinutes {
            macos: charged.macos.saturating_add(own.macos),
            linux: charged.linux.saturating_add(own.linux),
        }
    }
}

/// The sums of `durations` in milliseconds, each rounded up to a minute.
pub(super) fn in_minutes(durations: impl IntoIterator<Item = (Environment, u64)>) -> RunnerMinutes {
    let (mut linux_ms, mut macos_ms) = (0_u64, 0_u64);
    for (environment, duration_ms) in durations {
        let sum = match environment.os() {
            Os::Linux => &mut linux_ms,
            Os::Darwin => &mut macos_ms,
        };
        *sum = sum.saturating_add(duration_ms);
    }
    RunnerMinutes { macos: macos_ms.div_ceil(60_000), linux: linux_ms.div_ceil(60_000) }
}
