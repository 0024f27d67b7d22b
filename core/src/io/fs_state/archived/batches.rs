//! Archived failures and runs, run by run.

use serde::Deserialize;

use super::{
    ArchiveKind,
    lines::{ArchivedLine, ArchivedLines},
};
use crate::{
    io::{FsState, Layout, Quarantined, StateError, fs_state::lines, regular, state_error},
    model::{Month, RunName},
};

/// The archived records of one run.
#[derive(Debug)]
pub(in crate::io) struct ArchivedBatch {
    /// The id of the run.
    pub(in crate::io) id: String,
    /// The records, each with the number of its line.
    pub(in crate::io) lines: Vec<(u64, Vec<u8>)>,
}

/// What is in an archive.
#[derive(Debug)]
pub(in crate::io) enum Archived {
    Batch(ArchivedBatch),
    /// It cannot be read.
    Damaged(Quarantined),
}

/// The runs of one file, the newest first.
pub(in crate::io) struct ArchivedBatches {
    month: Month,
    lines: ArchivedLines,
    /// The run that is read.
    current: Option<ArchivedBatch>,
    /// The size of its lines in bytes.
    n_bytes: u64,
}

/// The field by which lines are grouped.
#[derive(Deserialize)]
struct OfBatch {
    batch_id: String,
}

impl FsState {
    /// The runs that are archived for `month`; `None` when there are none. A file that is not a
    /// regular one is returned as damage.
    pub(in crate::io) fn archived_batches(
        &self,
        month: Month,
        kind: ArchiveKind,
    ) -> Result<Option<Result<ArchivedBatches, Quarantined>>, StateError> {
        let path = self.layout.archived(month, kind);
        let label = self.layout.label(&path);
        match ArchivedLines::open(&path, label.clone()) {
            Ok(lines) => {
                let batches = |lines| ArchivedBatches { month, lines, current: None, n_bytes: 0 };
                Ok(lines.map(batches).map(Ok))
            }
            Err(error) if error.kind.is_about_the_file() => {
                Ok(Some(Err(lines::damaged_file(&error, label))))
            }
            Err(error) => Err(error),
        }
    }
}

impl ArchivedBatches {
    /// The next run, or damage that was found before its end.
    pub(in crate::io) fn next(&mut self) -> Option<Archived> {
        loop {
            let line = match self.lines.next() {
                None => return self.current.take().map(Archived::Batch),
                Some(Err(damaged)) => return Some(Archived::Damaged(damaged)),
                Some(Ok(line)) => line,
            };
            let ArchivedLine { place, text } = line;
            match self.batch_of(&text) {
                Err(reason) => {
                    return Some(Archived::Damaged(self.lines.quarantined(place, reason, &text)));
                }
                Ok(None) => {
                    self.n_bytes += text.len() as u64;
                    if let Some(batch) = &mut self.current {
                        batch.lines.push((place, text));
                    }
                }
                Ok(Some(id)) => {
                    self.n_bytes = text.len() as u64;
                    let next = ArchivedBatch { id, lines: vec![(place, text)] };
                    if let Some(batch) = self.current.replace(next) {
                        return Some(Archived::Batch(batch));
                    }
                }
            }
        }
    }

    /// The id of the run to which `line` belongs; `None` when it is that of the line before. The
    /// error is a reason.
    fn batch_of(&self, line: &[u8]) -> Result<Option<String>, String> {
        let of: OfBatch =
            serde_json::from_slice(line).map_err(|error| state_error::reason(&error))?;
        let id = of.batch_id;
        let current = self.current.as_ref().map(|batch| batch.id.as_str());
        if current == Some(&id) {
            let is_too_large = regular::MAX_FILE < self.n_bytes;
            return if is_too_large {
                Err("its run has too many records".to_owned())
            } else {
                Ok(None)
            };
        }
        let name = RunName::parse(&id);
        if name.and_then(RunName::month) != Some(self.month) {
            return Err(format!("its run did not start in {}", self.month));
        }
        if current.is_some_and(|current| order(current) <= order(&id)) {
            return Err("its run is not older than the run before it".to_owned());
        }
        Ok(Some(id))
    }
}

/// In a file the greatest comes first. The order is that of the names of the files of history.
pub(super) fn order(batch_id: &str) -> (String, String) {
    let start = RunName::parse(batch_id).map_or("", |name| name.start);
    (start.to_owned(), Layout::batch_file_name(batch_id))
}
