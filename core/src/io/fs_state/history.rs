//! Reads the files of history and their archives, newest first, and only those whose names fit the
//! filter.

use std::{
    collections::BTreeSet,
    iter::{self, Peekable},
    ops::ControlFlow,
    vec::IntoIter,
};

use memchr::{memchr_iter, memmem::Finder};

use crate::{
    io::{
        FsState, HistoryFilter, Quarantined, Records, StateError, Visited, Visitor,
        fs_state::{
            archived::{Archived, ArchivedBatch, file_name},
            history_files::{month_of, names, place},
            history_record::{HistoryRecord, parse},
            in_order::in_order,
            lines,
        },
        regular,
    },
    model::Month,
};

/// What a visit of history reads.
pub(super) struct Scope<'a> {
    /// Which records are wanted.
    pub(super) filter: &'a HistoryFilter,
    /// Files that are passed over, as if they did not exist.
    pub(super) hidden: &'a BTreeSet<String>,
}

impl FsState {
    /// Calls `visit` for the records in `scope`, file by file, and for archived ones run by run.
    pub(super) fn visit<T: HistoryRecord>(
        &self,
        scope: &Scope<'_>,
        visit: Visitor<'_, T>,
    ) -> Result<(), StateError> {
        // The archive is listed later: whatever is moved there in between is seen.
        let mut names = names::<T>(&T::dir(&self.layout), scope.filter)?;
        names.retain(|name| !scope.hidden.contains(name));
        let mut names = names.into_iter().peekable();
        let mut tour = Tour::new(self, scope, visit);
        for month in self.archived_months()? {
            if !scope.filter.takes_month(month) {
                continue;
            }
            // Newer files come first, and after them the visitor may have seen enough.
            let is_newer = |name: &String| month_of::<T>(name) > Some(month);
            let newer: Vec<String> = iter::from_fn(|| names.next_if(is_newer)).collect();
            if tour.files(&newer)?.is_break() {
                return Ok(());
            }
            if tour.month(month, &mut names)?.is_break() {
                return Ok(());
            }
        }
        tour.files(&names.collect::<Vec<_>>()).map(|_| ())
    }
}

/// A visit of history.
struct Tour<'a, 'v, T> {
    source: Source<'a>,
    /// The content of a file, whose memory is used again.
    content: Vec<u8>,
    visit: Visitor<'v, T>,
}

/// Where records come from.
struct Source<'a> {
    state: &'a FsState,
    scope: &'a Scope<'a>,
    words: Vec<Finder<'static>>,
}

impl<'a, 'v, T: HistoryRecord> Tour<'a, 'v, T> {
    fn new(state: &'a FsState, scope: &'a Scope<'a>, visit: Visitor<'v, T>) -> Self {
        let words = scope.filter.words();
        let words = words.iter().map(|word| Finder::new(word).into_owned()).collect();
        Self { source: Source { state, scope, words }, content: vec![], visit }
    }

    /// Visits the files of `names`. Several of them are read at the same time.
    fn files(&mut self, names: &[String]) -> Result<ControlFlow<()>, StateError> {
        let source = &self.source;
        let reader = || {
            let mut content = vec![];
            move |name: &String| -> Result<Records<T>, StateError> {
                let mut records = Records::default();
                source.read(name, &mut content, &mut records)?;
                Ok(source.wanted(records))
            }
        };
        let end = in_order(names, reader, |records| match records {
            Ok(records) => show(records, self.visit).map_break(Ok),
            Err(error) => ControlFlow::Break(Err(error)),
        });
        match end {
            ControlFlow::Continue(()) => Ok(ControlFlow::Continue(())),
            ControlFlow::Break(end) => end.map(ControlFlow::Break),
        }
    }

