//! The stored state, behind two rights: reading and writing.
//!
//! Bad data costs one entry, never the file: what cannot be read is handed back as
//! [`Quarantined`] and stays where it was, for a person to mend.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::{
    io::Holder,
    model::{
        BreakerTransition, Control, EcosystemId, FailureRecord, OutputRef, PackageId, PackageName,
        Queue, QueueHeader, RecipeName, Remembered, RunRecord, SeedingRecord, is_hidden,
    },
};

/// Reads the state. All that analytics has.
pub trait StateReader: Send + Sync {
    /// The control plane.
    fn control(&self) -> Result<Control, StateError>;

    /// Ecosystems that have a queue file, sorted.
    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError>;

    /// The queue of `ecosystem`; `None` when there is no such file.
    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<QueueFile>, StateError>;

    /// Every run, oldest first.
    fn runs(&self) -> Result<Records<RunRecord>, StateError>;

    /// One run; `None` when it has no record, or none that can be read.
    fn run(&self, batch_id: &str) -> Result<Option<RunRecord>, StateError> {
        let is_it = |record: &RunRecord| record.batch_id == batch_id;
        Ok(self.runs()?.records.into_iter().find(is_it))
    }

    /// Every failure, oldest first.
    fn failures(&self) -> Result<Records<FailureRecord>, StateError>;

    /// The failures of one run; empty when it had none.
    fn failures_of(&self, batch_id: &str) -> Result<Records<FailureRecord>, StateError>;

    /// Every transition of a breaker, oldest first.
    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError>;

    /// Every run of the seeder, oldest first.
    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError>;

    /// What is known of packages of `ecosystem` that are not queued; empty without such a file.
    fn remembered(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<BTreeMap<PackageName, Remembered>, StateError>;

    /// A stored output; `None` when it is not there.
    fn output(&self, sha256: &str) -> Result<Option<String>, StateError>;

    /// The text of a recipe; `None` when it is not there.
    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError>;

    /// The names of all recipes, sorted.
    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError>;
}

/// Writes the state. Each call is atomic, and repeating it changes nothing.
pub trait StateWriter: StateReader {
    /// Keeps other programs from changing the state until the answer is dropped. Not to be asked
    /// for twice at once by one thread. Readers never wait for it.
    fn exclusive(&self) -> Result<Box<dyn Send + '_>, StateError>;

    /// Takes the lock of a run, which another run asks for in vain until the answer is dropped.
    fn lock_run(&self, now: DateTime<Utc>) -> Result<Box<dyn Send + '_>, StateError>;

    /// Replaces the fields of the control plane that this version knows.
    fn put_control(&self, control: &Control) -> Result<(), StateError>;

    /// Replaces a queue. Entries in quarantine are written back as they were.
    fn put_queue(&self, queue: &QueueFile) -> Result<(), StateError>;

    /// Stores an output under its digest. `truncated` says that its middle was left out before.
    fn put_output(&self, text: &str, truncated: bool) -> Result<OutputRef, StateError>;

    /// Replaces the failures of one run.
    fn put_failures(&self, batch_id: &str, records: &[FailureRecord]) -> Result<(), StateError>;

    /// Adds a transition, unless it is there.
    fn put_transition(&self, transition: &BreakerTransition) -> Result<(), StateError>;

    /// Adds a run of the seeder, unless it is there.
    fn put_seeding_run(&self, record: &SeedingRecord) -> Result<(), StateError>;

    /// Replaces what was found out about packages of `ecosystem` that are not queued.
    fn put_remembered(
        &self,
        ecosystem: &EcosystemId,
        packages: &BTreeMap<PackageName, Remembered>,
    ) -> Result<(), StateError>;

    /// Writes a recipe.
    fn put_recipe(&self, name: &RecipeName, toml: &str) -> Result<(), StateError>;

    /// Writes the record of a run: the last thing a run writes.
    fn put_run(&self, record: &RunRecord) -> Result<(), StateError>;
}

/// One queue file.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFile {
    /// All but the entries.
    pub header: QueueHeader,
    /// By id.
    pub entries: Queue,
    /// What could not be read; kept.
    pub quarantined: Vec<Quarantined>,
}

impl QueueFile {
    /// Packages that the entries in quarantine are about, where so much of them can be read: they
    /// are queued, though nobody knows how they stand. Empty where nothing is in quarantine.
    pub fn quarantined_ids(&self) -> BTreeSet<PackageId> {
        let id = |entry: &Quarantined| -> Option<PackageId> {
            // Whatever else is wrong with it, down to numbers that are none.
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&entry.raw).ok()?;
            let id: String = serde_json::from_str(fields.get("id")?.get()).ok()?;
            id.parse().ok()
        };
        let ids = self.quarantined.iter().filter_map(id);
        ids.filter(|id| id.ecosystem == self.header.ecosystem).collect()
    }
}

/// Records of many files.
#[derive(Debug, Clone, PartialEq)]
pub struct Records<T> {
    /// What could be read.
    pub records: Vec<T>,
    /// What could not.
    pub quarantined: Vec<Quarantined>,
}

impl<T> Default for Records<T> {
    fn default() -> Self {
        Self { records: vec![], quarantined: vec![] }
    }
}

