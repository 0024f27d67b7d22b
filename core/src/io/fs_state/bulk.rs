//! Writes very many files of history. None of them is forced to the disk by itself, because that
//! would take milliseconds for each. Whoever calls this forces all of them at the end. If the
//! machine stops before, the same import writes them again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    io::{
        FsState, Records, StateError, StateReader as _, StateWriter as _, atomic,
        fs_state::{lines, write::output_ref},
    },
    model::{
        CuratedSource, FailureRecord, OutputRef, PackageName, RunRecord, SeedingRecord, SourceAudit,
    },
};

impl FsState {
    /// Writes imported failures of one batch. Records in the file that were not imported stay.
    /// Returns whether the file changed.
    pub fn put_imported_failures(
        &self,
        batch_id: &str,
        records: &[FailureRecord],
    ) -> Result<bool, StateError> {
        let path = self.layout.failures(batch_id);
        let imported = lines::to_text(&path, records)?;
        let mut found = Records::<FailureRecord>::default();
        lines::read(&path, &self.layout.label(&path), &mut found)?;
        if !found.quarantined.is_empty() {
            // A person has to repair it first. Writing it again would lose the damaged records.
            return Ok(false);
        }
        found.records.retain(|record| record.origin.is_none());
        let own = lines::to_text(&path, &found.records)?;
        atomic::write_unforced(&self.layout.failure_files(), &path, (own + &imported).as_bytes())
    }

    /// Writes an imported run, unless there is the record of a run of this program in its place.
    /// Returns whether the file changed.
    pub fn put_imported_run(&self, record: &RunRecord) -> Result<bool, StateError> {
        let path = self.layout.run(&record.batch_id);
        let mut found = Records::<RunRecord>::default();
        lines::read(&path, &self.layout.label(&path), &mut found)?;
        // Imported runs name no generator, because the old ones did not.
        if found.records.iter().any(|found| !found.generator.is_empty()) {
            return Ok(false);
        }
        let text = lines::to_text(&path, &[record])?;
        atomic::write_unforced(&self.layout.metrics(), &path, text.as_bytes())
    }

    /// Stores an imported text under its digest. Returns whether it was written.
    pub fn put_imported_output(&self, text: &str) -> Result<(OutputRef, bool), StateError> {
        let output = output_ref(text, false);
        let path = self.layout.output(&output.sha256).expect("64 hex digits are a digest");
        let is_written = atomic::write_unforced(&self.layout.outputs(), &path, text.as_bytes())?;
        Ok((output, is_written))
    }
    /// Adds imported seeding runs that are not in the file yet. Returns whether it changed.
    pub fn put_imported_seedings(&self, records: &[SeedingRecord]) -> Result<bool, StateError> {
        let found = self.seeding_runs()?;
        let is_in = |record: &SeedingRecord| {
            let is_this = |other: &SeedingRecord| {
                (other.started_at, &other.ecosystem) == (record.started_at, &record.ecosystem)
            };
            found.records.iter().any(is_this)
        };
        let mut is_changed = false;
        for record in records.iter().filter(|record| !is_in(record)) {
            self.put_seeding_run(record)?;
            is_changed = true;
        }
        Ok(is_changed)
    }

    /// Writes imported decisions of a person. Those in the file stay. Returns whether it changed.
    pub fn put_imported_curated(
        &self,
        imported: &BTreeMap<PackageName, CuratedSource>,
    ) -> Result<bool, StateError> {
        self.put_by_tool(&self.layout.overrides(), imported, |source| &source.tool)
    }

    /// Writes imported decisions of the earlier program. Those in the file stay. Returns whether it
    /// changed.
    pub fn put_imported_audits(
        &self,
        imported: &BTreeMap<PackageName, SourceAudit>,
    ) -> Result<bool, StateError> {
        self.put_by_tool(&self.layout.source_audits(), imported, |audit| &audit.tool)
    }

    fn put_by_tool<T: Clone + Serialize + DeserializeOwned>(
        &self,
        path: &Path,
        imported: &BTreeMap<PackageName, T>,
        tool: fn(&T) -> &PackageName,
    ) -> Result<bool, StateError> {
        let mut found = Records::<T>::default();
        lines::read(path, &self.layout.label(path), &mut found)?;
        // A person has to repair damaged lines first, because writing the file would lose them.
        if imported.is_empty() || !found.quarantined.is_empty() {
            return Ok(false);
        }
        let known: BTreeSet<PackageName> =
            found.records.iter().map(|record| tool(record).clone()).collect();
        let new = imported.iter().filter(|(tool, _)| !known.contains(*tool));
        let all: Vec<T> = found.records.into_iter().chain(new.map(|(_, it)| it.clone())).collect();
        let text = lines::to_text(path, &all)?;
        atomic::write_unforced(&self.layout.data(), path, text.as_bytes())
    }
}
