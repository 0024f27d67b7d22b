//! Whether the schedule of an operator fits into what registries, machines and waiting times allow.
//!
//! Every figure is declared by a plugin, set by an operator, or taken from recorded runs; what is not
//! known is said to be unknown.

mod compute;
mod needs;

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Serialize;

pub use self::needs::learn;
use crate::{
    decide::{backoff::BackoffPolicy, breaker::BreakerPolicy, ladder::BudgetPolicy},
    model::{EcosystemId, Environment, Quota},
};

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

#[cfg(test)]
mod tests;
