//! Errors of the state, and what a person can do about them.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{decide::unknown_names::UnknownName, io::Holder, model::is_hidden};

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
    /// The folder is not a root.
    #[error(
        "this folder is not a pipeline root, because it has no batch-control.json; run `tsuku-batch init` in it, or name a root with --root"
    )]
    NotRoot,
    /// The folder has nothing to import.
    #[error(
        "nothing can be imported from this folder: it has neither data/ nor batch-control.json; name the folder of the earlier pipeline"
    )]
    NotOldTree,
    /// The file system is read-only.
    #[error(
        "the file system is read-only; name a root that can be written with --root, or mount it writable"
    )]
    ReadOnly,
    /// The user has no permission.
    #[error(
        "permission denied; run as the owner of the root, or give this user access to the file and its folder"
    )]
    Denied,
    /// The disk is full, or the quota of the user.
    #[error(
        "the disk or the user's quota is full; free some space and run again: nothing was lost"
    )]
    DiskFull,
    /// Something other than a regular file is in its place.
    #[error("{found} is in the place of a regular file; move it away and restore the file")]
    NotAFile {
        /// What is there, with its article.
        found: &'static str,
    },
    /// The file is larger than any valid file.
    #[error(
        "the file has {bytes} bytes, more than the limit of {limit}; restore it from version control"
    )]
    TooLarge {
        /// The size of the file in bytes.
        bytes: u64,
        /// The maximal size in bytes.
        limit: u64,
    },
    /// Another error of the system.
    #[error("{0}; check the path and the disk, then run again")]
    Io(io::Error),
    /// The content does not have the expected format.
    #[error(
        "line {line}, column {column}: {reason}; correct it, or restore the file from version control"
    )]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1; 0 means before the first byte of the line.
        column: usize,
        /// The message of the parser.
        reason: String,
    },
    /// An archive that cannot be read.
    #[error("line {line}: {reason}")]
    DamagedArchive {
        /// Counted from 1; the lines are those of the unpacked file.
        line: u64,
        /// What is wrong, and the remedy.
        reason: String,
    },
    /// An unknown name, which would have no effect.
    #[error("{0}; correct the name, because a misspelt name has no effect")]
    UnknownName(UnknownName),
    /// The format has another version.
    #[error("the file has schema version {found}, but this program reads version {known}; {}", remedy(*found, *known))]
    SchemaVersion {
        /// The version in the file; 0 when it has none.
        found: u64,
        /// The version of this program.
        known: u32,
    },
    /// Another run holds the lock.
    #[error("another run is in progress{}; wait until it ends", .holder.map(|h| h.to_string()).unwrap_or_default())]
    Locked {
        /// `None` when the holder has not written its name yet.
        holder: Option<Holder>,
    },
}

impl StateErrorKind {
    /// Whether the error concerns only this file, and not the rest of the state.
    pub fn is_about_the_file(&self) -> bool {
        matches!(self, Self::NotAFile { .. } | Self::TooLarge { .. } | Self::DamagedArchive { .. })
    }

    /// Whether it may pass by itself, or by somebody's care for the machine: what is stored is not to
    /// blame.
    pub fn is_about_the_machine(&self) -> bool {
        match self {
            Self::ReadOnly | Self::Denied | Self::DiskFull | Self::Io(_) | Self::Locked { .. } => {
                true
            }
            Self::NotRoot
            | Self::NotOldTree
            | Self::NotAFile { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::DamagedArchive { .. }
            | Self::UnknownName(_)
            | Self::SchemaVersion { .. } => false,
        }
    }
}

fn remedy(found: u64, known: u32) -> &'static str {
    if found < known.into() {
        "no command converts older files: move the file away"
    } else {
        "a newer version of this program has written it; use that version"
    }
}

impl StateError {
    pub(crate) fn new(path: &Path, kind: StateErrorKind) -> Self {
        Self { path: path.to_owned(), kind }
    }

    /// Translates an error of the system into a message for the person at the machine.
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

/// The message of `error` on one line of limited length, without the position. It may contain
/// hostile texts of the file.
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
    fn an_older_file_has_no_converter_and_a_newer_one_needs_a_newer_program() {
        let text = |found| StateErrorKind::SchemaVersion { found, known: 2 }.to_string();
        assert!(text(0).contains("no command converts older files"));
        assert!(text(1).contains("no command converts older files"));
        assert!(text(3).contains("a newer version of this program"));
    }

    #[test]
    fn a_reason_is_one_line_of_bounded_length_whatever_the_file_says() {
        let text = format!("\"\u{202e}\\n{}\"", "x".repeat(10_000));
        let error = serde_json::from_str::<crate::model::StatusLabel>(&text).unwrap_err();
        let reason = reason(&error);
        assert!(reason.chars().count() == 301 && reason.starts_with("unknown variant `��x"));
    }
}
