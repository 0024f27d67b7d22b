//! The part of a run record that says what was tested, and with which result.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Environment, PackageId, ValidationSkip, Verdict};

/// Results in one environment, as numbers of recipes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentCounts {
    /// Recipes whose test was at least begun.
    pub tested: u64,
    /// Recipes that passed.
    pub passed: u64,
    /// Recipes that failed.
    pub failed: u64,
    /// Recipes about which the test said nothing, or which were not tested.
    pub skipped: u64,
    /// Recipes that need recipes that do not exist.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub blocked: u64,
    /// The skipped recipes by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skip_reasons: BTreeMap<ValidationSkip, u64>,
}

/// The result of testing a recipe in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "EnvironmentResult says it")]
pub struct RecordedResult {
    pub package_id: PackageId,
    pub environment: Environment,
    pub result: Verdict,
    /// Number of tries.
    pub tries: u32,
    /// How long all tries took, in milliseconds.
    pub duration_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}