    /// Visits the archived runs of `month`, and the files of `names` that are not older.
    fn month(
        &mut self,
        month: Month,
        names: &mut Peekable<IntoIter<String>>,
    ) -> Result<ControlFlow<()>, StateError> {
        let (state, scope) = (self.source.state, self.source.scope);
        let mut archived = match state.archived_batches(month, T::ARCHIVE)? {
            None => return Ok(ControlFlow::Continue(())),
            Some(Err(damaged)) => return Ok((self.visit)(Visited::Damaged(damaged))),
            Some(Ok(archived)) => archived,
        };
        while let Some(next) = archived.next() {
            let batch = match next {
                Archived::Batch(batch) if scope.filter.takes_batch(&batch.id) => batch,
                Archived::Batch(_) => continue,
                Archived::Damaged(damaged) => {
                    if (self.visit)(Visited::Damaged(damaged)).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    continue;
                }
            };
            let archived_name = file_name::<T>(&batch.id);
            let is_newer = |name: &String| place::<T>(&archived_name) < place::<T>(name);
            let newer: Vec<String> = iter::from_fn(|| names.next_if(is_newer)).collect();
            if self.files(&newer)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let mut records = Records::default();
            if let Some(name) = names.next_if_eq(&archived_name) {
                self.source.read(&name, &mut self.content, &mut records)?;
            }
            let label = state.layout.label(&state.layout.archived(month, T::ARCHIVE));
            self.source.add_archived(batch, &label, &mut records);
            if show(self.source.wanted(records), self.visit).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl Source<'_> {
    /// Adds the records of the file called `name`. `content` gets its content.
    fn read<T: HistoryRecord>(
        &self,
        name: &str,
        content: &mut Vec<u8>,
        records: &mut Records<T>,
    ) -> Result<(), StateError> {
        let path = T::dir(&self.state.layout).join(name);
        let label = self.state.layout.label(&path);
        match regular::read_into(&path, regular::MAX_FILE, content) {
            Ok(true) => {
                let may_be_wanted = |line: &[u8]| self.may_be_wanted(line);
                lines::add(content, &label, &may_be_wanted, parse, records);
            }
            Ok(false) => (),
            Err(error) => lines::quarantine_file(error, &label, records)?,
        }
        Ok(())
    }

    /// Adds the archived records of `batch` that are not among `records`, those of its file.
    fn add_archived<T: HistoryRecord>(
        &self,
        batch: ArchivedBatch,
        label: &str,
        records: &mut Records<T>,
    ) {
        let known: BTreeSet<String> =
            records.records.iter().map(|record| record.key().to_owned()).collect();
        for (place, line) in batch.lines {
            if !self.may_be_wanted(&line) {
                continue;
            }
            match parse::<T>(&line) {
                Ok(record) if known.contains(record.key()) => (),
                Ok(record) => records.records.push(record),
                Err(reason) => {
                    let (file, raw) = (label.to_owned(), String::from_utf8_lossy(&line).into());
                    records.quarantined.push(Quarantined { file, place, reason, raw });
                }
            }
        }
    }

    /// One file is read completely, because a line without the id may be the damaged record.
    fn may_be_wanted(&self, line: &[u8]) -> bool {
        let is_one_file = self.scope.filter.batch.is_some() || self.scope.filter.failure.is_some();
        is_one_file || has_all(line, &self.words)
    }

    /// What is wanted of the records of one run, in their order.
    fn wanted<T: HistoryRecord>(&self, mut records: Records<T>) -> Records<T> {
        records.records.retain(|record| record.is_taken(self.scope.filter));
        records.records.sort_by(T::order);
        records
    }
}

fn show<T>(records: Records<T>, visit: Visitor<'_, T>) -> ControlFlow<()> {
    let damaged = records.quarantined.into_iter().map(Visited::Damaged);
    let records = records.records.into_iter().map(Visited::Record);
    damaged.chain(records).try_for_each(visit)
}

/// Whether `line` contains all `words`. A line with escapes has to be parsed to decide this.
fn has_all(line: &[u8], words: &[Finder<'_>]) -> bool {
    words.iter().all(|word| word.find(line).is_some())
        || memchr_iter(b'\\', line).any(|i| matches!(line.get(i + 1), Some(b'u' | b'/')))
}
