//! Reads everything of a root together with the places where it is, for whoever looks for damage.

use std::{borrow::Cow, collections::BTreeMap, ops::ControlFlow, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    decide::archive::Digest,
    io::{
        FsState, HistoryFilter, Quarantined, QueueFile, StateError, Visited, Visitor,
        fs_state::{
            archived::Archived,
            history_files::names,
            history_record::{HistoryRecord, parse},
            lines::{self, Line},
            queue,
        },
        regular,
    },
    model::{EcosystemId, FailureRecord, OutputRecord, PackageId, RunRecord},
};

/// A record, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Located<T> {
    /// The path of the file, relative to the root.
    pub file: Arc<str>,
    /// The line, from 1. In an archive, that of the unpacked file.
    pub line: u64,
    /// Whether the file is an archive.
    pub is_archived: bool,
    /// Whether the file is the one of its run. Other files than those of runs are.
    pub is_at_home: bool,
    /// The record.
    pub record: T,
}

/// The lines on which the entries of a queue begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryLines {
    by_number: Vec<u64>,
    by_id: BTreeMap<String, u64>,
}

impl EntryLines {
    /// The line of the entry with this number, from 1; 0 if there is none.
    pub fn of_number(&self, number: u64) -> u64 {
        let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        index.and_then(|index| self.by_number.get(index)).copied().unwrap_or(0)
    }

    /// The line of the first entry of this package; 0 if there is none.
    pub fn of_package(&self, id: &PackageId) -> u64 {
        self.by_id.get(&id.to_string()).copied().unwrap_or(0)
    }

    /// Those of the queue in `content`.
    fn of(content: &[u8]) -> Self {
        let Ok(outline) = serde_json::from_slice::<Outline<'_>>(content) else {
            return Self::default();
        };
        let (mut lines, mut at, mut line) = (Self::default(), 0, 1);
        for raw in outline.packages {
            // The entries come in the order of the file, so each byte is looked at once.
            let start = raw.get().as_ptr().addr().saturating_sub(content.as_ptr().addr());
            line += memchr::memchr_iter(b'\n', content.get(at..start).unwrap_or_default()).count();
            at = start;
            let place = u64::try_from(line).unwrap_or(0);
            lines.by_number.push(place);
            if let Ok(Identified { id: Some(id) }) = serde_json::from_str(raw.get()) {
                lines.by_id.entry(id.into_owned()).or_insert(place);
            }
        }
        lines
    }
}

/// The entries of a queue, as texts of the file.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow, default)]
    packages: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
}

/// How the lines of a file are read.
struct Reading<'a, T> {
    /// The record in a line. The error is the reason why there is none.
    parse: fn(&[u8]) -> Result<T, String>,
    /// Whether the file is the one of its run.
    is_at_home: &'a dyn Fn(&T) -> bool,
}

/// A file in the folder of the outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its path, relative to the root.
    pub file: String,
    /// When it was written, as the file system says.
    pub written_at: Option<DateTime<Utc>>,
}

