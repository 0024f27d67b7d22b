//! Journals of runs: one file each, one fact a line, on the disk before the run goes on.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use crate::{
    io::{Layout, StateError, StateErrorKind, atomic, regular},
    model::{JournalLine, JournalStart, SCHEMA_VERSION},
};

/// The journal of a run that is under way.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    is_torn: bool,
}

/// A journal whose run is not in the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingJournal {
    /// The file.
    pub path: PathBuf,
    /// What could be read, in order. Without a start nothing had begun.
    pub lines: Vec<JournalLine>,
    /// Lines that could not: usually the last, cut off by the end of the machine.
    pub n_unreadable: usize,
}

impl Journal {
    /// Begins the journal of a run. There must be none of that id.
    pub fn create(layout: &Layout, start: &JournalStart) -> Result<Self, StateError> {
        let path = layout.journal(&start.batch);
        atomic::make_dir(&layout.outbox())?;
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(|error| StateError::io(&path, error))?;
        atomic::sync_dir(&layout.outbox())?;
        let mut journal = Self { path, file, is_torn: false };
        journal.append(&JournalLine::Start(start.clone()))?;
        Ok(journal)
    }

    /// Notes a fact. It is on the disk when this returns; after an error it may be there in part,
    /// which harms neither what stands before it nor what is noted next.
    pub fn append(&mut self, line: &JournalLine) -> Result<(), StateError> {
        let before = if self.is_torn { "\n" } else { "" };
        let text = format!("{before}{}\n", to_text(line));
        self.is_torn = true;
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| StateError::io(&self.path, error))?;
        self.is_torn = false;
        Ok(())
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it: its run is in the state.
    pub fn discard(self) -> Result<(), StateError> {
        atomic::remove(&self.path)
    }
}

impl PendingJournal {
    /// Notes that the run was found dead at `now`, unless it ended by itself or is known to be
    /// dead.
    pub fn recover(&mut self, now: DateTime<Utc>) -> Result<(), StateError> {
        let is_end =
            |line: &_| matches!(line, JournalLine::Finish(_) | JournalLine::Recovered { .. });
        if !self.lines.iter().any(is_end) {
            let line = JournalLine::Recovered { at: now };
            atomic::append_line(&self.path, &to_text(&line))?;
            self.lines.push(line);
        }
        Ok(())
    }

    /// Removes it: its run is in the state, or never began.
    pub fn discard(self) -> Result<(), StateError> {
        atomic::remove(&self.path)
    }
}

/// Journals of runs that are not in the state, those of one ecosystem in the order of their start.
/// To be asked for under the lock of a run, or one that is under way may be among them.
pub fn pending(layout: &Layout) -> Result<Vec<PendingJournal>, StateError> {
    let files = regular::list(&layout.outbox())?;
    let journals = files.into_iter().filter(|(name, _)| Layout::is_lines(name));
    journals.map(|(_, path)| read(path)).collect()
}

fn read(path: PathBuf) -> Result<PendingJournal, StateError> {
    let content = regular::read(&path)?.unwrap_or_default();
    let mut journal = PendingJournal { path, lines: vec![], n_unreadable: 0 };
    for line in content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(line) => journal.lines.push(line),
            Err(_) => journal.n_unreadable += 1,
        }
    }
    if let Some(JournalLine::Start(start)) = journal.lines.first()
        && start.schema_version != SCHEMA_VERSION
    {
        let (found, known) = (start.schema_version.into(), SCHEMA_VERSION);
        return Err(StateError::new(&journal.path, StateErrorKind::SchemaVersion { found, known }));
    }
    Ok(journal)
}

fn to_text(line: &JournalLine) -> String {
    serde_json::to_string(line).expect("keys are texts, so each fact can be written")
}
