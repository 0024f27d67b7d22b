//! The pull request of a batch.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the pull request of a batch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestLink {
    /// Its number on the forge.
    pub number: u64,
    /// Its address; empty for a forge without pages.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// What a forge says about the pull request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchPullRequest {
    /// Where it is.
    pub link: PullRequestLink,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is open, and its checks are green or have not ended.
    Open,
    /// It is open, and these checks are red.
    Red(Vec<RedCheck>),
    /// It was merged.
    Merged,
    /// It was closed without being merged.
    Closed,
}

/// A check that failed. All texts come from the forge and are clean: no control characters but line
/// feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedCheck {
    /// The name of the check.
    pub name: String,
    /// What it says; empty if it says nothing.
    pub summary: String,
    /// Where its output is; empty if nobody says.
    pub url: String,
}
