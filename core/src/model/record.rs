//! Records of past events: one line each, never changed afterwards.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    EcosystemId, Environment, EnvironmentCounts, Exclusion, ExecutablesFrom, HostUsage, PackageId,
    PullRequestLink, RecipeName, RecordedResult, Redirection, Sweep,
};

/// The format version of every file and line that this program writes.
pub const SCHEMA_VERSION: u32 = 2;

/// What happened to the slot of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotOutcome {
    /// The ecosystem that owned the slot, or that was asked for, ran.
    Ran,
    /// Another ecosystem used the slot.
    FellThrough,
    /// Nothing could be attempted.
    Skipped,
}

/// One run: a line of `data/metrics/batch-runs-<batch id>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Version of this line's format.
    pub schema_version: u32,
    /// The id of the run; `slot-<time>` for a slot in which nothing ran.
    pub batch_id: String,
    /// The ecosystem; absent when nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<EcosystemId>,
    /// The ecosystem that owned the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<EcosystemId>,
    /// When the run started.
    pub timestamp: DateTime<Utc>,
    /// Duration of the whole run in seconds.
    pub duration_seconds: u64,
    /// What happened to the slot.
    pub outcome: SlotOutcome,
    /// Why nothing ran, or why another ecosystem used the slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// Why recipes were tested that exist already; absent when packages were attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Number of attempts.
    pub total: u64,
    /// Attempts whose recipe was installed and verified.
    pub succeeded: u64,
    /// Attempts that failed, without the blocked ones.
    pub failed: u64,
    /// Attempts of packages that need recipes that do not exist.
    pub blocked: u64,
    /// Recipes that were generated.
    pub generated: u64,
    /// Recipes that were merged.
    pub merged: u64,
    /// Recipes that were left out of the batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// Recipes that were restricted because of the results of some environments.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub constrained: u64,
    /// Those restrictions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Exclusion>,
    /// The pull request with its recipes; absent before it is known, and when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestLink>,
    /// Entries that became due again at the start of the run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requeued: u64,
    /// Attempts that a curated override redirected.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub used_disambiguation: u64,
    /// Those attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disambiguations: Vec<Redirection>,
    /// The packages in the order in which their attempts ended.
    #[serde(default)]
    pub packages_processed: Vec<PackageId>,
    /// Recipes that were installed and verified.
    #[serde(default)]
    pub recipes_generated: Vec<RecipeName>,
    /// Who told the commands of each recipe of `recipes_generated`. For a recipe that is not in the
    /// list it was the registry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub executables_from: BTreeMap<RecipeName, ExecutablesFrom>,
    /// Results in each environment that was used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<Environment, EnvironmentCounts>,
    /// The result of each test, in the order of `packages_processed`, then by environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<RecordedResult>,
    /// Validation minutes that were used.
    #[serde(default)]
    pub minutes: RunnerMinutes,
    /// Validation minutes that the ladder saved, because it does not test a recipe in other
    /// environments that fails in a cheap one. Estimated: each of those tests would have taken as
    /// long as the longest test of the same recipe.
    #[serde(default)]
    pub minutes_saved: RunnerMinutes,
    /// Requests to each host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, HostUsage>,
    /// The id of the run that the batch belongs to, `run-<time>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Whether it ended before all planned packages were attempted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interrupted: bool,
    /// Planned packages that were not attempted and stay due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<PackageId>,
    /// The hosts that asked for a pause, so that packages of `deferred` were not attempted, and the
    /// ends of the pauses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deferred_for: BTreeMap<String, DateTime<Utc>>,
    /// Name and version of the generator.
    #[serde(default)]
    pub generator: String,
    /// The address of the CI run that the batch belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
}

/// Minutes of validation, by operating system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "proper names")]
pub struct RunnerMinutes {
    pub macos: u64,
    pub linux: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
