//! Queue entries, as they are stored and as they are used in memory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, EcosystemId, InvalidId, OperatorChange, PackageId, PackageName, Popularity,
    RecipeName, Restriction,
};

/// The entries of one ecosystem, by package id. The name alone is not enough, because other
/// ecosystems have other packages of the same name.
pub type Queue = BTreeMap<PackageId, QueueEntry>;

/// How soon a package is wanted: 1 means curated, 2 popular, 3 everything else.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("minimum" = 1, "maximum" = 3))]
pub struct Tier(u8);

impl Tier {
    /// The package is on the curated list.
    pub const CURATED: Self = Self(1);
    /// The package is above the popularity threshold of its ecosystem.
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

/// A package that is wanted, and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// The package.
    pub id: PackageId,
    /// How soon it is wanted.
    pub tier: Tier,
    /// Its state.
    pub status: Status,
    /// When it was queued.
    pub added_at: DateTime<Utc>,
    /// Its popularity. `None` means unknown, not zero.
    pub popularity: Option<Popularity>,
    /// When the last attempt ended.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// When the last attempt that was a probe ended.
    pub last_probe_at: Option<DateTime<Utc>>,
    /// Number of structural failures in a row.
    pub consecutive_failures: u32,
    /// Number of failures in a row for which the package was not to blame.
    pub consecutive_faults: u32,
    /// No attempt is made before this instant.
    pub next_retry_at: Option<DateTime<Utc>>,
    /// The entry from which an override redirected to this package.
    pub routed_from: Option<PackageId>,
    /// The package that an override takes the tool from instead.
    pub routed_to: Option<PackageId>,
    /// The version of the last attempt.
    pub upstream_version: Option<String>,
    /// The newest version that a list of its registry named; `None` if no list says so.
    pub listed_version: Option<String>,
    /// The generator version of the last attempt.
    pub generator_version: Option<String>,
    /// What a person should know about the package, one line each, from the last attempt in which
    /// its registry answered.
    pub notes: Vec<String>,
    /// The recipe that was made of it; `None` before there is one.
    pub recipe: Option<RecipeName>,
    /// The cells that its recipe lost; `None` when it lost none.
    pub restriction: Option<Box<Restriction>>,
    /// When its recipe passed last; `None` if that was its last attempt, or if it never passed.
    pub verified_at: Option<DateTime<Utc>>,
    /// When its recipe, which had worked before, was seen to fail; `None` if it works, or never
    /// worked.
    pub regressed_at: Option<DateTime<Utc>>,
    /// The batch that worked on it last.
    pub last_batch: Option<BatchId>,
    /// Whether the process of that batch died while it was at work on it.
    pub lost: bool,
    /// What an operator changed last.
    pub operator_change: Option<OperatorChange>,
}

/// The state of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits to be attempted.
    Pending,
    /// Its recipe is in an open pull request of a batch. This state has no time limit; comparing
    /// with the main branch ends it.
    InProgress {
        /// The batch of the pull request.
        batch: BatchId,
    },
    /// Its recipe exists.
    Success,
    /// The last attempt failed for a structural reason; the entry waits longer after each failure.
    Failed,
    /// It waits until other recipes exist.
    Blocked {
        /// The packages whose recipes are missing.
        by: Vec<PackageName>,
    },
    /// A person has to decide.
    RequiresManual {
        /// Why, in one line.
        reason: String,
    },
    /// It is excluded for good, by a rule or by an operator.
    Excluded {
        /// Why, in one line.
        reason: String,
    },
}

impl Status {
    /// The stored word.
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

    /// Why a person has to decide, or why the entry is excluded.
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

/// The word for a state.
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
    /// All states, in the order in which an entry usually passes through them.
    pub const ALL: &[Self] = &[
        Self::Pending,
        Self::InProgress,
        Self::Success,
        Self::Failed,
        Self::Blocked,
        Self::RequiresManual,
        Self::Excluded,
    ];

    /// The stored word.
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
    /// An entry that was never attempted.
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
            routed_to: None,
            upstream_version: None,
            listed_version: None,
            generator_version: None,
            notes: vec![],
            recipe: None,
            restriction: None,
            verified_at: None,
            regressed_at: None,
            last_batch: None,
            lost: false,
            operator_change: None,
        }
    }

    /// When its recipe was verified last, as far as that is known.
    pub fn last_verified_at(&self) -> DateTime<Utc> {
        self.verified_at.or(self.last_attempt_at).unwrap_or(self.added_at)
    }

    /// Since when it has waited: its last attempt, or else the time when it was queued.
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

/// The part of a queue file that is not an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueHeader {
    /// The ecosystem of the queue.
    pub ecosystem: EcosystemId,
    /// When the file changed last.
    pub updated_at: DateTime<Utc>,
    /// What its tiers mean.
    pub tiers: TierMeanings,
}
