//! The records of which history consists.

use std::path::PathBuf;

use serde::de::DeserializeOwned;

use crate::{
    io::{ArchiveKind, HistoryFilter, Layout, fs_state::lines},
    model::{FailureRecord, FailureSummary, RunRecord, SCHEMA_VERSION},
};

/// The common part of failures and runs.
pub(crate) trait HistoryRecord: DeserializeOwned + Send {
    /// The part of their file names before the batch id.
    const PREFIX: &'static str;

    /// The folder of their files.
    fn dir(layout: &Layout) -> PathBuf;

    /// Where they are archived.
    const ARCHIVE: ArchiveKind;

    /// The id of the record.
    fn key(&self) -> &str;

    /// The id of its run.
    fn batch(&self) -> &str;

    /// Whether the record fits `filter`.
    fn is_taken(&self, filter: &HistoryFilter) -> bool;

    /// Newest first.
    fn order(a: &Self, b: &Self) -> std::cmp::Ordering;

    /// The version of its format.
    fn schema_version(&self) -> u32;
}

impl HistoryRecord for RunRecord {
    const PREFIX: &'static str = Layout::RUN_PREFIX;
    const ARCHIVE: ArchiveKind = ArchiveKind::Runs;

    fn dir(layout: &Layout) -> PathBuf {
        layout.metrics()
    }

    fn key(&self) -> &str {
        &self.batch_id
    }

    fn batch(&self) -> &str {
        &self.batch_id
    }

    fn is_taken(&self, filter: &HistoryFilter) -> bool {
        filter.takes_run(self)
    }

    fn order(a: &Self, b: &Self) -> std::cmp::Ordering {
        (b.timestamp, &b.batch_id).cmp(&(a.timestamp, &a.batch_id))
    }

    fn schema_version(&self) -> u32 {
        self.schema_version
    }
}

impl HistoryRecord for FailureRecord {
    const PREFIX: &'static str = "";
    const ARCHIVE: ArchiveKind = ArchiveKind::Failures;

    fn dir(layout: &Layout) -> PathBuf {
        layout.failure_files()
    }

    fn key(&self) -> &str {
        &self.id
    }

    fn batch(&self) -> &str {
        &self.batch_id
    }

    fn is_taken(&self, filter: &HistoryFilter) -> bool {
        filter.takes_failure(self)
    }

    fn order(a: &Self, b: &Self) -> std::cmp::Ordering {
        (b.timestamp, &b.id).cmp(&(a.timestamp, &a.id))
    }

    fn schema_version(&self) -> u32 {
        self.schema_version
    }
}

impl HistoryRecord for FailureSummary {
    const PREFIX: &'static str = FailureRecord::PREFIX;
    const ARCHIVE: ArchiveKind = FailureRecord::ARCHIVE;

    fn dir(layout: &Layout) -> PathBuf {
        FailureRecord::dir(layout)
    }

    fn key(&self) -> &str {
        &self.id
    }

    fn batch(&self) -> &str {
        &self.batch_id
    }

    fn is_taken(&self, filter: &HistoryFilter) -> bool {
        filter.takes_summary(self)
    }

    fn order(a: &Self, b: &Self) -> std::cmp::Ordering {
        (b.timestamp, &b.id).cmp(&(a.timestamp, &a.id))
    }

    fn schema_version(&self) -> u32 {
        self.schema_version
    }
}

/// Parses a line with a record of this version once. For any other line the slower reader says what
/// is wrong with it.
pub(super) fn parse<T: HistoryRecord>(line: &[u8]) -> Result<T, String> {
    // Checking once that the line is text takes less time than checking each of its values.
    let record = str::from_utf8(line).ok().and_then(|line| serde_json::from_str::<T>(line).ok());
    match record.filter(|record| record.schema_version() == SCHEMA_VERSION) {
        Some(record) => Ok(record),
        None => lines::record(line),
    }
}
