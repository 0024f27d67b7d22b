//! What an operator allows to be merged.

use chrono::TimeDelta;
use serde::Deserialize;

/// What an operator allows to be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergePolicy {
    /// What happens to a recipe that works on some Linux distributions of a cell only.
    pub split_cell: SplitCell,
    /// What happens to a recipe whose tool downloads something while it installs.
    pub network_gate: NetworkGate,
    /// How long the cells that a recipe lost are left alone.
    pub recheck_after: TimeDelta,
}

impl Default for MergePolicy {
    fn default() -> Self {
        Self {
            split_cell: SplitCell::default(),
            network_gate: NetworkGate::default(),
            recheck_after: TimeDelta::days(30),
        }
    }
}

/// What happens to a recipe that works on some Linux distributions of a cell only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitCell {
    /// It loses the cell.
    #[default]
    Remove,
    /// A person decides.
    Review,
}

/// What happens to a recipe whose tool downloads something while it installs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkGate {
    /// It is merged.
    #[default]
    Allow,
    /// A person decides.
    Review,
}
