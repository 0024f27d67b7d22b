//! What a run notes while it is under way, so that its end without a word loses nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{Attempt, BatchId, HostUsage, PackageId, Turn};

/// One fact: a line of `.tsuku-batch/outbox/<batch id>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalLine {
    /// The run began. First line of a journal.
    Start(JournalStart),
    /// An attempt began.
    Began {
        /// At which package.
        package: PackageId,
        /// When.
        at: DateTime<Utc>,
    },
    /// An attempt ended.
    Ended(Box<Attempt>),
    /// The run ended.
    Finish(JournalFinish),
    /// The run was found dead.
    Recovered {
        /// When: the end of whatever it had not ended. Kept, so that a recovery that dies itself
        /// is repeated with the same values.
        at: DateTime<Utc>,
    },
}

/// What is known of a run at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalStart {
    /// Version of the journal's format.
    pub schema_version: u32,
    /// The run.
    pub batch: BatchId,
    /// Whose turn it was.
    pub turn: Turn,
    /// Whether its attempts are probes.
    pub probing: bool,
    /// Generator and version.
    pub generator: String,
    /// The CI run it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
}

/// What is known of a run only at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalFinish {
    /// When.
    pub ended_at: DateTime<Utc>,
    /// What was asked of each host.
    #[serde(default)]
    pub requests: BTreeMap<String, HostUsage>,
    /// Hosts that asked to be left alone.
    #[serde(default)]
    pub pauses: BTreeMap<String, DateTime<Utc>>,
}
