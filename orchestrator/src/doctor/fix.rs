//! Carries out repairs that were decided before.

use std::path::PathBuf;

use batch_core::{
    io::{FsState, StateReader as _, StateWriter as _},
    model::{EcosystemId, Queue},
};
use chrono::{DateTime, Utc};

use crate::counted::counted;

/// One repair.
#[derive(Debug, Clone, PartialEq)]
pub enum Mend {
    /// Replaces a whole file.
    Replace {
        /// The file.
        path: PathBuf,
        /// Its new text.
        text: String,
    },
    /// Replaces entries of a queue.
    Entries {
        /// The ecosystem of the queue.
        ecosystem: EcosystemId,
        /// The entries as they are afterwards.
        changed: Queue,
    },
    /// Removes a file.
    Remove {
        /// The file.
        path: PathBuf,
    },
    /// Removes a folder with everything in it.
    RemoveFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Empties a lock that names a process that has ended.
    Release {
        /// The lock.
        path: PathBuf,
    },
}

impl Mend {
    /// What it changes, in one line for a person.
    pub fn describe(&self, state: &FsState) -> String {
        let layout = state.layout();
        match self {
            Self::Replace { path, .. } => format!("{}: written anew", layout.label(path)),
            Self::Entries { ecosystem, changed } => {
                let file = layout.label(&layout.queue(ecosystem));
                let n = counted(changed.len(), "entry", "entries");
                let ids = changed.keys().take(5).map(ToString::to_string).collect::<Vec<_>>();
                let more = if ids.len() < changed.len() { ", …" } else { "" };
                format!("{file}: {n} changed ({}{more})", ids.join(", "))
            }
            Self::Remove { path } | Self::RemoveFolder { path } => {
                format!("{}: removed", layout.label(path))
            }
            Self::Release { path } => format!("{}: emptied", layout.label(path)),
        }
    }
}

/// Carries out one repair. The caller holds the lock of runs, and nobody else changes the state.
pub fn apply(state: &FsState, mend: Mend, now: DateTime<Utc>) -> anyhow::Result<()> {
    match mend {
        Mend::Replace { path, text } => state.put_mended(&path, text.as_bytes())?,
        Mend::Entries { ecosystem, changed } => {
            if let Some(file) = state.queue(&ecosystem)? {
                state.put_entries(file, changed, now)?;
            }
        }
        Mend::Remove { path } => state.remove_left(&path)?,
        Mend::RemoveFolder { path } => state.remove_folder(&path)?,
        Mend::Release { path } if path == state.layout().lock() => (),
        Mend::Release { path } => state.release_left(&path, now)?,
    }
    Ok(())
}
