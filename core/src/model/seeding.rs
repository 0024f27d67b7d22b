//! Runs of the seeder: what was looked at, what was queued, and why the rest was not.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{CommandName, EcosystemId, HostUsage, PackageId, Page, SeedSkip};

/// What a candidate turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedVerdict {
    /// In the queue already: it is not looked into again.
    Queued,
    /// A command-line tool.
    Tool {
        /// What it puts on `PATH`; never empty.
        commands: Vec<CommandName>,
        /// Whether it names a public repository; `None` where nobody says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        has_repository: Option<bool>,
    },
    /// Not to be queued.
    Not {
        /// The kind of reason.
        reason: SeedSkip,
        /// The reason itself.
        why: String,
    },
}

/// What a run of the seeder was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedStart {
    /// Of the format.
    pub schema_version: u32,
    /// Whose queue.
    pub ecosystem: EcosystemId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Candidates to look at, at most.
    pub limit: Option<usize>,
    /// What earlier runs left of each source; empty for a run from the beginning.
    pub left: Vec<SourceRun>,
}

/// One fact of a run of the seeder, in its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedLine {
    /// It began.
    Start(SeedStart),
    /// A page came.
    Page {
        /// Name of the source.
        source: String,
        /// Where it was asked for.
        cursor: Option<String>,
        /// What came.
        page: Page,
    },
    /// A candidate was looked into.
    Verdict {
        /// Which.
        id: PackageId,
        /// What it is.
        verdict: SeedVerdict,
    },
    /// A source will not be read further in this run.
    Stopped {
        /// Name of the source.
        source: String,
        /// Why, in one line.
        reason: String,
    },
}

/// Why a package is not queued, kept so that the registry is not asked the same again soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remembered {
    /// The kind of reason.
    pub reason: SeedSkip,
    /// The reason itself.
    pub why: String,
    /// When it was looked into.
    pub at: NaiveDate,
}

/// How a run of the seeder ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SeedOutcome {
    /// All that was asked for was looked at.
    Full,
    /// Some of it; the cursor says where to go on.
    Partial,
    /// A source listed far less than before, or nothing at all: that is not believed.
    Shrunk,
    /// No source could be read.
    Unavailable,
}

impl SeedOutcome {
    /// As written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Shrunk => "shrunk",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedCursor {
    /// Name of the source.
    pub source: String,
    /// The source's own cursor of the page; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Candidates of that page that were looked at already.
    pub visited: usize,
    /// Of those candidates' ids: if the page begins otherwise by now, all of it is looked at.
    pub digest: String,
}

/// What one source gave in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceRun {
    /// Of the source.
    pub name: String,
    /// How it ended.
    pub outcome: SeedOutcome,
    /// Candidates and passed-over packages looked at, by this run and by those that it went on from.
    pub seen: usize,
    /// How many the source says it hands on, or handed on to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// How many packages it has, also those that are too many to be handed on, as far as that is
    /// told and believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// How many it listed when it was last believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
    /// Where to go on; absent where nothing is left, or nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<SeedCursor>,
    /// Why it is not full, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A package that a person must look at before it is attempted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Suspicion {
    /// As the source spells it. Hostile.
    pub name: String,
    /// Why, with what it was compared with.
    pub evidence: String,
}

/// A line of `data/metrics/seeding-runs.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedingRecord {
    /// Of the format.
    pub schema_version: u32,
    /// Whose queue.
    pub ecosystem: EcosystemId,
    /// When it began; a run that goes on after its process died keeps its start.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: SeedOutcome,
    /// Packages looked at.
    pub seen: usize,
    /// Entries that are new.
    pub added: usize,
    /// Entries whose popularity or tier is new.
    pub refreshed: usize,
    /// Entries that were there and are as they were.
    pub unchanged: usize,
    /// Packages that are not queued, by reason.
    pub skipped: BTreeMap<SeedSkip, usize>,
    /// How many of those that sources say they list were not looked at; absent where none says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_visited: Option<usize>,
    /// Where to go on; absent where everything was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<SeedCursor>,
    /// How many packages its sources listed when they were last believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
    /// What each source gave.
    pub sources: Vec<SourceRun>,
    /// Queued for a person, or refused for its characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicious: Vec<Suspicion>,
    /// Requests by host.
    pub usage: BTreeMap<String, HostUsage>,
}
