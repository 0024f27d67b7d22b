//! What happened in a batch, in the order in which it was learnt.
//!
//! Facts are the one vocabulary of stages, journals, artifacts, recovery and progress. What follows
//! from them is never stored beside them: [`fold`](crate::decide::fold::fold) derives it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, Environment, Failure, HostUsage, Minutes, PackageFacts, PackageId, RecipeName, Turn,
    Verdict, Verify,
};

/// One fact: a line of a journal, or of an artifact of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The batch started.
    Started(Box<Started>),
    /// Work on a package began.
    Began(Began),
    /// The generation of a recipe ended.
    Generated(Box<Generated>),
    /// The validation of a recipe in one environment ended.
    Validated(Box<Validated>),
    /// The batch was found without its end: nothing more will be learnt.
    Recovered(Recovered),
    /// A process of the batch ended in order.
    Finished(Finished),
}

/// What is known of a batch at its start, all choices made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// Version of the format.
    pub schema_version: u32,
    /// The batch.
    pub batch_id: BatchId,
    /// When it started.
    pub at: DateTime<Utc>,
    /// What it is to do.
    pub plan: BatchPlan,
    /// Generator and version.
    pub generator: String,
    /// The run that the batch is part of, `run-<time>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Version of the program that planned it.
    pub program_version: String,
    /// The CI run that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
}

/// What a batch is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchPlan {
    /// Whose turn it was.
    pub turn: Turn,
    /// Whether the attempts test the ecosystem rather than the packages.
    #[serde(default, skip_serializing_if = "is_false")]
    pub probing: bool,
    /// In this order: of two packages that want one name or command, the first has it.
    pub packages: Vec<PlannedPackage>,
}

/// A package to attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedPackage {
    /// Which.
    pub package_id: PackageId,
    /// Where its recipe is to be validated.
    pub environments: Vec<Environment>,
}

/// Work on a package began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Began {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// Which package.
    pub package_id: PackageId,
    /// Where its validation began; absent where its generation did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Which try it is, from 1. A later try replaces an earlier one.
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
    /// Which package.
    pub package_id: PackageId,
    /// Time it took, in milliseconds.
    pub duration_ms: u64,
    /// What came of it.
    pub made: Made,
}

/// A recipe, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// There is a recipe.
    Recipe(Box<GeneratedRecipe>),
    /// There is none.
    Nothing(NotGenerated),
}

/// A recipe, and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratedRecipe {
    /// What the registry says.
    pub facts: PackageFacts,
    /// What the recipe is called.
    pub name: RecipeName,
    /// The recipe, as the strict reader accepts it.
    pub toml: String,
}

/// Why there is no recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotGenerated {
    /// What the registry said, if it said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Box<PackageFacts>>,
    /// The cause.
    pub failure: Box<Failure>,
    /// What it will be as soon as the recipes are there that it waits for, as TOML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
}

/// The validation of a recipe in one environment ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Validated {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// Whose recipe.
    pub package_id: PackageId,
    /// Where.
    pub environment: Environment,
    /// What the environment says of the recipe.
    pub result: Verdict,
    /// Which try it is, from 1. A later try replaces an earlier one.
    pub tries: u32,
    /// Time it took, in milliseconds.
    pub duration_ms: u64,
    /// The backend that contained it; absent where no program ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The cause, unless it passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// The verification that was seen to hold, where it passed and the recipe has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// The batch was found without its end: nothing more will be learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Recovered {
    pub schema_version: u32,
    pub batch_id: BatchId,
    /// The end of whatever had not ended. Kept, so that a recovery that dies itself is repeated
    /// with the same values.
    pub at: DateTime<Utc>,
}

/// A process of the batch ended in order. What it had begun and not ended was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Finished {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// Where it validated; absent for the process that generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// What it asked of each host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, HostUsage>,
    /// Hosts that asked for a pause, and until when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pauses: BTreeMap<String, DateTime<Utc>>,
    /// Minutes that it is charged for; absent where the durations of its validations count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<Minutes>,
}

impl Fact {
    /// The batch that it is about.
    pub fn batch_id(&self) -> &BatchId {
        match self {
            Self::Started(fact) => &fact.batch_id,
            Self::Began(fact) => &fact.batch_id,
            Self::Generated(fact) => &fact.batch_id,
            Self::Validated(fact) => &fact.batch_id,
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
            Self::Validated(fact) => fact.at,
            Self::Recovered(fact) => fact.at,
            Self::Finished(fact) => fact.at,
        }
    }

    /// Version of its format.
    pub fn schema_version(&self) -> u32 {
        match self {
            Self::Started(fact) => fact.schema_version,
            Self::Began(fact) => fact.schema_version,
            Self::Generated(fact) => fact.schema_version,
            Self::Validated(fact) => fact.schema_version,
            Self::Recovered(fact) => fact.schema_version,
            Self::Finished(fact) => fact.schema_version,
        }
    }

    /// The start of a batch, if it is that.
    pub fn started(&self) -> Option<&Started> {
        if let Self::Started(started) = self { Some(started) } else { None }
    }
}

impl Made {
    /// What the registry said, if it said anything.
    pub fn facts(&self) -> Option<&PackageFacts> {
        match self {
            Self::Recipe(recipe) => Some(&recipe.facts),
            Self::Nothing(nothing) => nothing.facts.as_deref(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
