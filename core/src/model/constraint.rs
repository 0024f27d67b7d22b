//! What a recipe loses because it did not work everywhere.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Cell, Environment, PackageId};

/// A cell for which a recipe is not offered, because its validation failed there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedCell {
    /// The cell.
    pub cell: Cell,
    /// The environments of the cell in which the validation failed. There is at least one.
    pub failed_in: Vec<Environment>,
    /// The environments of the cell in which the validation passed. Recipes cannot be restricted to
    /// a Linux distribution, so these passes are given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<Environment>,
}

/// The cells that a merged recipe lost, and when they are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restriction {
    /// The cells, in the order of [`Cell::ALL`]. There is at least one.
    pub removed: Vec<RemovedCell>,
    /// From then on the removed cells are tried again.
    pub recheck_at: DateTime<Utc>,
}

/// The restriction of one recipe, as its run record cites it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exclusion {
    /// The package of the recipe.
    pub package_id: PackageId,
    /// The cells that its recipe lost.
    pub cells: Vec<RemovedCell>,
    /// The failures that are the reason, by their ids.
    pub failure_ids: Vec<String>,
    /// From then on the removed cells are tried again.
    pub recheck_at: DateTime<Utc>,
}
