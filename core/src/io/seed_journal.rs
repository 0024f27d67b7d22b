//! The journal of a seeding that is under way: one fact a line.
//!
//! It is not forced to the disk: a process that dies loses nothing, and a machine that does loses
//! what can be asked for again.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use crate::{
    io::{Layout, StateError, StateErrorKind, atomic, regular},
    model::{EcosystemId, SCHEMA_VERSION, SeedLine},
};

/// An open journal.
#[derive(Debug)]
pub struct SeedJournal {
    path: PathBuf,
    file: File,
}

impl SeedJournal {
    /// The journal of `ecosystem`, and what a seeding that died left in it: empty where the last
    /// one ended in order.
    pub fn open(
        layout: &Layout,
        ecosystem: &EcosystemId,
    ) -> Result<(Self, Vec<SeedLine>), StateError> {
        let path = layout.seed_journal(ecosystem);
        let content = regular::read(&path)?.unwrap_or_default();
        let mut lines = vec![];
        let mut n_bytes = 0;
        for line in content.split_inclusive(|&byte| byte == b'\n') {
            // What stands behind a line that cannot be read rests on it.
            let whole = line.strip_suffix(b"\n").map(serde_json::from_slice);
            let Some(Ok(fact)) = whole else { break };
            lines.push(fact);
            n_bytes += line.len() as u64;
        }
        if let Some(SeedLine::Start(start)) = lines.first()
            && start.schema_version != SCHEMA_VERSION
        {
            let (found, known) = (start.schema_version.into(), SCHEMA_VERSION);
            return Err(StateError::new(&path, StateErrorKind::SchemaVersion { found, known }));
        }
        if !matches!(lines.first(), Some(SeedLine::Start(_))) {
            (lines, n_bytes) = (vec![], 0);
        }
        atomic::make_dir(path.parent().unwrap_or(layout.root()))?;
        let failed = |error| StateError::io(&path, error);
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        file.set_len(n_bytes).map_err(failed)?;
        Ok((Self { path, file }, lines))
    }

    /// Notes a fact.
    pub fn append(&mut self, line: &SeedLine) -> Result<(), StateError> {
        let failed = |error| StateError::io(&self.path, error);
        let text =
            serde_json::to_string(line).expect("keys are texts, so each fact can be written");
        self.file.write_all(format!("{text}\n").as_bytes()).map_err(failed)
    }

    /// Begins anew: all that was in it is in the state.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.file.set_len(0).map_err(|error| StateError::io(&self.path, error))
    }
}
