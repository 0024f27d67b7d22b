//! The results of generating a recipe, and of discovering the commands of a package.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, CommandName, Environment, Failure, PackageFacts, PackageId, RecipeName,
};

/// The result of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// There is a recipe.
    Recipe(Box<GeneratedRecipe>),
    /// There is no recipe yet, because only an installation shows the commands. The validation
    /// discovers them and makes the recipe.
    Undiscovered(Box<Undiscovered>),
    /// There is no recipe.
    Nothing(NotGenerated),
}

/// A recipe, and the facts from which it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratedRecipe {
    /// What the registry says about the package.
    pub facts: PackageFacts,
    /// The name of the recipe.
    pub name: RecipeName,
    /// The text of the recipe. The strict reader accepts it.
    pub toml: String,
}

/// A package whose commands only an installation shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undiscovered {
    /// What the registry says about the package. They say what to install.
    pub facts: PackageFacts,
    /// The name that the recipe will have.
    pub name: RecipeName,
}

/// Why there is no recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotGenerated {
    /// What the registry says about the package, if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Box<PackageFacts>>,
    /// The cause.
    pub failure: Box<Failure>,
    /// The recipe, as TOML, that will be made as soon as the recipes exist that it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
}

/// The commands of a package were looked for by two installations in one environment.
///
/// A validation in the same environment follows. If there is no recipe, it failed, and says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "Started says it")]
pub struct Discovered {
    pub schema_version: u32,
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
    /// The package.
    pub package_id: PackageId,
    /// The environment.
    pub environment: Environment,
    /// The number of this try, counted from 1. A later try replaces an earlier one.
    pub tries: u32,
    /// How long both installations took together, in milliseconds.
    pub duration_ms: u64,
    /// The sandbox backend that was used.
    pub sandbox: String,
    /// The commands that the package itself put on `PATH` in each installation, sorted.
    pub installations: [BTreeSet<CommandName>; 2],
    /// The recipe that was made from them. Absent when the two differ, or when there is no recipe
    /// with these commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Box<GeneratedRecipe>>,
}

impl Generation {
    /// What the registry said about the package, if this fact holds it.
    pub fn facts(&self) -> Option<&PackageFacts> {
        match self {
            Self::Recipe(recipe) => Some(&recipe.facts),
            Self::Undiscovered(undiscovered) => Some(&undiscovered.facts),
            Self::Nothing(nothing) => nothing.facts.as_deref(),
        }
    }
}
