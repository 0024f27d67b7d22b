//! Writes an import into the stored state.

use std::{io, sync::Arc};

use crate::{
    decide::import::{Imported, ImportedQueue},
    io::{FsState, QueueFile, StateError, StateReader as _, StateWriter as _},
    model::{Control, EcosystemId, FailureRecord, QueueEntry, Status},
};

/// What an import changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportChanges {
    /// Files that were written. 0 if the same was imported before.
    pub n_written: u64,
    /// Entries of which the state knows more than the old queue, and which were not changed.
    pub n_kept: u64,
    /// Whether the control file was not imported, because it does not have its first content.
    pub kept_control: bool,
}

/// Writes `imported` into the newest state. `empty` is the queue that is used if there is none yet.
/// `force` forces everything that was written to the disk.
///
/// Importing the same again changes nothing, and neither does it change what happened in between:
/// an entry is replaced only if nothing is known about it, and the control file only if it has the
/// content that `init` gave it.
pub fn persist_import(
    state: &FsState,
    imported: Imported,
    empty: &dyn Fn(&EcosystemId) -> QueueFile,
    force: &dyn Fn() -> io::Result<()>,
) -> Result<ImportChanges, StateError> {
    let _no_operator_in_between = state.exclusive()?;
    let mut changes = ImportChanges::default();
    put_history(state, &imported, &mut changes)?;
    if changes.n_written > 0 {
        force().map_err(|error| StateError::io(state.layout().root(), error))?;
    }
    for (ecosystem, queue) in imported.queues {
        put_queue(state, queue, empty(&ecosystem), &mut changes)?;
    }
    if let Some(control) = imported.control {
        put_control(state, &control, &mut changes)?;
    }
    Ok(changes)
}

fn put_history(
    state: &FsState,
    imported: &Imported,
    changes: &mut ImportChanges,
) -> Result<(), StateError> {
    let mut count = |is_written| changes.n_written += u64::from(is_written);
    for (batch, failures) in &imported.failures {
        let mut records: Vec<FailureRecord> = vec![];
        for failure in failures {
            let mut record = failure.record.clone();
            if !failure.text.is_empty() {
                let (output, is_written) = state.put_imported_output(&failure.text)?;
                record.output = Some(output);
                count(is_written);
            }
            records.push(record);
        }
        count(state.put_imported_failures(&batch.to_string(), &records)?);
    }
    for run in &imported.runs {
        count(state.put_imported_run(run)?);
    }
    count(state.put_imported_seedings(&imported.seedings)?);
    count(state.put_imported_curated(&imported.curated_sources)?);
    count(state.put_imported_audits(&imported.audits)?);
    Ok(())
}

fn put_queue(
    state: &FsState,
    imported: ImportedQueue,
    empty: QueueFile,
    changes: &mut ImportChanges,
) -> Result<(), StateError> {
    let found = state.queue(&empty.header.ecosystem)?;
    let is_new = found.is_none();
    let mut file = found.map_or(empty, Arc::unwrap_or_clone);
    let mut is_changed = is_new;
    let quarantined = file.quarantined_ids();
    for (id, entry) in imported.entries {
        if quarantined.contains(&id) {
            changes.n_kept += 1;
            continue;
        }
        match file.entries.get(&id) {
            Some(found) if *found == entry => (),
            Some(found) if !is_untouched(found) => changes.n_kept += 1,
            found => {
                let entry = joined(entry, found);
                is_changed |= found != Some(&entry);
                file.entries.insert(id, entry);
            }
        }
    }
    if !is_changed {
        return Ok(());
    }
    let updated_at = imported.updated_at;
    file.header.updated_at =
        if is_new { updated_at } else { file.header.updated_at.max(updated_at) };
    changes.n_written += 1;
    state.put_queue(&file)
}

/// Whether nothing is known about the entry except that it is wanted.
fn is_untouched(entry: &QueueEntry) -> bool {
    let fresh = QueueEntry {
        status: Status::Pending,
        popularity: entry.popularity.clone(),
        ..QueueEntry::new(entry.id.clone(), entry.tier, entry.added_at)
    };
    *entry == fresh
}

/// The imported entry with what the queue knows about an entry that was never attempted.
fn joined(mut entry: QueueEntry, found: Option<&QueueEntry>) -> QueueEntry {
    if let Some(found) = found {
        entry.tier = entry.tier.min(found.tier);
        entry.added_at = entry.added_at.min(found.added_at);
        entry.popularity.clone_from(&found.popularity);
    }
    entry
}

fn put_control(
    state: &FsState,
    imported: &Control,
    changes: &mut ImportChanges,
) -> Result<(), StateError> {
    let found = state.control()?;
    if found == *imported {
        return Ok(());
    }
    if found != Control::default() {
        changes.kept_control = true;
        return Ok(());
    }
    changes.n_written += 1;
    state.put_control(imported)
}
