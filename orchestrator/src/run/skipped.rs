//! Ecosystems that a run skips.

use batch_core::model::{EcosystemId, SkipReason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An ecosystem that was skipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SkippedEcosystem {
    /// The ecosystem.
    pub ecosystem: EcosystemId,
    /// The reason.
    pub reason: SkipReason,
    /// The reason in words.
    pub message: String,
}

impl From<&(EcosystemId, SkipReason)> for SkippedEcosystem {
    fn from((ecosystem, reason): &(EcosystemId, SkipReason)) -> Self {
        let message = reason.to_string();
        Self { ecosystem: ecosystem.clone(), reason: reason.clone(), message }
    }
}
