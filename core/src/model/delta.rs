//! What a batch adds to the stored state.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    Attempt, BatchId, Environment, HostUsage, Minutes, PackageId, SCHEMA_VERSION, Turn,
};

/// What a batch adds to the state: what happened, never new values, so that it can be applied to
/// whatever the state has become in the meantime.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Delta {
    /// The batch.
    pub batch: BatchId,
    /// Whose turn it was.
    pub turn: Turn,
    /// Whether its attempts were probes.
    pub probing: bool,
    /// When it ended, or when it was looked at before its end.
    pub ended_at: DateTime<Utc>,
    /// In order of their end; those that ended at one moment in the order of the plan.
    pub attempts: Vec<Attempt>,
    /// Planned and without an attempt: not begun, or interrupted. Still due. In the order of the
    /// plan.
    pub deferred: Vec<PackageId>,
    /// Planned and not decided yet: facts may still arrive. In the order of the plan.
    pub waiting: Vec<Waiting>,
    /// Facts that count for nothing, sorted.
    pub refused: Vec<RefusedFact>,
    /// Whether the batch ended before its plan was done.
    pub interrupted: bool,
    /// Minutes of validation.
    pub minutes: Minutes,
    /// Generator and version.
    pub generator: String,
    /// What was asked of each host.
    pub requests: BTreeMap<String, HostUsage>,
    /// Hosts that asked for a pause, and until when.
    pub pauses: BTreeMap<String, DateTime<Utc>>,
    /// The run that the batch was part of.
    pub run_id: Option<String>,
    /// The CI run it was part of.
    pub workflow_run_url: Option<String>,
}

/// A planned package that is not decided yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waiting {
    /// Which.
    pub package_id: PackageId,
    /// Whose results have not arrived. Empty while it is not generated, or while an earlier package
    /// of the plan that wants the same name or command is not decided.
    pub environments: Vec<Environment>,
}

/// A fact that counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RefusedFact {
    /// What it is about, for a person.
    pub fact: String,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a fact counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RefusalReason {
    /// It is about another batch.
    OtherBatch {
        /// Which.
        batch_id: String,
    },
    /// Its format is another one.
    OtherVersion {
        /// Which.
        schema_version: u32,
    },
    /// It starts the batch with another plan.
    OtherPlan,
    /// The plan has no such package, or does not validate it there.
    NotPlanned,
    /// Another fact says otherwise of the same: nobody can tell which of them is true.
    Contradicted,
}

/// For a person.
impl std::fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherBatch { batch_id } => write!(f, "it is about the batch {batch_id}"),
            Self::OtherVersion { schema_version } => {
                write!(f, "its schema version is {schema_version}, not {SCHEMA_VERSION}")
            }
            Self::OtherPlan => f.write_str("it starts the batch with another plan"),
            Self::NotPlanned => f.write_str("it is not part of the plan"),
            Self::Contradicted => f.write_str("another fact about the same says otherwise"),
        }
    }
}
