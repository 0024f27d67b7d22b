//! Writing the state.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    io::{
        FsState, QueueFile, StateError, StateReader as _, StateWriter, atomic,
        fs_state::{control, lines, queue, remembered},
        lock::Exclusive,
    },
    model::{
        BreakerTransition, Control, EcosystemId, FailureRecord, OutputRef, PackageName, RecipeName,
        Remembered, RunRecord, SeedingRecord,
    },
};

impl StateWriter for FsState {
    fn exclusive(&self) -> Result<Box<dyn Send + '_>, StateError> {
        Ok(Box::new(Exclusive::acquire(&self.layout)?))
    }

    fn lock_run(&self, now: DateTime<Utc>) -> Result<Box<dyn Send + '_>, StateError> {
        Ok(Box::new(self.lock(now)?))
    }

    fn put_control(&self, control: &Control) -> Result<(), StateError> {
        let path = self.layout.control();
        let found = control::read(&path)?;
        atomic::write(&path, control::to_text(&path, found.as_deref(), control)?.as_bytes())
    }

    fn put_queue(&self, queue: &QueueFile) -> Result<(), StateError> {
        let path = self.layout.queue(&queue.header.ecosystem);
        atomic::write_by(&path, |out| queue::write(&path, queue, out))
    }

    fn put_output(&self, text: &str, truncated: bool) -> Result<OutputRef, StateError> {
        let output = output_ref(text, truncated);
        let path = self.layout.output(&output.sha256).expect("64 hex digits are a digest");
        atomic::write_by_way_of(&self.layout.outputs(), &path, text.as_bytes())?;
        Ok(output)
    }

    fn put_failures(&self, batch_id: &str, records: &[FailureRecord]) -> Result<(), StateError> {
        let path = self.layout.failures(batch_id);
        atomic::write(&path, lines::to_text(&path, records)?.as_bytes())
    }

    fn put_transition(&self, transition: &BreakerTransition) -> Result<(), StateError> {
        let is_this = |other: &BreakerTransition| {
            (other.at, &other.ecosystem) == (transition.at, &transition.ecosystem)
        };
        // One that was archived since counts once, even if it is added again.
        let is_in = self.live_breaker_log()?.records.iter().any(is_this);
        add_line(&self.layout.breaker_log(), transition, is_in)
    }

    fn put_seeding_run(&self, record: &SeedingRecord) -> Result<(), StateError> {
        let is_this = |other: &SeedingRecord| {
            (other.started_at, &other.ecosystem) == (record.started_at, &record.ecosystem)
        };
        let is_in = self.seeding_runs()?.records.iter().any(is_this);
        add_line(&self.layout.seeding_runs(), record, is_in)
    }

    fn put_remembered(
        &self,
        ecosystem: &EcosystemId,
        packages: &BTreeMap<PackageName, Remembered>,
    ) -> Result<(), StateError> {
        let path = self.layout.remembered(ecosystem);
        atomic::write(&path, remembered::to_text(&path, ecosystem, packages)?.as_bytes())
    }

    fn put_recipe(&self, name: &RecipeName, toml: &str) -> Result<(), StateError> {
        let (drafts, path) = (self.layout.recipes(), self.layout.recipe(name));
        atomic::write_by_way_of(&drafts, &path, toml.as_bytes())
    }

    fn put_run(&self, record: &RunRecord) -> Result<(), StateError> {
        let path = self.layout.run(&record.batch_id);
        atomic::write(&path, lines::to_text(&path, &[record])?.as_bytes())
    }
}

/// The reference to `text`.
pub(super) fn output_ref(text: &str, truncated: bool) -> OutputRef {
    let mut sha256 = String::with_capacity(64);
    for byte in Sha256::digest(text) {
        write!(sha256, "{byte:02x}").expect("memory takes every text");
    }
    let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
    OutputRef { sha256, bytes, truncated }
}

/// Adds `record` to the file at `path`. If it was added before, only its newline may be missing.
fn add_line<T: Serialize>(path: &Path, record: &T, is_in: bool) -> Result<(), StateError> {
    if is_in {
        return atomic::end_last_line(path);
    }
    atomic::append_line(path, &lines::to_line(path, record)?)
}
