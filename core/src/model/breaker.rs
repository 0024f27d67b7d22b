//! Circuit breaker of one ecosystem; the rules are in [`crate::decide::breaker`].

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BatchId, EcosystemId, Fingerprint, PackageId};

/// How an ecosystem stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Unhealthy runs in a row.
    pub unhealthy_runs: u32,
    /// `None` is closed.
    pub open: Option<Open>,
    /// Uniform failures so far.
    pub row: Option<UniformRow>,
    /// End of the last run.
    pub last_run_at: Option<DateTime<Utc>>,
    /// End of the last run that was unhealthy.
    pub last_failure_at: Option<DateTime<Utc>>,
    /// The last run that is in; one that comes again changes nothing.
    pub last_batch: Option<BatchId>,
}

/// The latest attempts, over runs: all on distinct packages, all failed in the one way that a
/// broken generator or validator makes them fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UniformRow {
    /// The one way.
    pub fingerprint: Fingerprint,
    /// In the order of the attempts.
    pub packages: Vec<PackageId>,
}

/// "Half-open" is not stored: it is what an open breaker is once its time is up, so no crash can
/// leave one stuck in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Since when.
    pub since: DateTime<Utc>,
    /// No attempt before.
    pub until: DateTime<Utc>,
    /// Times opened in a row; the pause doubles with it.
    pub level: u32,
    /// The one cause of a systemic failure.
    pub signature: Option<Fingerprint>,
    /// For a person.
    pub reason: String,
}

/// What a run says about its ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// Registry and tool answered.
    Healthy,
    /// The run proved nothing.
    Neutral,
    /// Registry, tool, generator or validator is unwell.
    Unhealthy {
        /// The one cause of a systemic failure.
        signature: Option<Fingerprint>,
    },
}

/// Stored word for [`Breaker::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the usual words")]
pub enum CircuitState {
    #[default]
    Closed,
    Open,
}

/// A line of the breaker log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BreakerTransition {
    /// Version of this line's format.
    pub schema_version: u32,
    /// When.
    pub at: DateTime<Utc>,
    /// Whose breaker.
    pub ecosystem: EcosystemId,
    /// Before.
    pub from: CircuitState,
    /// After.
    pub to: CircuitState,
    /// Why, for a person, with what will close it.
    pub reason: String,
    /// Ids of the failures that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// When it is probed next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_probe_at: Option<DateTime<Utc>>,
}
