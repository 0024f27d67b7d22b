//! What a batch adds to the stored state.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{
    Attempt, BatchId, Environment, HostUsage, PackageId, RunnerMinutes, SCHEMA_VERSION, Sweep, Turn,
};

/// What a batch adds to the state. It says what happened, and never holds new values of fields, so
/// that it can be applied even if the state has changed in the meantime.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Delta {
    /// The batch.
    pub batch: BatchId,
    /// Whether the ecosystem had its own slot.
    pub turn: Turn,
    /// Whether the attempts were probes of a half-open breaker.
    pub probing: bool,
    /// Why existing recipes were tested; `None` when packages were attempted.
    pub sweep: Option<Sweep>,
    /// When the batch ended, or when its facts were read if it had not ended yet.
    pub ended_at: DateTime<Utc>,
    /// The attempts in the order of their end. Attempts that ended at the same instant keep the
    /// order of the plan.
    pub attempts: Vec<Attempt>,
    /// Planned packages without an attempt, because work on them did not begin or was interrupted.
    /// They stay due. In the order of the plan.
    pub deferred: Vec<PackageId>,
    /// The hosts that asked for a pause, so that packages of `deferred` were not attempted, and the
    /// ends of the pauses.
    pub deferred_for: BTreeMap<String, DateTime<Utc>>,
    /// The packages of `deferred` on which a process worked when it died. In the order of the plan.
    pub lost: Vec<PackageId>,
    /// Planned packages that are not decided yet, because facts may still arrive. In the order of
    /// the plan.
    pub waiting: Vec<UndecidedPackage>,
    /// Facts that were refused, sorted.
    pub refused: Vec<RefusedFact>,
    /// Whether the batch ended before all planned packages were attempted.
    pub interrupted: bool,
    /// Validation minutes that were used.
    pub minutes: RunnerMinutes,
    /// Validation minutes that were not used, because recipes that fail in cheap environments are
    /// not tested in others. Estimated: each test would have taken as long as the longest one of the
    /// same recipe.
    pub minutes_saved: RunnerMinutes,
    /// Name and version of the generator.
    pub generator: String,
    /// Requests to each host.
    pub requests: BTreeMap<String, HostUsage>,
    /// Hosts that asked for a pause, and until when.
    pub pauses: BTreeMap<String, DateTime<Utc>>,
    /// The id of the run that the batch belongs to.
    pub run_id: Option<String>,
    /// The address of the CI run that the batch belongs to.
    pub workflow_run_url: Option<String>,
    /// Number of entries that became due again before the plan was made.
    pub requeued: u64,
}

/// A planned package that is not decided yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UndecidedPackage {
    /// The package.
    pub package_id: PackageId,
    /// The environments in which it has to be validated next. The list is empty while the recipe is
    /// not generated, and while an earlier package of the plan that has the same recipe name or
    /// command is not decided.
    pub environments: Vec<Environment>,
}

/// A fact that was refused and is ignored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct RefusedFact {
    /// What the fact is about, in words for a person.
    pub fact: String,
    /// Why it was refused.
    pub reason: RefusalReason,
}

/// Why a fact is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RefusalReason {
    /// It belongs to another batch.
    OtherBatch {
        /// The id of that batch.
        batch_id: String,
    },
    /// It has a format of another version.
    OtherVersion {
        /// The version of that format.
        schema_version: u32,
    },
    /// It starts the same batch with a different plan.
    OtherPlan,
    /// The plan does not contain this package, or does not validate it in this environment.
    NotPlanned,
    /// Another fact contradicts it, and nothing shows which of the two is true.
    Contradicted,
}

/// The reason in words for a person.
impl std::fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OtherBatch { batch_id } => write!(f, "it is about the batch {batch_id}"),
            Self::OtherVersion { schema_version } => {
                write!(f, "its schema version is {schema_version}, not {SCHEMA_VERSION}")
            }
            Self::OtherPlan => f.write_str("it starts the batch with another plan"),
            Self::NotPlanned => f.write_str("it is not part of the plan"),
            Self::Contradicted => f.write_str("another fact contradicts it"),
        }
    }
}