impl FsState {
    /// The queue of `ecosystem`, with the lines of its entries; `None` when there is no such file.
    pub fn located_queue(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<Option<(Arc<QueueFile>, EntryLines)>, StateError> {
        let path = self.layout.queue(ecosystem);
        let Some(content) = regular::read(&path)? else { return Ok(None) };
        let file = queue::parse(&path, &self.layout.label(&path), ecosystem, &content)?;
        Ok(Some((Arc::new(file), EntryLines::of(&content))))
    }

    /// Calls `visit` for the records in the lines of the file at `path`, until it stops.
    pub fn visit_located<T: DeserializeOwned>(
        &self,
        path: &Path,
        visit: Visitor<'_, Located<T>>,
    ) -> Result<(), StateError> {
        let content = match regular::read(path) {
            Err(error) if error.kind.is_about_the_file() => {
                let label = self.layout.label(path);
                let _ = visit(Visited::Damaged(lines::damaged_file(&error, label)));
                return Ok(());
            }
            content => content?.unwrap_or_default(),
        };
        let _ = self.located_lines(
            path,
            &content,
            &Reading { parse: lines::record, is_at_home: &|_: &T| true },
            visit,
        );
        Ok(())
    }

    /// Calls `visit` for all records of runs, until it stops.
    pub fn visit_located_runs(
        &self,
        visit: Visitor<'_, Located<RunRecord>>,
    ) -> Result<(), StateError> {
        self.visit_located_history(visit)
    }

    /// Calls `visit` for all failures, until it stops.
    pub fn visit_located_failures(
        &self,
        visit: Visitor<'_, Located<FailureRecord>>,
    ) -> Result<(), StateError> {
        self.visit_located_history(visit)
    }

    fn visit_located_history<T: HistoryRecord>(
        &self,
        visit: Visitor<'_, Located<T>>,
    ) -> Result<(), StateError> {
        let dir = T::dir(&self.layout);
        let mut content = vec![];
        for name in names::<T>(&dir, &HistoryFilter::default())? {
            let path = dir.join(&name);
            match regular::read_into(&path, regular::MAX_FILE, &mut content) {
                Ok(_) => (),
                Err(error) if error.kind.is_about_the_file() => {
                    let damaged = lines::damaged_file(&error, self.layout.label(&path));
                    if visit(Visited::Damaged(damaged)).is_break() {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => return Err(error),
            }
            let is_at_home = |record: &T| name == super::archived::file_name::<T>(record.batch());
            if self
                .located_lines(&path, &content, &Reading { parse, is_at_home: &is_at_home }, visit)
                .is_break()
            {
                return Ok(());
            }
        }
        for month in self.archived_months()? {
            let mut archived = match self.archived_batches(month, T::ARCHIVE)? {
                None => continue,
                Some(Err(damaged)) => {
                    if visit(Visited::Damaged(damaged)).is_break() {
                        return Ok(());
                    }
                    continue;
                }
                Some(Ok(archived)) => archived,
            };
            let file: Arc<str> = self.layout.label(&self.layout.archived(month, T::ARCHIVE)).into();
            while let Some(next) = archived.next() {
                let flow = match next {
                    Archived::Damaged(damaged) => visit(Visited::Damaged(damaged)),
                    Archived::Batch(batch) => batch
                        .lines
                        .into_iter()
                        .try_for_each(|(line, text)| visit(archived_line(&file, line, &text))),
                };
                if flow.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn located_lines<T>(
        &self,
        path: &Path,
        content: &[u8],
        reading: &Reading<'_, T>,
        visit: Visitor<'_, Located<T>>,
    ) -> ControlFlow<()> {
        let file: Arc<str> = self.layout.label(path).into();
        let mut flow = ControlFlow::Continue(());
        lines::each((content, &file), &|_| true, reading.parse, &mut |line| {
            if flow.is_break() {
                return;
            }
            flow = visit(match line {
                Line::Damaged(damaged) => Visited::Damaged(damaged),
                Line::Record(line, record) => {
                    let is_at_home = (reading.is_at_home)(&record);
                    let file = Arc::clone(&file);
                    Visited::Record(Located { file, line, is_archived: false, is_at_home, record })
                }
            });
        });
        flow
    }

    /// The file of the output `digest`, which is not archived.
    pub fn output_file(&self, digest: &Digest) -> OutputFile {
        let path = self.layout.output(&hex::encode(digest)).expect("it is a digest");
        let written_at = super::survey::changed_at(&path);
        OutputFile { file: self.layout.label(&path), written_at }
    }

    /// The output `digest`, or what is wrong with its file.
    pub fn checked_output(
        &self,
        digest: &Digest,
    ) -> Result<Result<OutputRecord, Quarantined>, StateError> {
        self.whole_output(digest)
    }
}

fn archived_line<T: HistoryRecord>(file: &Arc<str>, line: u64, text: &[u8]) -> Visited<Located<T>> {
    match parse::<T>(text) {
        Ok(record) => {
            let file = Arc::clone(file);
            Visited::Record(Located { file, line, is_archived: true, is_at_home: true, record })
        }
        Err(reason) => {
            let (file, raw) = (file.to_string(), String::from_utf8_lossy(text).into_owned());
            Visited::Damaged(Quarantined { file, place: line, reason, raw })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_number_and_by_package_whatever_they_say() {
        let text = "{\"packages\": [\n  {\"id\": \"npm:a\"},\n  7,\n\n  {\"x\": {\"id\": \"no\"},\n   \
                    \"id\": \"npm:b\"}, {\"id\": \"npm:a\"}]}";
        let lines = EntryLines::of(text.as_bytes());
        assert_eq!([0, 1, 2, 3, 4, 5].map(|n| lines.of_number(n)), [0, 2, 3, 5, 6, 0]);
        let of = |id: &str| lines.of_package(&id.parse().unwrap());
        assert_eq!((of("npm:a"), of("npm:b"), of("npm:c")), (2, 5, 0));
        assert_eq!(EntryLines::of(b"[").of_number(1), 0);
    }
}
