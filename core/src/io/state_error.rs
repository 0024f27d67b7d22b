//! Why the state cannot be read or written, and what a person can do about it.

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
    /// A name that nobody answers to, which would have been passed over in silence.
    #[error("{0}; correct it there: what is misspelt would stop nothing")]
    UnknownName(UnknownName),
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
    pub fn is_about_the_file(&self) -> bool {
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
