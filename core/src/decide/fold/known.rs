//! The facts of one batch, each once, however often and in whatever order they came.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    fmt,
};

use chrono::{DateTime, Utc};

use crate::model::{
    Environment, EnvironmentResult, Fact, Finished, Generated, HostUsage, Minutes, Os, PackageId,
    RefusalReason, RefusedFact, SCHEMA_VERSION, Started, Validated,
};

/// What a fact is about. Two facts with one key are one fact, or contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'f> {
    fact: &'static str,
    package: Option<&'f PackageId>,
    environment: Option<Environment>,
    tries: u32,
}

/// What is known of one batch.
pub(super) struct Known<'f> {
    began: BTreeMap<(&'f PackageId, Option<Environment>), DateTime<Utc>>,
    generated: BTreeMap<&'f PackageId, &'f Generated>,
    /// Of each package and environment, in the order of their tries.
    validated: BTreeMap<(&'f PackageId, Environment), Vec<&'f Validated>>,
    finished: BTreeMap<Option<Environment>, &'f Finished>,
    recovered_at: Option<DateTime<Utc>>,
    /// The latest moment that a fact of the batch tells of.
    pub(super) last_at: DateTime<Utc>,
    pub(super) refused: BTreeSet<RefusedFact>,
}

/// What is known of one validation.
pub(super) enum Arrival {
    Arrived(Box<EnvironmentResult>),
    /// It may still arrive.
    Expected,
    /// The validator died at work on it.
    Lost,
    /// It was not begun, or was interrupted.
    Untested,
}

impl<'f> Known<'f> {
    /// Sorts `facts` of the batch that `plan` starts; what cannot be taken is refused.
    pub(super) fn of(facts: impl IntoIterator<Item = &'f Fact>, plan: &Started) -> Self {
        let mut known = Self {
            began: BTreeMap::new(),
            generated: BTreeMap::new(),
            validated: BTreeMap::new(),
            finished: BTreeMap::new(),
            recovered_at: None,
            last_at: plan.at,
            refused: BTreeSet::new(),
        };
        let mut by_key: BTreeMap<Key<'f>, Option<&'f Fact>> = BTreeMap::new();
        for fact in facts {
            let key = Key::of(fact);
            if let Some(reason) = refusal(fact, plan) {
                known.refused.insert(RefusedFact { fact: key.to_string(), reason });
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
                known.add(fact);
            } else {
                let reason = RefusalReason::Contradicted;
                known.refused.insert(RefusedFact { fact: key.to_string(), reason });
            }
        }
        known
    }

    /// Facts come sorted by their keys, so that a later try replaces an earlier one.
    fn add(&mut self, fact: &'f Fact) {
        self.last_at = self.last_at.max(fact.at());
        match fact {
            Fact::Started(_) => (),
            Fact::Began(began) => {
                self.began.insert((&began.package_id, began.environment), began.at);
            }
            Fact::Generated(generated) => {
                self.generated.insert(&generated.package_id, generated);
            }
            Fact::Validated(validated) => {
                let place = (&validated.package_id, validated.environment);
                self.validated.entry(place).or_default().push(validated);
            }
            Fact::Recovered(recovered) => self.recovered_at = Some(recovered.at),
            Fact::Finished(finished) => {
                self.finished.insert(finished.environment, finished);
            }
        }
    }

    /// When work on `package` began: its validation in an environment, else its generation.
    pub(super) fn began(
        &self,
        package: &PackageId,
        environment: Option<Environment>,
    ) -> Option<DateTime<Utc>> {
        self.began.get(&(package, environment)).copied()
    }

    pub(super) fn generated(&self, package: &PackageId) -> Option<&'f Generated> {
        self.generated.get(package).copied()
    }

    /// What the validation of `package` in `environment` came to.
    pub(super) fn result(&self, package: &PackageId, environment: Environment) -> Arrival {
        let place = Some(environment);
        if let Some(validated) = self.last_try(package, environment) {
            return Arrival::Arrived(Box::new(EnvironmentResult {
                environment,
                verdict: validated.result,
                duration_ms: validated.duration_ms,
                sandbox: validated.sandbox.clone(),
                failure: validated.failure.clone(),
                verify: validated.verify.clone(),
            }));
        }
        if !self.is_over(place) {
            Arrival::Expected
        } else if self.began(package, place).is_some() && !self.is_finished(place) {
            Arrival::Lost
        } else {
            Arrival::Untested
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

    /// Whether nothing more can come from the process that validates in `environment`, or that
    /// generates.
    pub(super) fn is_over(&self, environment: Option<Environment>) -> bool {
        self.is_recovered() || self.is_finished(environment)
    }

    /// Whether that process ended in order.
    pub(super) fn is_finished(&self, environment: Option<Environment>) -> bool {
        self.finished.contains_key(&environment)
    }

    pub(super) fn is_recovered(&self) -> bool {
        self.recovered_at.is_some()
    }

    /// Whether every process of `plan` has ended, or the batch was found without its end.
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

    /// Minutes of all processes: what they were charged for, else the durations of all their
    /// validations, each started minute counted.
    pub(super) fn minutes(&self) -> Minutes {
        let mut charged = Minutes::default();
        for minutes in self.finished.values().filter_map(|finished| finished.minutes) {
            charged.linux = charged.linux.saturating_add(minutes.linux);
            charged.macos = charged.macos.saturating_add(minutes.macos);
        }
        let (mut linux_ms, mut macos_ms) = (0_u64, 0_u64);
        for validated in self.validated.values().flatten() {
            let place = Some(validated.environment);
            if self.finished.get(&place).is_some_and(|finished| finished.minutes.is_some()) {
                continue;
            }
            let sum = match validated.environment.cell().os() {
                Os::Linux => &mut linux_ms,
                Os::Darwin => &mut macos_ms,
            };
            *sum = sum.saturating_add(validated.duration_ms);
        }
        Minutes {
            macos: charged.macos.saturating_add(macos_ms.div_ceil(60_000)),
            linux: charged.linux.saturating_add(linux_ms.div_ceil(60_000)),
        }
    }
}

impl<'f> Key<'f> {
    fn of(fact: &'f Fact) -> Self {
        let (name, package, environment, tries) = match fact {
            Fact::Started(_) => ("started", None, None, 1),
            Fact::Began(began) => {
                ("began", Some(&began.package_id), began.environment, began.tries)
            }
            Fact::Generated(generated) => ("generated", Some(&generated.package_id), None, 1),
            Fact::Validated(validated) => {
                let Validated { package_id, environment, tries, .. } = &**validated;
                ("validated", Some(package_id), Some(*environment), *tries)
            }
            Fact::Recovered(_) => ("recovered", None, None, 1),
            Fact::Finished(finished) => ("finished", None, finished.environment, 1),
        };
        Self { fact: name, package, environment, tries }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fact)?;
        if let Some(package) = self.package {
            write!(f, " {package}")?;
        }
        if let Some(environment) = self.environment {
            write!(f, " in {environment}")?;
        }
        if self.tries == 1 { Ok(()) } else { write!(f, ", try {}", self.tries) }
    }
}

/// Why `fact` does not count for the batch of `plan`, whatever else is known.
fn refusal(fact: &Fact, plan: &Started) -> Option<RefusalReason> {
    let schema_version = fact.schema_version();
    if schema_version != SCHEMA_VERSION {
        return Some(RefusalReason::OtherVersion { schema_version });
    }
    if *fact.batch_id() != plan.batch_id {
        return Some(RefusalReason::OtherBatch { batch_id: fact.batch_id().to_string() });
    }
    if fact.started().is_some_and(|started| started != plan) {
        return Some(RefusalReason::OtherPlan);
    }
    let Key { package, environment, .. } = Key::of(fact);
    let package = package?;
    let is_planned = plan.plan.packages.iter().any(|planned| {
        planned.package_id == *package
            && environment.is_none_or(|place| planned.environments.contains(&place))
    });
    (!is_planned).then_some(RefusalReason::NotPlanned)
}
