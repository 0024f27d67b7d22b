//! Queue entries, as stored and as held in memory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{BatchId, EcosystemId, InvalidId, PackageId, PackageName, Popularity};

/// One ecosystem's entries. Keyed by id: a bare name means another package elsewhere.
pub type Queue = BTreeMap<PackageId, QueueEntry>;

/// How soon a package is wanted: 1 is curated, 2 popular, 3 the rest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("minimum" = 1, "maximum" = 3))]
pub struct Tier(u8);

impl Tier {
    /// On the curated list.
    pub const CURATED: Self = Self(1);
    /// Above its ecosystem's popularity threshold.
    pub const POPULAR: Self = Self(2);
    /// Everything else.
    pub const REST: Self = Self(3);
}

impl TryFrom<u8> for Tier {
    type Error = InvalidId;

    fn try_from(n: u8) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::because("tier", &n.to_string(), "a tier is 1, 2 or 3");
        (1..=3).contains(&n).then_some(Self(n)).ok_or_else(invalid)
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        tier.0
    }
}

/// A package that is wanted, and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Key.
    pub id: PackageId,
    /// How soon it is wanted.
    pub tier: Tier,
    /// Where it stands.
    pub status: Status,
    /// When it was queued.
    pub added_at: DateTime<Utc>,
    /// Unknown stays unknown: it is not zero.
    pub popularity: Option<Popularity>,
    /// End of the last attempt.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// End of the last attempt that was a probe.
    pub last_probe_at: Option<DateTime<Utc>>,
    /// Structural failures in a row.
    pub consecutive_failures: u32,
    /// Failures in a row that were not the package's fault.
    pub consecutive_faults: u32,
    /// Not attempted before.
    pub next_retry_at: Option<DateTime<Utc>>,
    /// The entry that an override sent here.
    pub routed_from: Option<PackageId>,
    /// Of the last attempt.
    pub upstream_version: Option<String>,
    /// Of the last attempt.
    pub generator_version: Option<String>,
    /// What a person should know of the package, each in one line; of the last attempt in which its
    /// registry answered.
    pub notes: Vec<String>,
}

/// Where an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// To be attempted.
    Pending,
    /// Its recipe is in an open batch PR; no timer ends that, reconciling with main does.
    InProgress {
        /// Whose PR.
        batch: BatchId,
    },
    /// Its recipe is on main.
    Success,
    /// The last attempt failed structurally; backs off.
    Failed,
    /// Waits for recipes.
    Blocked {
        /// The missing ones.
        by: Vec<PackageName>,
    },
    /// A person must decide.
    RequiresManual {
        /// Why, in one line.
        reason: String,
    },
    /// Terminal: policy or operator.
    Excluded {
        /// Why, in one line.
        reason: String,
    },
}

impl Status {
    /// As stored.
    pub const fn label(&self) -> StatusLabel {
        match self {
            Self::Pending => StatusLabel::Pending,
            Self::InProgress { .. } => StatusLabel::InProgress,
            Self::Success => StatusLabel::Success,
            Self::Failed => StatusLabel::Failed,
            Self::Blocked { .. } => StatusLabel::Blocked,
            Self::RequiresManual { .. } => StatusLabel::RequiresManual,
            Self::Excluded { .. } => StatusLabel::Excluded,
        }
    }

    /// Why a person must decide, or why it is out.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::RequiresManual { reason } | Self::Excluded { reason } => Some(reason),
            Self::Pending
            | Self::InProgress { .. }
            | Self::Success
            | Self::Failed
            | Self::Blocked { .. } => None,
        }
    }
}

/// The word for a status.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "Status says it")]
pub enum StatusLabel {
    Pending,
    InProgress,
    Success,
    Failed,
    Blocked,
    RequiresManual,
    Excluded,
}

impl StatusLabel {
    /// All of them, in the order of a life.
    pub const ALL: &[Self] = &[
        Self::Pending,
        Self::InProgress,
        Self::Success,
        Self::Failed,
        Self::Blocked,
        Self::RequiresManual,
        Self::Excluded,
    ];

    /// As written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::RequiresManual => "requires_manual",
            Self::Excluded => "excluded",
        }
    }
}

impl QueueEntry {
    /// Never attempted.
    pub fn new(id: PackageId, tier: Tier, added_at: DateTime<Utc>) -> Self {
        Self {
            id,
            tier,
            status: Status::Pending,
            added_at,
            popularity: None,
            last_attempt_at: None,
            last_probe_at: None,
            consecutive_failures: 0,
            consecutive_faults: 0,
            next_retry_at: None,
            routed_from: None,
            upstream_version: None,
            generator_version: None,
            notes: vec![],
        }
    }

    /// Since when it has had no attempt.
    pub fn waiting_since(&self) -> DateTime<Utc> {
        self.last_attempt_at.unwrap_or(self.added_at)
    }
}

/// What each tier of one ecosystem means, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TierMeanings {
    /// Tier 1.
    #[serde(rename = "1")]
    pub curated: String,
    /// Tier 2: the threshold with its unit and period.
    #[serde(rename = "2")]
    pub popular: String,
    /// Tier 3.
    #[serde(rename = "3")]
    pub rest: String,
}

/// A queue file without its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueHeader {
    /// Whose queue.
    pub ecosystem: EcosystemId,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// What its tiers mean.
    pub tiers: TierMeanings,
}
