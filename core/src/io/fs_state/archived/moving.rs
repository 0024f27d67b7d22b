//! Finds the files of old runs, and adds their records to the archives.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    ops::ControlFlow,
    path::Path,
};

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use super::batches::{Archived, ArchivedBatch, ArchivedBatches};
use crate::{
    decide::archive::{Tally, month_of_old_run},
    io::{
        FsState, HistoryFilter, Layout, Quarantined, Records, StateError, StateErrorKind, Visited,
        fs_state::{
            history::Scope,
            history_files::{names, place, run_name},
            history_record::HistoryRecord,
            lines,
        },
        regular,
    },
    model::Month,
};

/// The files of runs that are old enough for the archive.
#[derive(Debug, Default)]
pub(crate) struct OldFiles {
    /// The names of the files by month, the newest first.
    pub(crate) by_month: BTreeMap<Month, Vec<String>>,
    /// The number of their records.
    pub(crate) n_records: BTreeMap<Month, u64>,
    /// What prevents other old files from being archived.
    pub(crate) left: Vec<Quarantined>,
}

/// A record of a file, or what cannot be read there.
pub(crate) enum Surveyed<'a, T> {
    /// With the month of the archive to which it goes; `None` when it stays.
    Record(&'a T, Option<Month>),
    Damaged(&'a Quarantined),
}

impl FsState {
    /// The files whose runs started before `before`. `see` gets all records of all files, also of
    /// those that stay. A file with damage, or whose archive has damage, stays.
    pub(crate) fn old_files<T: HistoryRecord>(
        &self,
        before: DateTime<Utc>,
        see: &mut dyn FnMut(Surveyed<'_, T>),
    ) -> Result<OldFiles, StateError> {
        let dir = T::dir(&self.layout);
        let mut old = OldFiles::default();
        let mut archives: BTreeMap<Month, bool> = BTreeMap::new();
        for name in names::<T>(&dir, &HistoryFilter::default())? {
            let mut month = month_of_old_run(run_name::<T>(&name), before);
            let mut found = Records::<T>::default();
            let path = dir.join(&name);
            lines::read(&path, &self.layout.label(&path), &mut found)?;
            // An empty file has nothing to archive.
            if found.records.is_empty() {
                month = month.filter(|_| !found.quarantined.is_empty());
            }
            if month.is_some() {
                found.quarantined.extend(self.foreign(&path, &found.records));
                if !found.quarantined.is_empty() {
                    old.left.extend(found.quarantined.iter().cloned());
                    month = None;
                }
            }
            if let Some(of) = month {
                if let Entry::Vacant(archive) = archives.entry(of) {
                    let damage = self.damage_of_archive::<T>(of)?;
                    archive.insert(damage.is_empty());
                    old.left.extend(damage);
                }
                month = (archives.get(&of) == Some(&true)).then_some(of);
            }
            found.records.iter().for_each(|record| see(Surveyed::Record(record, month)));
            found.quarantined.iter().for_each(|damaged| see(Surveyed::Damaged(damaged)));
            if let Some(month) = month {
                *old.n_records.entry(month).or_default() += found.records.len() as u64;
                old.by_month.entry(month).or_default().push(name);
            }
        }
        Ok(old)
    }

    /// Says so if a record in the file at `path` does not belong to the run of the file.
    fn foreign<T: HistoryRecord>(&self, path: &Path, records: &[T]) -> Option<Quarantined> {
        let name = path.file_name()?.to_string_lossy();
        let is_own = |record: &T| file_name::<T>(record.batch()) == name;
        let place = 1 + records.iter().position(|record| !is_own(record))?;
        let reason = format!("record {place} belongs to another run than the file");
        let file = self.layout.label(path);
        Some(Quarantined { file, place: 0, reason, raw: String::new() })
    }

    /// What of the archive of `month` cannot be read. Empty for one that does not exist.
    fn damage_of_archive<T: HistoryRecord>(
        &self,
        month: Month,
    ) -> Result<Vec<Quarantined>, StateError> {
        let mut archived = match self.archived_batches(month, T::ARCHIVE)? {
            None => return Ok(vec![]),
            Some(Err(damaged)) => return Ok(vec![damaged]),
            Some(Ok(archived)) => archived,
        };
        let mut damage = vec![];
        let label = self.layout.label(&self.layout.archived(month, T::ARCHIVE));
        while let Some(next) = archived.next() {
            match next {
                Archived::Damaged(damaged) => damage.push(damaged),
                Archived::Batch(batch) => {
                    for (place, line) in &batch.lines {
                        if let Err(reason) = lines::record::<T>(line) {
                            let raw = String::from_utf8_lossy(line).into_owned();
                            let file = label.clone();
                            damage.push(Quarantined { file, place: *place, reason, raw });
                        }
                    }
                }
            }
        }
        Ok(damage)
    }

    /// Adds the records of the files `old`, the newest first, to the archive of `month`. The files
    /// stay.
    pub(crate) fn archive_files<T: HistoryRecord>(
        &self,
        month: Month,
        old: &[String],
    ) -> Result<(), StateError> {
        let path = self.layout.archived(month, T::ARCHIVE);
        let archived = self.archived_batches(month, T::ARCHIVE)?.transpose();
        let mut archived = archived.map_err(|damaged| error_of(&path, damaged))?;
        let mut old = old.iter().peekable();
        self.put_archived(month, T::ARCHIVE, |archive| {
            let mut add = |name, batch| -> Result<(), StateError> {
                let merged = self.merged::<T>(name, batch, &path)?;
                merged.iter().try_for_each(|line| archive.add(line))
            };
            while let Some(next) = archived.as_mut().and_then(ArchivedBatches::next) {
                let batch = match next {
                    Archived::Batch(batch) => batch,
                    Archived::Damaged(damaged) => return Err(error_of(&path, damaged)),
                };
                let own = file_name::<T>(&batch.id);
                while let Some(name) = old.next_if(|name| place::<T>(&own) < place::<T>(name)) {
                    add(Some(name), None)?;
                }
                add(old.next_if_eq(&&own), Some(batch))?;
            }
            old.try_for_each(|name| add(Some(name), None))
        })
    }

    /// The lines of the file `name`, and those of `batch` that are not in the file, newest first.
    /// `archive` is the file with `batch`.
    fn merged<T: HistoryRecord>(
        &self,
        name: Option<&String>,
        batch: Option<ArchivedBatch>,
        archive: &Path,
    ) -> Result<Vec<Vec<u8>>, StateError> {
        let mut merged: Vec<(T, Vec<u8>)> = vec![];
        if let Some(name) = name {
            let path = T::dir(&self.layout).join(name);
            let content = regular::read(&path)?.unwrap_or_default();
            for (line, text) in lines::lines(&content) {
                let text = text.trim_ascii();
                merged.push((record(&path, line, text)?, text.to_owned()));
            }
        }
        let own: BTreeSet<String> = merged.iter().map(|(it, _)| it.key().to_owned()).collect();
        for (line, text) in batch.into_iter().flat_map(|batch| batch.lines) {
            let record: T = record(archive, line, &text)?;
            if !own.contains(record.key()) {
                merged.push((record, text));
            }
        }
        merged.sort_by(|(a, _), (b, _)| T::order(a, b));
        Ok(merged.into_iter().map(|(_, text)| text).collect())
    }

    /// Counts everything that a reader of history would see without the files `hidden`. What cannot
    /// be read is added to `damage`.
    pub(crate) fn tally<T: HistoryRecord + Serialize>(
        &self,
        hidden: &BTreeSet<String>,
        damage: &mut Vec<Quarantined>,
    ) -> Result<Tally, StateError> {
        let (dir, filter) = (T::dir(&self.layout), HistoryFilter::default());
        let mut tally = Tally::default();
        let mut failed = None;
        let scope = Scope { filter: &filter, hidden };
        self.visit(&scope, &mut |visited: Visited<T>| {
            match visited {
                Visited::Record(record) => match lines::to_line(&dir, &record) {
                    Ok(line) => tally.add(&Sha256::digest(line).into()),
                    Err(error) => failed = Some(error),
                },
                Visited::Damaged(damaged) => damage.push(damaged),
            }
            ControlFlow::Continue(())
        })?;
        failed.map_or(Ok(tally), Err)
    }
}

/// The name of the file of the run `batch_id`.
pub(in crate::io) fn file_name<T: HistoryRecord>(batch_id: &str) -> String {
    format!("{}{}", T::PREFIX, Layout::batch_file_name(batch_id))
}

/// The record in a line that was readable before.
fn record<T: DeserializeOwned>(path: &Path, line: u64, text: &[u8]) -> Result<T, StateError> {
    let damaged = |reason| StateErrorKind::DamagedArchive { line, reason };
    lines::record(text).map_err(|reason| StateError::new(path, damaged(reason)))
}

fn error_of(path: &Path, damaged: Quarantined) -> StateError {
    let Quarantined { place: line, reason, .. } = damaged;
    StateError::new(path, StateErrorKind::DamagedArchive { line, reason })
}