/// One entry that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Relative to the root.
    pub file: String,
    /// Line of a JSONL file, number of an entry in a queue; both from 1. 0 is the whole file.
    pub place: u64,
    /// What is wrong with it, in one line.
    pub reason: String,
    /// As it stands in the file, byte for byte if it is UTF-8. Hostile. Empty for a whole file.
    pub raw: String,
}

/// The state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", .path.display())]
pub struct StateError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it, and the remedy.
    #[source]
    pub kind: StateErrorKind,
}

/// What is wrong with a file of the state. The text ends with the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateErrorKind {
    /// No such root.
    #[error(
        "not a pipeline root (no batch-control.json); run `tsuku-batch init` there, or name one with --root"
    )]
    NotRoot,
    /// The file system takes no writes.
    #[error(
        "the file system is read-only; name a root that can be written with --root, or mount it writable"
    )]
    ReadOnly,
    /// The system lets this user not at it.
    #[error(
        "permission denied; run as the owner of the root, or give this user access to the file and its folder"
    )]
    Denied,
    /// No space, or no more of it for this user.
    #[error(
        "the disk or the user's quota is full; free some space and run again: nothing was lost"
    )]
    DiskFull,
    /// Something lies where a file belongs.
    #[error("{found} lies where a regular file belongs; move it away and restore the file")]
    NotAFile {
        /// What it is, with its article.
        found: &'static str,
    },
    /// Larger than any file of the format.
    #[error("{bytes} bytes, more than the {limit} that are read; restore it from version control")]
    TooLarge {
        /// Of the file.
        bytes: u64,
        /// Largest that is read.
        limit: u64,
    },
    /// The system refused otherwise.
    #[error("{0}; check the path and the disk, then run again")]
    Io(io::Error),
    /// Not a document of the format.
    #[error(
        "line {line}, column {column}: {reason}; mend it there, or restore it from version control"
    )]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1; 0 is before the line's first byte.
        column: usize,
        /// What the reader says.
        reason: String,
    },
    /// An older or newer format.
    #[error("schema version {found}, this program reads version {known}; {}", remedy(*found, *known))]
    SchemaVersion {
        /// In the file; 0 where there is none.
        found: u64,
        /// Of this program.
        known: u32,
    },
    /// Another run holds the lock.
    #[error("another run is under way{}; wait for its end", .holder.map(|h| h.to_string()).unwrap_or_default())]
    Locked {
        /// `None` while it is only just taking hold.
        holder: Option<Holder>,
    },
}

impl StateErrorKind {
    /// Whether it is about what lies in one place, and says nothing about the rest of the state.
    pub(crate) fn is_about_the_file(&self) -> bool {
        matches!(self, Self::NotAFile { .. } | Self::TooLarge { .. })
    }
}

fn remedy(found: u64, known: u32) -> &'static str {
    if found < known.into() {
        "bring older files in with `tsuku-batch import`"
    } else {
        "it was written by a newer program: use that one"
    }
}

impl StateError {
    pub(crate) fn new(path: &Path, kind: StateErrorKind) -> Self {
        Self { path: path.to_owned(), kind }
    }

    /// What the system's refusal means to the person at the machine.
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the system's list, not ours")]
        let kind = match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => StateErrorKind::ReadOnly,
            io::ErrorKind::PermissionDenied => StateErrorKind::Denied,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StateErrorKind::DiskFull,
            _ => StateErrorKind::Io(error),
        };
        Self::new(path, kind)
    }

    pub(crate) fn json(path: &Path, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line().max(1), error.column());
        Self::new(path, StateErrorKind::Malformed { line, column, reason: reason(error) })
    }
}

/// What `error` says, in one line of bounded length and without its place: texts of the file, which
/// are hostile, may be in it.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let mut reason: String =
        text.chars().map(|c| if is_hidden(c) { '�' } else { c }).take(300).collect();
    if text.chars().nth(300).is_some() {
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: io::ErrorKind, expected: &str) {
        let error = StateError::io(Path::new("root/data"), kind.into()).to_string();
        assert!(error.starts_with("root/data: ") && error.contains(expected), "{error}");
    }

    #[test]
    fn each_refusal_of_the_system_names_its_own_remedy() {
        check(io::ErrorKind::ReadOnlyFilesystem, "read-only; name a root that can be written");
        check(io::ErrorKind::PermissionDenied, "permission denied; run as the owner");
        check(io::ErrorKind::StorageFull, "full; free some space");
        check(io::ErrorKind::QuotaExceeded, "full; free some space");
        check(io::ErrorKind::NotADirectory, "; check the path and the disk");
    }

    #[test]
    fn an_older_file_is_imported_and_a_newer_one_needs_a_newer_program() {
        let text = |found| StateErrorKind::SchemaVersion { found, known: 2 }.to_string();
        assert!(text(0).contains("`tsuku-batch import`"));
        assert!(text(1).contains("`tsuku-batch import`"));
        assert!(text(3).contains("newer program"));
    }

    #[test]
    fn a_reason_is_one_line_of_bounded_length_whatever_the_file_says() {
        let text = format!("\"\u{202e}\\n{}\"", "x".repeat(10_000));
        let error = serde_json::from_str::<crate::model::StatusLabel>(&text).unwrap_err();
        let reason = reason(&error);
        assert!(reason.chars().count() == 301 && reason.starts_with("unknown variant `��x"));
    }
}
