//! Seeding runs: what was looked at, what was queued, and why the rest was not queued.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{CommandName, EcosystemId, HostUsage, PackageId, Page, SeedSkip};

/// What is known about a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedVerdict {
    /// It is in the queue already and is not looked at again.
    Queued,
    /// A command-line tool.
    Tool {
        /// The commands that it installs on `PATH`; never empty.
        commands: Vec<CommandName>,
        /// Whether it names a public repository; `None` when nothing says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        has_repository: Option<bool>,
    },
    /// It must not be queued.
    Not {
        /// The kind of reason.
        reason: SeedSkip,
        /// The reason in words.
        why: String,
    },
}

/// What a seeding run was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedStart {
    /// The format version.
    pub schema_version: u32,
    /// The ecosystem whose queue is filled.
    pub ecosystem: EcosystemId,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The maximal number of candidates to look at.
    pub limit: Option<usize>,
    /// What earlier runs left of each source. Empty when the run starts from the beginning.
    pub left: Vec<SourceRun>,
}

/// One fact of a seeding run, in its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedLine {
    /// The run began.
    Start(SeedStart),
    /// A page of a list was read.
    Page {
        /// Name of the source.
        source: String,
        /// The cursor of the page.
        cursor: Option<String>,
        /// The page.
        page: Page,
    },
    /// A candidate was looked at.
    Verdict {
        /// The candidate.
        id: PackageId,
        /// What is known about it.
        verdict: SeedVerdict,
    },
    /// A source is not read any further in this run.
    Stopped {
        /// Name of the source.
        source: String,
        /// Why, in one line.
        reason: String,
    },
}

/// Why a package is not queued. It is stored so that the registry is not asked again soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remembered {
    /// The kind of reason.
    pub reason: SeedSkip,
    /// The reason in words.
    pub why: String,
    /// The day on which the package was looked at.
    pub at: NaiveDate,
}

/// How a seeding run ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SeedOutcome {
    /// Everything that was asked for was looked at.
    Full,
    /// A part was looked at. The cursor says where to continue.
    Partial,
    /// A source listed far fewer packages than before, or none. Such a list is not trusted.
    Shrunk,
    /// No source could be read.
    Unavailable,
}

impl SeedOutcome {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Shrunk => "shrunk",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Where a later run continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedCursor {
    /// Name of the source.
    pub source: String,
    /// The source's own cursor of the page; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Number of candidates of that page that were looked at already.
    pub visited: usize,
    /// Digest of the ids of those candidates. If the page begins with other candidates now, all of
    /// it is looked at again.
    pub digest: String,
}

/// What one source gave in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceRun {
    /// Name of the source.
    pub name: String,
    /// How it ended.
    pub outcome: SeedOutcome,
    /// Number of candidates and skipped packages that were looked at, by this run and by the runs
    /// that it continued.
    pub seen: usize,
    /// How many candidates the source says that it lists, or how many it had when its end was
    /// reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// How many packages the complete list has, including those beyond the limit of candidates, if
    /// that is known and trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
    /// How many candidates it listed when it was last trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
    /// Where to continue; absent when nothing is left or nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<SeedCursor>,
    /// Why the source was not read completely, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A package that a person must look at before it is attempted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Suspicion {
    /// The name as the source spells it. It is hostile input.
    pub name: String,
    /// Why, and with which package it was compared.
    pub evidence: String,
}

/// A line of `data/metrics/seeding-runs.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedingRecord {
    /// The format version.
    pub schema_version: u32,
    /// The ecosystem whose queue was filled.
    pub ecosystem: EcosystemId,
    /// When it began. A run that continues after its process died keeps its first start.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: SeedOutcome,
    /// Number of packages that were looked at.
    pub seen: usize,
    /// Number of new entries.
    pub added: usize,
    /// Number of existing entries whose popularity or tier changed.
    pub refreshed: usize,
    /// Number of existing entries that did not change.
    pub unchanged: usize,
    /// Packages that are not queued, by reason.
    pub skipped: BTreeMap<SeedSkip, usize>,
    /// How many packages that the sources say they list were not looked at; absent when no source
    /// says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_visited: Option<usize>,
    /// Where to continue; absent when everything was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<SeedCursor>,
    /// How many packages its sources listed when they were last trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
    /// What each source gave.
    pub sources: Vec<SourceRun>,
    /// Packages that a person has to look at, or that were refused because of their characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspicious: Vec<Suspicion>,
    /// Requests by host.
    pub usage: BTreeMap<String, HostUsage>,
}
