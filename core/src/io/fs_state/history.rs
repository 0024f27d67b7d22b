//! Reads the files of history, newest first, and only those whose names fit the filter.

use std::path::Path;

use memchr::{memchr_iter, memmem::Finder};
use serde::de::DeserializeOwned;

use crate::{
    io::{
        FsState, HistoryFilter, Layout, Records, StateError, Visited, Visitor, fs_state::lines,
        regular,
    },
    model::{FailureRecord, FailureSummary, RunName, RunRecord, SCHEMA_VERSION},
};

/// The common part of failures and runs.
pub(super) trait HistoryRecord: DeserializeOwned {
    /// The part of their file names before the batch id.
    const PREFIX: &'static str;

    /// Whether the record fits `filter`.
    fn is_taken(&self, filter: &HistoryFilter) -> bool;

    /// Newest first.
    fn order(a: &Self, b: &Self) -> std::cmp::Ordering;

    /// The version of its format.
    fn schema_version(&self) -> u32;
}

impl HistoryRecord for RunRecord {
    const PREFIX: &'static str = Layout::RUN_PREFIX;

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
fn parse<T: HistoryRecord>(line: &[u8]) -> Result<T, String> {
    match serde_json::from_slice::<T>(line) {
        Ok(record) if record.schema_version() == SCHEMA_VERSION => Ok(record),
        Ok(_) | Err(_) => lines::record(line),
    }
}

impl FsState {
    /// Calls `visit` for the records under `dir` that fit `filter`, file by file.
    pub(super) fn visit<T: HistoryRecord>(
        &self,
        dir: &Path,
        filter: &HistoryFilter,
        visit: Visitor<'_, T>,
    ) -> Result<(), StateError> {
        let words: Vec<Finder<'_>> =
            filter.words().iter().map(|word| Finder::new(word).into_owned()).collect();
        // One file is read completely, because a line without the id may be the damaged record.
        let is_one_file = filter.batch.is_some() || filter.failure.is_some();
        let may_be_wanted = |line: &[u8]| is_one_file || has_all(line, &words);
        let mut content = vec![];
        for name in names::<T>(dir, filter)? {
            let path = dir.join(&name);
            let label = self.layout.label(&path);
            let mut records = Records::<T>::default();
            match regular::read_into(&path, regular::MAX_FILE, &mut content) {
                Ok(true) => lines::add(&content, &label, &may_be_wanted, parse, &mut records),
                Ok(false) => continue,
                Err(error) => lines::quarantine_file(error, &label, &mut records)?,
            }
            records.records.retain(|record| record.is_taken(filter));
            records.records.sort_by(T::order);
            let damaged = records.quarantined.into_iter().map(Visited::Damaged);
            let records = records.records.into_iter().map(Visited::Record);
            if damaged.chain(records).try_for_each(&mut *visit).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The names of the files that can contain records that fit `filter`, newest first. Files whose
/// names do not contain the start of a run come last.
fn names<T: HistoryRecord>(dir: &Path, filter: &HistoryFilter) -> Result<Vec<String>, StateError> {
    let of_failure = filter.failure.as_deref().and_then(RunName::batch_of_failure);
    if let Some(batch) = filter.batch.as_deref().or(of_failure) {
        return Ok(vec![format!("{}{}", T::PREFIX, Layout::batch_file_name(batch))]);
    }
    let is_wanted = |name: &String| {
        let takes = |stem: &str| {
            let is_elsewhere = filter.failure.is_some() && RunName::parse(stem).is_some();
            !is_elsewhere && filter.takes_name(stem)
        };
        Layout::is_lines(name) && stem::<T>(name).is_some_and(takes)
    };
    let names = regular::names(dir)?.into_iter().filter(is_wanted);
    let (mut dated, mut undated): (Vec<String>, Vec<String>) =
        names.partition(|name| stem::<T>(name).and_then(RunName::parse).is_some());
    dated.sort_unstable_by(|a, b| (start::<T>(b), b).cmp(&(start::<T>(a), a)));
    undated.sort_unstable_by(|a, b| b.cmp(a));
    dated.append(&mut undated);
    Ok(dated)
}

/// Start of the run in the name of a file.
fn start<T: HistoryRecord>(name: &str) -> Option<&str> {
    Some(RunName::parse(stem::<T>(name)?)?.start)
}

/// The batch id in the name of a file.
fn stem<T: HistoryRecord>(name: &str) -> Option<&str> {
    name.strip_prefix(T::PREFIX)?.strip_suffix(".jsonl")
}

/// Whether `line` contains all `words`. A line with escapes has to be parsed to decide this.
fn has_all(line: &[u8], words: &[Finder<'_>]) -> bool {
    words.iter().all(|word| word.find(line).is_some())
        || memchr_iter(b'\\', line).any(|i| matches!(line.get(i + 1), Some(b'u' | b'/')))
}
