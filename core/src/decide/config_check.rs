//! Whether the schedule of an operator fits into what registries, machines and waiting times allow.
//!
//! Every figure is declared by a plugin, set by an operator, or taken from recorded runs; what is not
//! known is said to be unknown.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    decide::{
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
        ladder::{BudgetPolicy, MINUTES_OF_A_TEST},
    },
    model::{EcosystemId, Environment, Os, Quota, RunRecord},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a test is tried that takes as long as it may: once more.
const TRIES_OF_A_SLOW_TEST: u64 = 2;

/// A number of a single package, and where it is from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure {
    /// The number.
    pub value: u64,
    /// Where it is from, in words.
    pub from: String,
}

/// What an ecosystem needs for one package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Requests to each host that it builds with; absent if they are not known.
    pub requests: BTreeMap<String, Figure>,
    /// Seconds of a run; `None` if they are not known.
    pub seconds: Option<Figure>,
}

/// One ecosystem of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledEcosystem {
    /// The ecosystem.
    pub id: EcosystemId,
    /// The hosts that it builds with.
    pub hosts: Vec<String>,
    /// What it needs.
    pub needs: Needs,
    /// The longest time of one step of an installation, in seconds.
    pub longest_step: u64,
}

/// A schedule, and what limits it.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Packages of a batch.
    pub batch_size: u64,
    /// Slots of a day.
    pub slots_per_day: u64,
    /// The time between two slots.
    pub slot: Duration,
    /// The ecosystems that take turns.
    pub ecosystems: Vec<ScheduledEcosystem>,
    /// The quotas that apply.
    pub quotas: Vec<Quota>,
    /// The environments for which there are machines.
    pub environments: Vec<Environment>,
    /// The minutes of a week.
    pub budget: BudgetPolicy,
    /// The longest time of one verification, in seconds. A test verifies twice at most.
    pub verify_seconds: u64,
    /// Waiting times of packages.
    pub backoff: BackoffPolicy,
    /// Thresholds of breakers.
    pub breaker: BreakerPolicy,
    /// How long each try of a request may take, and the longest waits between the tries.
    pub request: RequestTimes,
}

/// How long a request may take at worst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestTimes {
    /// Of each try.
    pub deadline: Duration,
    /// Before each further try.
    pub waits: Vec<Duration>,
}

/// One thing that was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ConfigCheckLine")]
pub struct Line {
    /// What is checked.
    pub check: Check,
    /// Of what: a host, an ecosystem or a key of the settings.
    pub subject: String,
    /// How it is computed, with the source of each number.
    pub arithmetic: String,
    /// What is needed at worst.
    pub needed: u64,
    /// What is allowed.
    pub allowed: u64,
    /// The unit of both.
    pub unit: &'static str,
    /// Whether it fits.
    pub fits: bool,
    /// By how much it does not fit; 0 if it fits.
    pub over: u64,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ConfigCheckKind")]
pub enum Check {
    /// The requests of one batch, within the time of a slot.
    RequestsOfSlot,
    /// The requests of all slots of a day.
    RequestsOfDay,
    /// The time of one batch.
    TimeOfSlot,
    /// The time of one test that takes as long as it may, with its repetition.
    TimeOfTest,
    /// The time of one request with all its tries.
    TimeOfRequest,
    /// The minutes on macOS in a week.
    MinutesOnMacos,
    /// The minutes on Linux in a week.
    MinutesOnLinux,
    /// Waiting times that must not become shorter.
    WaitingTimes,
    /// Pauses of breakers that must not become shorter.
    PausesOfBreakers,
    /// Probes that must fit into a batch.
    Probes,
}

/// Something that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ConfigCheckUnknown")]
pub struct Unknown {
    /// What is not known, and of what.
    pub what: String,
    /// How it becomes known.
    pub remedy: String,
}

/// Everything that was computed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// In the order of the checks.
    pub lines: Vec<Line>,
    /// What could not be checked.
    pub unknown: Vec<Unknown>,
}

/// Checks `schedule`.
pub fn check(schedule: &Schedule) -> Checked {
    let mut checked = Checked::default();
    schedule.requests(&mut checked);
    for ecosystem in &schedule.ecosystems {
        schedule.times(ecosystem, &mut checked);
    }
    schedule.request_time(&mut checked);
    schedule.minutes(&mut checked);
    schedule.settings(&mut checked);
    checked
}

