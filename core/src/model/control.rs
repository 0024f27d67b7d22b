//! The control file: what an operator allows, and the state of breakers, budget and host pauses.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, Breaker, CircuitState, EcosystemId, Fingerprint, Open, SkipReason, UniformRow,
};

/// The content of `batch-control.json`. Keys that this version does not know are kept, because the
/// file is edited as a JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// Version of the file's format.
    pub schema_version: u32,
    /// `false` stops every run.
    pub enabled: bool,
    /// Ecosystems that an operator has stopped.
    #[serde(default)]
    pub disabled_ecosystems: Vec<EcosystemId>,
    /// Why something is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A link to the description of the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_url: Option<String>,
    /// Who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_by: Option<String>,
    /// When it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<DateTime<Utc>>,
    /// When the operator expects to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_resume: Option<DateTime<Utc>>,
    /// The breakers, by ecosystem.
    #[serde(default)]
    pub ecosystems: BTreeMap<EcosystemId, StoredBreaker>,
    /// Validation minutes that were used in the current week.
    #[serde(default)]
    pub budget: Budget,
    /// Hosts that asked for a pause.
    #[serde(default)]
    pub hosts: BTreeMap<String, HostPause>,
    /// Stops that end by themselves. `enabled` and `disabled_ecosystems` are the stops without an
    /// end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            schema_version: crate::model::SCHEMA_VERSION,
            enabled: true,
            disabled_ecosystems: vec![],
            reason: None,
            incident_url: None,
            disabled_by: None,
            disabled_at: None,
            expected_resume: None,
            ecosystems: BTreeMap::new(),
            budget: Budget::default(),
            hosts: BTreeMap::new(),
            pauses: vec![],
        }
    }
}

impl Control {
    /// The keys that this version knows in the file.
    pub const KEYS: &[&str] = &[
        "schema_version",
        "enabled",
        "disabled_ecosystems",
        "reason",
        "incident_url",
        "disabled_by",
        "disabled_at",
        "expected_resume",
        "ecosystems",
        "budget",
        "hosts",
        "pauses",
    ];

    /// How an operator has stopped `ecosystem` at `now`; `None` if it may attempt something. The
    /// breaker is not considered here.
    pub fn stop(&self, ecosystem: &EcosystemId, now: DateTime<Utc>) -> Option<SkipReason> {
        if self.is_disabled(ecosystem) {
            return Some(SkipReason::Disabled);
        }
        self.pause(ecosystem, now).map(|pause| SkipReason::Paused { until: pause.until })
    }

    /// Why an operator has stopped `ecosystem` at `now`, in the operator's words; `None` if it is not
    /// stopped or no reason is given.
    pub fn stop_reason(&self, ecosystem: &EcosystemId, now: DateTime<Utc>) -> Option<&str> {
        if self.is_disabled(ecosystem) {
            return self.reason.as_deref();
        }
        self.pause(ecosystem, now).map(|pause| pause.reason.as_str())
    }

    /// Whether the ecosystem is stopped without an end.
    fn is_disabled(&self, ecosystem: &EcosystemId) -> bool {
        !self.enabled || self.disabled_ecosystems.contains(ecosystem)
    }

    /// The pause of the ecosystem that ends last, if it has not ended at `now`.
    fn pause(&self, ecosystem: &EcosystemId, now: DateTime<Utc>) -> Option<&Pause> {
        let stops = |pause: &&Pause| pause.ecosystem.as_ref().is_none_or(|id| id == ecosystem);
        let pauses = self.pauses.iter().filter(stops).filter(|pause| now < pause.until);
        pauses.max_by_key(|pause| pause.until)
    }

    /// Whether an operator has stopped `ecosystem` at `now`, and not everything. The problems of such
    /// an ecosystem are not reported.
    pub fn is_stopped_by_itself(&self, ecosystem: &EcosystemId, now: DateTime<Utc>) -> bool {
        let stops =
            |pause: &Pause| pause.ecosystem.as_ref() == Some(ecosystem) && now < pause.until;
        self.disabled_ecosystems.contains(ecosystem) || self.pauses.iter().any(stops)
    }

