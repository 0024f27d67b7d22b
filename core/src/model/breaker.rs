//! The circuit breaker of one ecosystem. The rules are in [`crate::decide::breaker`].

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BatchId, EcosystemId, Fingerprint, PackageId};

/// The state of the breaker of one ecosystem.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Number of unhealthy runs in a row.
    pub unhealthy_runs: u32,
    /// `None` when the breaker is closed.
    pub open: Option<Open>,
    /// The latest attempts, as long as all of them failed in the same way.
    pub row: Option<UniformRow>,
    /// When the last run ended.
    pub last_run_at: Option<DateTime<Utc>>,
    /// When the last unhealthy run ended.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// The last run that was applied. Applying it again changes nothing.
    pub last_batch: Option<BatchId>,
}

/// The latest attempts, across runs, as long as they are on distinct packages and all of them
/// failed in the same way: the way in which a broken generator or validator makes every package
/// fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UniformRow {
    /// The fingerprint that all these failures share.
    pub fingerprint: Fingerprint,
    /// In the order of the attempts.
    pub packages: Vec<PackageId>,
}

/// "Half-open" is not stored. An open breaker is half-open as soon as `until` has passed, so no
/// crash can leave a breaker in that state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// When the breaker opened.
    pub since: DateTime<Utc>,
    /// No attempt is made before this instant.
    pub until: DateTime<Utc>,
    /// How many times the breaker opened in a row. The pause doubles each time.
    pub level: u32,
    /// The fingerprint of the failure that opened the breaker, if all attempts failed for one
    /// cause.
    pub signature: Option<Fingerprint>,
    /// Why the breaker is open, in words for a person.
    pub reason: String,
}

/// What a run says about the health of its ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// The registry and the tool answered.
    Healthy,
    /// The run proved nothing in either direction.
    Neutral,
    /// The registry, the tool, the generator or the validator does not work.
    Unhealthy {
        /// The fingerprint that all failures share, if they have one cause.
        signature: Option<Fingerprint>,
    },
}

/// The stored word for the state of [`Breaker::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the usual words")]
pub enum CircuitState {
    #[default]
    Closed,
    Open,
}

/// A line of the breaker log: one change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakerTransition {
    /// Version of this line's format.
    pub schema_version: u32,
    /// When the state changed.
    pub at: DateTime<Utc>,
    /// The ecosystem whose breaker changed.
    pub ecosystem: EcosystemId,
    /// The state before the change.
    pub from: CircuitState,
    /// The state after the change.
    pub to: CircuitState,
    /// Why the state changed and what will close the breaker, in words for a person.
    pub reason: String,
    /// The ids of the failures that caused the change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// When the ecosystem is probed next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_probe_at: Option<DateTime<Utc>>,
}
