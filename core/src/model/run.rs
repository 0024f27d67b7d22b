//! A run: its plan and its results.

use std::collections::BTreeSet;

use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, EcosystemId, Environment, ExecutablesFrom, Failure, Generation, PackageId,
    PackageName, RecipeName, Restriction, ValidationSkip, Verify,
};

/// The plan of a batch. It is complete: carrying it out needs no further choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The id of the batch.
    pub batch: BatchId,
    /// Whether the attempts are probes of a half-open breaker.
    pub probing: bool,
    /// The packages to attempt, in this order.
    pub attempts: Vec<PackageId>,
    /// The packages of `attempts` on which the process of their last batch worked when it died.
    pub lost_before: BTreeSet<PackageId>,
}

/// An entry that a plan skips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Skip {
    pub package_id: PackageId,
    pub reason: SkipReason,
}

/// Why an entry or a whole ecosystem is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum SkipReason {
    /// The breaker of the ecosystem is open.
    BreakerOpen {
        /// When the breaker admits probes.
        until: DateTime<Utc>,
    },
    /// Its last attempt failed, and its waiting time has not passed.
    BackingOff {
        /// When it is due.
        until: DateTime<Utc>,
    },
    /// It waits until other recipes exist.
    Blocked {
        /// The packages whose recipes are missing.
        by: Vec<PackageName>,
    },
    /// Its recipe is in an open pull request.
    InProgress {
        /// The batch of the pull request.
        batch: BatchId,
    },
    /// Its recipe exists.
    Done,
    /// It is excluded, or a person has to decide.
    Settled {
        /// Why.
        reason: String,
    },
    /// The batch was full before its turn came.
    BatchFull,
    /// It belongs to a tier that is less important than the run asks for.
    OtherTier,
    /// Nothing in the queue can be attempted now.
    NothingEligible,
    /// There is no queue file.
    QueueMissing,
    /// The queue file cannot be read.
    QueueUnreadable {
        /// The file, the position, the reason and the remedy.
        error: String,
    },
    /// It has run in this hour already.
    ServedThisHour,
    /// An operator has stopped it.
    Disabled,
    /// An operator has stopped it for a time.
    Paused {
        /// When it goes on by itself.
        until: DateTime<Utc>,
    },
    /// A host that it needs has asked for a pause, so that its attempts would fail without a
    /// request.
    HostPaused {
        /// The host.
        host: String,
        /// When it may be asked again.
        until: DateTime<Utc>,
    },
    /// The tool of the ecosystem is not on this machine.
    ToolMissing {
        /// The program that was not found on `PATH`.
        program: String,
    },
    /// This program cannot build its recipes.
    BuilderMissing,
    /// Its packages cannot be installed on this machine's system, or this machine is none of the
    /// known environments.
    NotThisMachine,
    /// No sandbox works on this machine, and package code runs only in a sandbox.
    NoSandbox,
}

/// One attempt at one package.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Attempt {
    /// The package.
    pub package: PackageId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How long the work took, without waiting, in milliseconds.
    pub worked_ms: u64,
    /// The newest version according to the registry; `None` when it did not say.
    pub upstream_version: Option<String>,
    /// What a person should know about the package, for example that it is deprecated, a
    /// prerelease, or runs code when it is installed. One line each, safe to show.
    pub notes: Vec<String>,
    /// Who told the commands; `None` if they are not known.
    pub executables_from: Option<ExecutablesFrom>,
    /// Whether a recipe was generated.
    pub generated: bool,
    /// What was validated; `None` when nothing was. It is not printed, because the facts have it.
    #[serde(skip)]
    pub subject: Option<Box<Generation>>,
    /// The results, sorted by environment.
    pub results: Vec<EnvironmentResult>,
    /// How the attempt ended.
    pub outcome: Outcome,
}

/// The result in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EnvironmentResult {
    /// The environment.
    pub environment: Environment,
    /// The result.
    pub verdict: Verdict,
    /// Number of tries; 0 when nothing was tested.
    pub tries: u32,
    /// How long all tries took, in milliseconds.
    pub duration_ms: u64,
    /// The sandbox backend that was used; `None` when no program was run.
    pub sandbox: Option<String>,
    /// The cause, unless the validation passed.
    pub failure: Option<Box<Failure>>,
    /// The verification that was seen to hold; `None` when the validation did not pass or the
    /// recipe has no verification.
    pub verify: Option<Verify>,
}

/// Result of one validation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the usual words")]
pub enum Verdict {
    Pass,
    Fail,
    /// The validation says nothing about the recipe.
    Skipped {
        /// Why.
        reason: ValidationSkip,
    },
    /// A dependency is missing.
    Blocked,
}

impl Verdict {
    /// Whether the recipe was tested, or its test was at least begun.
    pub const fn is_of_test(self) -> bool {
        !matches!(self, Self::Skipped { reason } if !reason.is_of_test())
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its recipe was installed and verified, and every gate accepted it.
    Succeeded {
        /// The name of the recipe.
        recipe: RecipeName,
        /// The text of the recipe, with its restriction.
        toml: String,
        /// The cells that it lost because it failed there; `None` when it lost none.
        restriction: Option<Box<Restriction>>,
    },
    /// The attempt failed, with this cause.
    Failed(Box<Failure>),
}

/// Whether an ecosystem ran in its own slot of the rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It ran in its own slot, or it was asked for by name.
    Own,
    /// It used the slot of another ecosystem.
    FellThrough {
        /// The ecosystem that owned the slot.
        from: EcosystemId,
        /// Why the owner could not use the slot.
        reason: SkipReason,
    },
}

/// The requests of one run to one host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostUsage {
    /// Number of requests.
    pub sent: u64,
    /// Number of answers that asked for a pause.
    pub throttled: u64,
    /// Time spent waiting for quotas and pauses, in milliseconds.
    pub waited_ms: u64,
}

/// The reason in words for a person.
impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BreakerOpen { until } => {
                write!(f, "breaker open until {}", until.trunc_subsecs(0))
            }
            Self::BackingOff { until } => {
                write!(f, "waiting after a failure until {}", until.trunc_subsecs(0))
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
            Self::QueueMissing => f.write_str("no queue file; `tsuku-batch init` creates one"),
            Self::QueueUnreadable { error } => f.write_str(error),
            Self::ServedThisHour => f.write_str("has run in this hour already"),
            Self::HostPaused { host, until } => {
                write!(f, "{host} is paused until {}", until.trunc_subsecs(0))
            }
            Self::Disabled => f.write_str("disabled in batch-control.json"),
            Self::Paused { until } => {
                write!(f, "paused by an operator until {}", until.trunc_subsecs(0))
            }
            Self::ToolMissing { program } => write!(f, "{program} is not installed here"),
            Self::BuilderMissing => f.write_str("the builder is not available yet"),
            Self::NotThisMachine => f.write_str("can be installed only on other systems"),
            Self::NoSandbox => {
                f.write_str("no sandbox works on this machine; see `tsuku-batch sandbox check`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_in_whole_seconds() {
        let until = DateTime::from_timestamp(0, 123_456_789).unwrap();
        let text = SkipReason::BackingOff { until }.to_string();
        assert_eq!(text, "waiting after a failure until 1970-01-01 00:00:00 UTC");
    }
}
