//! The form of `dashboard.json`, its shards, and `health.json`.

use std::collections::BTreeMap;

use batch_core::{
    decide::health::Reason,
    model::{
        EcosystemId, Environment, PackageId, RecipeName, Redirection, RunnerMinutes, StatusLabel,
        Tier,
    },
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

/// `dashboard.json`: everything that the pages show.
#[derive(Serialize, JsonSchema)]
pub(super) struct Dashboard<'a> {
    pub(super) schema_version: u32,
    /// When the site was made.
    pub(super) generated_at: DateTime<Utc>,
    /// The time of the newest record; `null` before the first one.
    pub(super) data_as_of: Option<DateTime<Utc>>,
    /// Runs and failures from this time on are in the file and its shards; `null` before the first
    /// one.
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) queue: QueueFacts<'a>,
    pub(super) blockers: Vec<BlockerFacts<'a>>,
    /// All runs, newest first.
    pub(super) runs: Vec<RunFacts<'a>>,
    /// The newest failures; the others are in the shards.
    pub(super) failures: Vec<FailureFacts<'a>>,
    /// Files with the other failures, newest first.
    pub(super) failure_shards: Vec<ShardFacts>,
    /// Counts all failures, those of the shards included.
    pub(super) failures_summary: FailureCounts<'a>,
    pub(super) health: HealthFacts<'a>,
    pub(super) disambiguations: DecisionCounts<'a>,
    /// Number of records that cannot be read.
    pub(super) data_problems: usize,
}

/// A further file with failures.
#[derive(Serialize, JsonSchema)]
pub(super) struct Shard<'a> {
    pub(super) schema_version: u32,
    pub(super) failures: Vec<FailureFacts<'a>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ShardFacts {
    /// Relative to `dashboard.json`.
    pub(super) path: String,
    /// Number of its failures.
    pub(super) count: usize,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct QueueFacts<'a> {
    pub(super) total: usize,
    pub(super) by_status: BTreeMap<&'a str, usize>,
    pub(super) by_ecosystem: BTreeMap<&'a EcosystemId, BTreeMap<&'a str, usize>>,
    pub(super) packages: Vec<PackageEntry<'a>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PackageEntry<'a> {
    pub(super) id: &'a PackageId,
    pub(super) tier: Tier,
    pub(super) status: StatusLabel,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_retry_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last_attempt_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct BlockerFacts<'a> {
    pub(super) id: &'a PackageId,
    /// Number of packages that name it.
    pub(super) waiting: usize,
    /// Number of packages that its recipe would free.
    pub(super) unlocks: usize,
    /// Its own status; `null` if it is not queued.
    pub(super) status: Option<StatusLabel>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct RunFacts<'a> {
    pub(super) batch_id: &'a str,
    /// `null` for a run of several ecosystems or of none.
    pub(super) ecosystem: Option<&'a EcosystemId>,
    pub(super) timestamp: DateTime<Utc>,
    pub(super) total: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) blocked: u64,
    pub(super) merged: u64,
    pub(super) used_disambiguation: u64,
    pub(super) duration_seconds: u64,
    pub(super) packages_processed: &'a [PackageId],
    pub(super) recipes_generated: &'a [RecipeName],
    pub(super) disambiguations: &'a [Redirection],
    pub(super) workflow_run_url: Option<&'a str>,
    pub(super) platform_results: BTreeMap<Environment, PlatformCounts>,
    pub(super) minutes: RunnerMinutes,
    pub(super) minutes_saved: RunnerMinutes,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct PlatformCounts {
    pub(super) tested: u64,
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) blocked: u64,
    pub(super) skipped: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FailureFacts<'a> {
    pub(super) id: &'a str,
    /// The name of the package.
    pub(super) package: &'a str,
    pub(super) package_id: &'a PackageId,
    pub(super) ecosystem: &'a EcosystemId,
    pub(super) category: &'a str,
    pub(super) subcategory: &'a str,
    /// The cause in one line.
    pub(super) headline: String,
    pub(super) message: &'a str,
    /// The whole output as it is stored; `null` if there is none or it is too old.
    pub(super) full_output: Option<&'a str>,
    /// `null` if it failed before it was tested anywhere.
    pub(super) platform: Option<Environment>,
    pub(super) batch_id: &'a str,
    pub(super) timestamp: DateTime<Utc>,
    pub(super) workflow_run_url: Option<&'a str>,
    pub(super) fingerprint: String,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FailureCounts<'a> {
    pub(super) total: usize,
    pub(super) by_category: BTreeMap<&'a str, usize>,
    pub(super) by_subcategory: BTreeMap<&'a str, usize>,
    pub(super) by_ecosystem: BTreeMap<&'a EcosystemId, usize>,
    /// Number of different fingerprints.
    pub(super) causes: usize,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct DecisionCounts<'a> {
    pub(super) total: usize,
    pub(super) by_reason: BTreeMap<&'a str, usize>,
    pub(super) need_review: usize,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct HealthFacts<'a> {
    /// What the pipeline does: `running`, `stalled` or `paused`.
    pub(super) status: &'a str,
    pub(super) verdict: &'a str,
    /// The cause of the verdict and the remedy.
    pub(super) reason: &'a str,
    /// The command that remedies it or shows more.
    pub(super) command: Option<&'a str>,
    pub(super) reasons: &'a [Reason],
    pub(super) ecosystems: BTreeMap<&'a EcosystemId, BreakerFacts>,
    pub(super) last_run: Option<LastRun<'a>>,
    pub(super) last_successful_run: Option<LastSuccess<'a>>,
    pub(super) runs_since_last_success: usize,
    /// Whole hours; `null` before the first run.
    pub(super) hours_since_last_run: Option<u64>,
    /// Whole hours; `null` before the first merged recipe.
    pub(super) hours_since_recipe_merged: Option<u64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct BreakerFacts {
    /// `closed`, `open`, `half_open` or `disabled`.
    pub(super) breaker_state: &'static str,
    pub(super) last_failure: Option<DateTime<Utc>>,
    pub(super) consecutive_failures: u32,
    pub(super) next_probe_at: Option<DateTime<Utc>>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LastRun<'a> {
    pub(super) batch_id: &'a str,
    pub(super) ecosystem: Option<&'a EcosystemId>,
    pub(super) timestamp: DateTime<Utc>,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) blocked: u64,
    pub(super) total: u64,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LastSuccess<'a> {
    pub(super) batch_id: &'a str,
    /// Recipes that were on the main branch at the end of the run.
    pub(super) recipes_merged: u64,
    /// Recipes that were verified.
    pub(super) recipes_verified: u64,
    pub(super) recipes: &'a [RecipeName],
    pub(super) timestamp: DateTime<Utc>,
}

/// `health.json`: what a monitor needs.
#[derive(Serialize, JsonSchema)]
pub(super) struct Monitor<'a> {
    pub(super) schema_version: u32,
    pub(super) generated_at: DateTime<Utc>,
    /// After this time the file is too old to be believed: the pipeline or the program that makes the
    /// site has stopped.
    pub(super) stale_after: DateTime<Utc>,
    #[serde(flatten)]
    pub(super) health: HealthFacts<'a>,
}