    /// The pause of everything that ends last, if it has not ended at `now`.
    pub fn pause_of_all(&self, now: DateTime<Utc>) -> Option<&Pause> {
        let of_all = self.pauses.iter().filter(|pause| pause.ecosystem.is_none());
        of_all.filter(|pause| now < pause.until).max_by_key(|pause| pause.until)
    }

    /// The breaker of `ecosystem`. An ecosystem without a stored breaker has a closed one.
    pub fn breaker(&self, ecosystem: &EcosystemId) -> Breaker {
        self.ecosystems.get(ecosystem).cloned().map(Into::into).unwrap_or_default()
    }
}

/// Minutes of validation used in the ISO week that began on `week_start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Budget {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week_start: Option<NaiveDate>,
    #[serde(default)]
    pub macos_minutes_used: u64,
    #[serde(default)]
    pub linux_minutes_used: u64,
}

impl Budget {
    /// The keys of this part of the file.
    pub const KEYS: &[&str] = &["week_start", "macos_minutes_used", "linux_minutes_used"];
}

/// A stop that an operator asked for and that ends by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pause {
    /// What is stopped; everything if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<EcosystemId>,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// A link to the description of the incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident_url: Option<String>,
}

impl Pause {
    /// The keys of this part of the file.
    pub const KEYS: &[&str] = &["ecosystem", "since", "until", "reason", "by", "incident_url"];
}

/// A pause that a host asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the name says it")]
pub struct HostPause {
    pub paused_until: DateTime<Utc>,
}

impl HostPause {
    /// The keys of this part of the file.
    pub const KEYS: &[&str] = &["paused_until"];
}

/// A breaker as the control file stores it. Absent fields have the values of a closed breaker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Breaker")]
#[expect(missing_docs, reason = "Breaker says it")]
pub struct StoredBreaker {
    #[serde(default)]
    pub circuit_state: CircuitState,
    #[serde(default)]
    pub consecutive_failures: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_until: Option<DateTime<Utc>>,
    #[serde(default)]
    pub backoff_level: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_batch_id: Option<BatchId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<UniformRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_for: Option<SystemicSignature>,
}

impl StoredBreaker {
    /// The keys of this part of the file.
    pub const KEYS: &[&str] = &[
        "circuit_state",
        "consecutive_failures",
        "opened_at",
        "backoff_until",
        "backoff_level",
        "reason",
        "last_failure",
        "last_run",
        "last_batch_id",
        "row",
        "opened_for",
    ];
}

/// The fingerprint of the failure that opened a breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the name says it")]
pub struct SystemicSignature {
    pub fingerprint: Fingerprint,
}

/// An open breaker without an end is read as closed, so that no breaker can stay open for ever.
impl From<StoredBreaker> for Breaker {
    fn from(stored: StoredBreaker) -> Self {
        let open = match (stored.circuit_state, stored.backoff_until) {
            (CircuitState::Open, Some(until)) => Some(Open {
                since: stored.opened_at.unwrap_or(until),
                until,
                level: stored.backoff_level.max(1),
                signature: stored.opened_for.map(|opened_for| opened_for.fingerprint),
                reason: stored.reason.unwrap_or_default(),
            }),
            (CircuitState::Open, None) | (CircuitState::Closed, _) => None,
        };
        Self {
            unhealthy_runs: stored.consecutive_failures,
            open,
            row: stored.row,
            last_run_at: stored.last_run,
            last_failure_at: stored.last_failure,
            last_batch: stored.last_batch_id,
        }
    }
}

impl From<&Breaker> for StoredBreaker {
    fn from(breaker: &Breaker) -> Self {
        let open = breaker.open.as_ref();
        let opened_for = open.and_then(|open| open.signature);
        Self {
            circuit_state: if open.is_some() { CircuitState::Open } else { CircuitState::Closed },
            consecutive_failures: breaker.unhealthy_runs,
            opened_at: open.map(|open| open.since),
            backoff_until: open.map(|open| open.until),
            backoff_level: open.map_or(0, |open| open.level),
            reason: open.map(|open| open.reason.clone()).filter(|reason| !reason.is_empty()),
            last_failure: breaker.last_failure_at,
            last_run: breaker.last_run_at,
            last_batch_id: breaker.last_batch.clone(),
            row: breaker.row.clone(),
            opened_for: opened_for.map(|fingerprint| SystemicSignature { fingerprint }),
        }
    }
}
