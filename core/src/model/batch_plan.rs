//! The plan of a batch, as its first fact states it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Environment, PackageId, Turn, ValidationSkip};

/// What a batch has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchPlan {
    /// Whether the ecosystem had its own slot.
    pub turn: Turn,
    /// Whether the attempts test the ecosystem rather than the packages.
    #[serde(default, skip_serializing_if = "is_false")]
    pub probing: bool,
    /// Why recipes are tested that exist already; absent when packages are attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Environments in which the batch tests nothing, and why. An environment that is neither here
    /// nor in a package is not part of the ladder of that package.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<Environment, ValidationSkip>,
    /// The packages in their order. If two packages need the same recipe name or command, the first
    /// one gets it.
    pub packages: Vec<PlannedPackage>,
}

/// Why recipes are tested that exist already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// Whether they still work: a recipe that fails has regressed.
    Again,
    /// Whether they work in one more environment. The result is recorded, and no entry changes.
    Elsewhere,
    /// Whether they work by now in cells that they lost. They are offered there again if all
    /// environments pass that had failed.
    Recheck,
}

/// A package that the batch has to attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlannedPackage {
    /// The package.
    pub package_id: PackageId,
    /// The environments in which its recipe is to be validated, as far as the ladder promotes it.
    pub environments: Vec<Environment>,
    /// The environments for which the minutes that are left of the week's budget do not suffice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over_budget: Vec<Environment>,
    /// Whether the process of the last batch that worked on it died during that work.
    #[serde(default, skip_serializing_if = "is_false")]
    pub lost_before: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
