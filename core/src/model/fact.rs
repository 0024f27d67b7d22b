//! Facts: what happened in a batch, in the order in which it became known.
//!
//! Stages, journals, artifacts, recovery and progress all use facts. What follows from facts is
//! never stored next to them; [`fold`](crate::decide::fold::fold) derives it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, BatchPlan, Discovered, Environment, Failure, Generation, HostUsage, PackageId,
    RunnerMinutes, Verdict, Verify,
};

/// One fact: a line of a journal, or of a file that a stage writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The batch started.
    Started(Box<Started>),
    /// Work on a package began.
    Began(Began),
    /// The generation of a recipe ended.
    Generated(Box<Generated>),
    /// The commands of a package were looked for by installations.
    Discovered(Box<Discovered>),
    /// The validation of a recipe in one environment ended.
    Validated(Box<Validated>),
    /// A package was not attempted, because a host asked for a pause.
    Deferred(Deferred),
    /// A later run found the batch without its end. No more facts will come.
    Recovered(Recovered),
    /// A process of the batch ended normally.
    Finished(Finished),
}

/// What is known when a batch starts, with all choices made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Version of the format.
    pub schema_version: u32,
    /// The id of the batch.
    pub batch_id: BatchId,
    /// When it started.
    pub at: DateTime<Utc>,
    /// What the batch has to do.
    pub plan: BatchPlan,
    /// Name and version of the generator.
    pub generator: String,
    /// The id of the run that the batch belongs to, `run-<time>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The version of the program that made the plan.
    pub program_version: String,
    /// The address of the CI run that the batch belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
    /// Number of entries that became due again before the plan was made: those of the ecosystem, and in
    /// the first batch of a run also those of ecosystems without a batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requeued: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Work on a package began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Began {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// The package.
    pub package_id: PackageId,
    /// The environment in which its validation began; absent when its generation began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// The number of this try, counted from 1. A later try replaces an earlier one.
    pub tries: u32,
}

/// The generation of a recipe ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Generated {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// The package.
    pub package_id: PackageId,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The result.
    pub made: Generation,
}

/// The validation of a recipe in one environment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Validated {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// The package of the recipe.
    pub package_id: PackageId,
    /// The environment.
    pub environment: Environment,
    /// The result of the validation.
    pub result: Verdict,
    /// The number of this try, counted from 1. A later try replaces an earlier one.
    pub tries: u32,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The sandbox backend that was used; absent when no program was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The cause, unless the validation passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// The verification that was seen to hold; absent when the validation did not pass or the
    /// recipe has no verification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// A package was not attempted, because a host asked for a pause. It is still due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Deferred {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// Which package.
    pub package_id: PackageId,
    /// The environment in which it was to be validated; absent if its recipe was to be generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Which host.
    pub host: String,
    /// The end of the pause.
    pub until: DateTime<Utc>,
}

/// A later run found the batch without its end. No more facts will come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Recovered {
    pub schema_version: u32,
    pub batch_id: BatchId,
    /// When it was found. The batch itself ended with its last other fact.
    pub at: DateTime<Utc>,
}

/// A process of the batch ended normally. Work that it had begun and not ended was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Finished {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// The environment in which it validated; absent for the process that generated recipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Its requests to each host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, HostUsage>,
    /// Hosts that asked for a pause, and until when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pauses: BTreeMap<String, DateTime<Utc>>,
    /// The minutes that it is charged for; absent when the durations of its validations are
    /// charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<RunnerMinutes>,
}

impl Fact {
    /// The batch that the fact belongs to.
    pub fn batch_id(&self) -> &BatchId {
        match self {
            Self::Started(fact) => &fact.batch_id,
            Self::Began(fact) => &fact.batch_id,
            Self::Generated(fact) => &fact.batch_id,
            Self::Discovered(fact) => &fact.batch_id,
            Self::Validated(fact) => &fact.batch_id,
            Self::Deferred(fact) => &fact.batch_id,
            Self::Recovered(fact) => &fact.batch_id,
            Self::Finished(fact) => &fact.batch_id,
        }
    }

    /// When it happened.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Started(fact) => fact.at,
            Self::Began(fact) => fact.at,
            Self::Generated(fact) => fact.at,
            Self::Discovered(fact) => fact.at,
            Self::Validated(fact) => fact.at,
            Self::Deferred(fact) => fact.at,
            Self::Recovered(fact) => fact.at,
            Self::Finished(fact) => fact.at,
        }
    }

    /// The version of its format.
    pub fn schema_version(&self) -> u32 {
        match self {
            Self::Started(fact) => fact.schema_version,
            Self::Began(fact) => fact.schema_version,
            Self::Generated(fact) => fact.schema_version,
            Self::Discovered(fact) => fact.schema_version,
            Self::Validated(fact) => fact.schema_version,
            Self::Deferred(fact) => fact.schema_version,
            Self::Recovered(fact) => fact.schema_version,
            Self::Finished(fact) => fact.schema_version,
        }
    }

    /// The start of a batch, if the fact is one.
    pub fn started(&self) -> Option<&Started> {
        if let Self::Started(started) = self { Some(started) } else { None }
    }
}
