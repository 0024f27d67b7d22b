//! A run: what was planned, and what came of it.

use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, Breaker, EcosystemId, Environment, Failure, PackageId, PackageName, Queue, RecipeName,
    Verify,
};

/// Decided in full: carrying it out involves no further choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The run.
    pub batch: BatchId,
    /// Whether the attempts test the ecosystem rather than the packages.
    pub probing: bool,
    /// In this order.
    pub attempts: Vec<PackageId>,
    /// Every entry not taken, and why.
    pub skipped: Vec<Skip>,
}

/// An entry that a plan passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Skip {
    pub package_id: PackageId,
    pub reason: SkipReason,
}

/// Why an entry or a whole ecosystem was passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum SkipReason {
    /// The ecosystem's breaker admits nothing yet.
    BreakerOpen {
        /// When it admits probes.
        until: DateTime<Utc>,
    },
    /// It failed lately.
    BackingOff {
        /// When it is due.
        until: DateTime<Utc>,
    },
    /// It waits for recipes.
    Blocked {
        /// The missing ones.
        by: Vec<PackageName>,
    },
    /// Its recipe is in an open PR.
    InProgress {
        /// Whose.
        batch: BatchId,
    },
    /// Its recipe is there.
    Done,
    /// Excluded, or a person's turn.
    Settled {
        /// Why.
        reason: String,
    },
    /// Others came first.
    BatchFull,
    /// Less important than this run asks for.
    OtherTier,
    /// Nothing in the queue can be attempted now.
    NothingEligible,
    /// There is no queue file.
    QueueMissing,
    /// The queue file cannot be read.
    QueueUnreadable {
        /// File, place and remedy.
        error: String,
    },
    /// It had its turn in this hour.
    ServedThisHour,
    /// The control plane stops it.
    Disabled,
    /// A host that it asks wants to be left alone: attempts would fail unasked.
    HostPaused {
        /// Which.
        host: String,
        /// When it may be asked again.
        until: DateTime<Utc>,
    },
    /// The ecosystem's own tool is not on this machine.
    ToolMissing {
        /// To be found on `PATH`.
        program: String,
    },
    /// This program cannot build its recipes.
    BuilderMissing,
    /// It installs on another system only, or on none of the known environments.
    NotThisMachine,
    /// No sandbox works here, and package code runs in nothing else.
    NoSandbox,
}

/// One try at one package.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Attempt {
    /// Which.
    pub package: PackageId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// Time worked on it, waiting for its turn aside, in milliseconds.
    pub worked_ms: u64,
    /// What the registry calls the newest version; `None` when it did not say.
    pub upstream_version: Option<String>,
    /// What a person should know of the package: deprecated, a prerelease, code at install. Each
    /// one line that can be shown.
    pub notes: Vec<String>,
    /// Whether a recipe was generated.
    pub generated: bool,
    /// Where it was tried, sorted by environment.
    pub results: Vec<EnvironmentResult>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What one environment said.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EnvironmentResult {
    /// Where.
    pub environment: Environment,
    /// What.
    pub verdict: Verdict,
    /// Time it took, in milliseconds.
    pub duration_ms: u64,
    /// The backend that contained it; `None` where no program ran.
    pub sandbox: Option<String>,
    /// The cause, unless it passed.
    pub failure: Option<Box<Failure>>,
    /// The verification that was seen to hold, where it passed and the recipe has one.
    pub verify: Option<Verify>,
}

/// Result of one validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the usual words")]
pub enum Verdict {
    Pass,
    Fail,
    /// Says nothing about the recipe.
    Skipped {
        /// Why.
        reason: ValidationSkip,
    },
    /// A dependency is missing.
    Blocked,
}

/// Why a validation says nothing about its recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValidationSkip {
    /// A service or the machine failed; the failure says which.
    Fault,
    /// The validator died while it was at work.
    RunnerLost,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its recipe installed and verified, and every gate let it through.
    Succeeded {
        /// What the recipe is called.
        recipe: RecipeName,
        /// The recipe itself.
        toml: String,
    },
    /// With a cause.
    Failed(Box<Failure>),
}

/// What became of a slot of the rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Asked for by name, or its own slot.
    Own,
    /// The slot belonged to another ecosystem.
    FellThrough {
        /// Whose it was.
        from: EcosystemId,
        /// Why that one could not use it.
        reason: SkipReason,
    },
}

/// What one run asked of one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostUsage {
    /// Requests sent.
    pub sent: u64,
    /// Answers that asked for a pause.
    pub throttled: u64,
    /// Time spent waiting for turns and pauses, in milliseconds.
    pub waited_ms: u64,
}

/// One ecosystem's part of the state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the types say it")]
pub struct EcosystemState {
    pub queue: Queue,
    pub breaker: Breaker,
}

/// For a person.
impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BreakerOpen { until } => {
                write!(f, "breaker open until {}", until.trunc_subsecs(0))
            }
            Self::BackingOff { until } => {
                write!(f, "backing off until {}", until.trunc_subsecs(0))
            }
            Self::Blocked { by } => {
                let names: Vec<&str> = by.iter().map(PackageName::as_str).collect();
                write!(f, "blocked by {}", names.join(", "))
            }
            Self::InProgress { batch } => write!(f, "in the open pull request of {batch}"),
            Self::Done => f.write_str("done"),
            Self::Settled { reason } => f.write_str(reason),
            Self::BatchFull => f.write_str("the batch is full"),
            Self::OtherTier => f.write_str("less important than the tier asked for"),
            Self::NothingEligible => f.write_str("nothing in its queue is due"),
            Self::QueueMissing => f.write_str("no queue file; `tsuku-batch init` makes one"),
            Self::QueueUnreadable { error } => f.write_str(error),
            Self::ServedThisHour => f.write_str("had its turn in this hour"),
            Self::HostPaused { host, until } => {
                write!(f, "{host} is paused until {}", until.trunc_subsecs(0))
            }
            Self::Disabled => f.write_str("disabled in batch-control.json"),
            Self::ToolMissing { program } => write!(f, "{program} is not installed here"),
            Self::BuilderMissing => f.write_str("builder not available yet"),
            Self::NotThisMachine => f.write_str("installs on other systems only"),
            Self::NoSandbox => {
                f.write_str("no sandbox works here; see `tsuku-batch sandbox check`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_whole_seconds() {
        let until = DateTime::from_timestamp(0, 123_456_789).unwrap();
        let text = SkipReason::BackingOff { until }.to_string();
        assert_eq!(text, "backing off until 1970-01-01 00:00:00 UTC");
    }
}
