//! A queue entry in the form of the files.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, InvalidId, OperatorChange, PackageId, PackageName, Popularity, QueueEntry, RecipeName,
    Restriction, Status, StatusLabel, Tier,
};

/// An entry in a queue file. It is read into a [`QueueEntry`], which cannot be contradictory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "QueueEntry")]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "QueueEntry says it")]
pub struct StoredEntry {
    pub id: PackageId,
    pub tier: Tier,
    pub status: StatusLabel,
    pub added_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popularity: Option<Popularity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_probe_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub consecutive_failures: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub consecutive_faults: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_retry_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<PackageName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<BatchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routed_from: Option<PackageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routed_to: Option<PackageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listed_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_version: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restriction: Option<Box<Restriction>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regressed_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_batch_id: Option<BatchId>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub lost: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_change: Option<OperatorChange>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl From<&QueueEntry> for StoredEntry {
    fn from(entry: &QueueEntry) -> Self {
        let entry = entry.clone();
        let status_reason = entry.status.reason().map(str::to_owned);
        let (blocked_by, batch_id) = match &entry.status {
            Status::Blocked { by } => (by.clone(), None),
            Status::InProgress { batch } => (vec![], Some(batch.clone())),
            Status::Pending
            | Status::Success
            | Status::Failed
            | Status::RequiresManual { .. }
            | Status::Excluded { .. } => (vec![], None),
        };
        Self {
            status: entry.status.label(),
            id: entry.id,
            tier: entry.tier,
            added_at: entry.added_at,
            popularity: entry.popularity,
            last_attempt_at: entry.last_attempt_at,
            last_probe_at: entry.last_probe_at,
            consecutive_failures: entry.consecutive_failures,
            consecutive_faults: entry.consecutive_faults,
            next_retry_at: entry.next_retry_at,
            blocked_by,
            status_reason,
            batch_id,
            routed_from: entry.routed_from,
            routed_to: entry.routed_to,
            upstream_version: entry.upstream_version,
            listed_version: entry.listed_version,
            generator_version: entry.generator_version,
            notes: entry.notes,
            recipe: entry.recipe,
            restriction: entry.restriction,
            verified_at: entry.verified_at,
            regressed_at: entry.regressed_at,
            last_batch_id: entry.last_batch,
            lost: entry.lost,
            operator_change: entry.operator_change,
        }
    }
}

impl TryFrom<StoredEntry> for QueueEntry {
    type Error = InvalidId;

    fn try_from(stored: StoredEntry) -> Result<Self, InvalidId> {
        let reason = stored.status_reason.unwrap_or_default();
        let status = match stored.status {
            StatusLabel::Pending => Status::Pending,
            StatusLabel::InProgress => {
                let missing =
                    || InvalidId::because("queue entry", "in_progress", "batch_id is missing");
                Status::InProgress { batch: stored.batch_id.ok_or_else(missing)? }
            }
            StatusLabel::Success => Status::Success,
            StatusLabel::Failed => Status::Failed,
            StatusLabel::Blocked => Status::Blocked { by: stored.blocked_by },
            StatusLabel::RequiresManual => Status::RequiresManual { reason },
            StatusLabel::Excluded => Status::Excluded { reason },
        };
        Ok(Self {
            id: stored.id,
            tier: stored.tier,
            status,
            added_at: stored.added_at,
            popularity: stored.popularity,
            last_attempt_at: stored.last_attempt_at,
            last_probe_at: stored.last_probe_at,
            consecutive_failures: stored.consecutive_failures,
            consecutive_faults: stored.consecutive_faults,
            next_retry_at: stored.next_retry_at,
            routed_from: stored.routed_from,
            routed_to: stored.routed_to,
            upstream_version: stored.upstream_version,
            listed_version: stored.listed_version,
            generator_version: stored.generator_version,
            notes: stored.notes,
            recipe: stored.recipe,
            restriction: stored.restriction,
            verified_at: stored.verified_at,
            regressed_at: stored.regressed_at,
            last_batch: stored.last_batch_id,
            lost: stored.lost,
            operator_change: stored.operator_change,
        })
    }
}