impl Schedule {
    fn requests(&self, checked: &mut Checked) {
        let mut of_day: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
        let n_ecosystems = u64::try_from(self.ecosystems.len().max(1)).unwrap_or(u64::MAX);
        let turns = self.slots_per_day.div_ceil(n_ecosystems);
        for ScheduledEcosystem { id, hosts, needs, .. } in &self.ecosystems {
            for host in hosts {
                let Some(Figure { value, from }) = needs.requests.get(host) else {
                    let what = format!("how many requests a package of {id} sends to {host}");
                    checked.unknown.push(Unknown { what, remedy: UNKNOWN_REQUESTS.to_owned() });
                    continue;
                };
                let needed = value.saturating_mul(self.batch_size);
                let allowed = self.most(host, self.slot);
                let arithmetic = format!(
                    "{id}: {value} requests for a package ({from}) × {} packages = {needed}; {host} \
                     allows {allowed} in {}",
                    self.batch_size,
                    minutes(self.slot)
                );
                checked.add(
                    Check::RequestsOfSlot,
                    (host, arithmetic),
                    (needed, allowed),
                    "requests",
                );
                let (sum, parts) = of_day.entry(host).or_default();
                *sum = sum.saturating_add(needed.saturating_mul(turns));
                parts.push(format!("{id} {turns} slots × {needed}"));
            }
        }
        for (host, (needed, parts)) in of_day {
            let allowed = self.most(host, DAY);
            let parts = parts.join(" + ");
            let arithmetic = format!("{parts} = {needed} a day; {host} allows {allowed}");
            checked.add(Check::RequestsOfDay, (host, arithmetic), (needed, allowed), "requests");
        }
    }

    /// How many requests to `host` fit into `time`: the sum over the parts of the host that building
    /// uses.
    fn most(&self, host: &str, time: Duration) -> u64 {
        let own = self.quotas.iter().filter(|quota| quota.host == host);
        let building = own.filter(|quota| quota.purpose == crate::model::Purpose::Building);
        building.map(|quota| quota.most_in(time)).fold(0, u64::saturating_add)
    }

    fn times(&self, ecosystem: &ScheduledEcosystem, checked: &mut Checked) {
        let ScheduledEcosystem { id, needs, longest_step, .. } = ecosystem;
        let slot = self.slot.as_secs();
        if let Some(Figure { value, from }) = &needs.seconds {
            let needed = value.saturating_mul(self.batch_size);
            let arithmetic = format!(
                "{value} s for a package ({from}) × {} packages = {needed} s of {slot} s",
                self.batch_size
            );
            checked.add(Check::TimeOfSlot, (id.as_str(), arithmetic), (needed, slot), "seconds");
        } else {
            let what = format!("how long a package of {id} takes");
            let remedy = "run it once; the record of the run says it".to_owned();
            checked.unknown.push(Unknown { what, remedy });
        }
        let one = longest_step.saturating_add(self.verify_seconds.saturating_mul(2));
        let needed = one.saturating_mul(TRIES_OF_A_SLOW_TEST);
        let arithmetic = format!(
            "({longest_step} s for a step + 2 × {} s to verify) × {TRIES_OF_A_SLOW_TEST} tries = \
             {needed} s of {slot} s",
            self.verify_seconds
        );
        checked.add(Check::TimeOfTest, (id.as_str(), arithmetic), (needed, slot), "seconds");
    }

    fn request_time(&self, checked: &mut Checked) {
        let RequestTimes { deadline, waits } = &self.request;
        let tries = u64::try_from(waits.len()).unwrap_or(u64::MAX).saturating_add(1);
        let waited: u64 = waits.iter().map(Duration::as_secs).fold(0, u64::saturating_add);
        let needed = tries.saturating_mul(deadline.as_secs()).saturating_add(waited);
        let slot = self.slot.as_secs();
        let arithmetic = format!(
            "{tries} tries × {} s + {waited} s between them = {needed} s of {slot} s",
            deadline.as_secs()
        );
        let subject = "[requests]";
        checked.add(Check::TimeOfRequest, (subject, arithmetic), (needed, slot), "seconds");
    }

    fn minutes(&self, checked: &mut Checked) {
        let slots = self.slots_per_day.saturating_mul(7);
        for (os, check, limit) in [
            (Os::Darwin, Check::MinutesOnMacos, self.budget.macos),
            (Os::Linux, Check::MinutesOnLinux, self.budget.linux),
        ] {
            let Some(allowed) = limit else { continue };
            let own = self.environments.iter().filter(|it| it.cell().os() == os).count();
            let n = u64::try_from(own).unwrap_or(u64::MAX);
            let tests = slots.saturating_mul(self.batch_size).saturating_mul(n);
            let needed = tests.saturating_mul(MINUTES_OF_A_TEST);
            let arithmetic = format!(
                "{slots} slots a week × {} packages × {n} environments × {MINUTES_OF_A_TEST} minutes = \
                 {needed} if every package gets there, of {allowed}",
                self.batch_size
            );
            checked.add(check, ("[budget]", arithmetic), (needed, allowed), "minutes");
        }
    }

    /// Settings that contradict each other.
    fn settings(&self, checked: &mut Checked) {
        let hours = |wait: Duration| wait.as_secs() / 3600;
        let mut waits = self.backoff.structural.to_vec();
        waits.push(self.backoff.structural_longest);
        for pair in waits.windows(2) {
            let &[first, next] = pair else { continue };
            let (needed, allowed) = (hours(first), hours(next));
            let arithmetic = format!("{needed} h, and after the next failure {allowed} h");
            let subject = "[backoff] structural_hours";
            checked.add(Check::WaitingTimes, (subject, arithmetic), (needed, allowed), "hours");
        }
        let minutes = |wait: Duration| wait.as_secs() / 60;
        let (first, longest) = (minutes(self.backoff.fault), minutes(self.backoff.fault_longest));
        let arithmetic = format!("{first} minutes, doubled up to {longest}");
        let subject = "[backoff] fault_minutes";
        checked.add(Check::WaitingTimes, (subject, arithmetic), (first, longest), "minutes");
        let breaker = &self.breaker;
        let (first, longest) = (minutes(breaker.first_pause), minutes(breaker.longest_pause));
        let arithmetic = format!("{first} minutes, doubled up to {longest}");
        let subject = "[breaker] first_pause_minutes";
        checked.add(Check::PausesOfBreakers, (subject, arithmetic), (first, longest), "minutes");
        let probes = u64::try_from(breaker.probes).unwrap_or(u64::MAX);
        let arithmetic = format!("{probes} probes, and {} packages in a batch", self.batch_size);
        let subject = "[breaker] probes";
        checked.add(Check::Probes, (subject, arithmetic), (probes, self.batch_size), "packages");
    }
}

const UNKNOWN_REQUESTS: &str =
    "run it once, or state the number in `requests_per_package` of `[plan]` in pipeline.toml";

impl Checked {
    fn add(
        &mut self,
        check: Check,
        (subject, arithmetic): (&str, String),
        (needed, allowed): (u64, u64),
        unit: &'static str,
    ) {
        let (fits, over) = (needed <= allowed, needed.saturating_sub(allowed));
        let subject = subject.to_owned();
        self.lines.push(Line { check, subject, arithmetic, needed, allowed, unit, fits, over });
    }
}

/// Adds what `run`, the record of a run that attempted packages, says about one package. The worst run
/// counts.
pub fn learn(needs: &mut BTreeMap<EcosystemId, Needs>, run: &RunRecord) {
    let Some(ecosystem) = &run.ecosystem else { return };
    if run.total == 0 || run.sweep.is_some() || run.generator.is_empty() {
        return;
    }
    let of = needs.entry(ecosystem.clone()).or_default();
    let figure = |all: u64| {
        let from = format!("recorded in {}", run.batch_id);
        Figure { value: all.div_ceil(run.total), from }
    };
    for (host, usage) in &run.requests {
        let found = figure(usage.sent);
        let known = of.requests.entry(host.clone()).or_insert_with(|| found.clone());
        if known.value < found.value {
            *known = found;
        }
    }
    let found = figure(run.duration_seconds);
    if of.seconds.as_ref().is_none_or(|known| known.value < found.value) {
        of.seconds = Some(found);
    }
}

fn minutes(time: Duration) -> String {
    format!("{} min", time.as_secs() / 60)
}

#[cfg(test)]
mod tests;
