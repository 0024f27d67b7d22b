//! Errors of forges.

use std::{io, path::PathBuf};

use chrono::{DateTime, SubsecRound as _, Utc};

use crate::git::GitError;

/// A forge did not do what it was asked for. Each message names a remedy. No message contains a
/// token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgeError {
    /// The limit of requests of this token is used up.
    #[error("the token's limit of requests is used up until {}; run again after that", until.trunc_subsecs(0))]
    RateLimited {
        /// When requests are answered again.
        until: DateTime<Utc>,
    },
    /// The forge asked for a pause, whatever is left of the limit.
    #[error("the forge asked for a pause until {}; run again after that", until.trunc_subsecs(0))]
    SecondaryLimit {
        /// When requests are answered again.
        until: DateTime<Utc>,
    },
    /// The token may not do it.
    #[error("the forge refuses: {reason}; {remedy}")]
    Forbidden {
        /// What it said.
        reason: String,
        /// What a person can do.
        remedy: String,
    },
    /// Something does not exist, or the token may not see it.
    #[error(
        "the forge does not find {what}; check the name of the repository, and whether the token may read it"
    )]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// What was asked for contradicts itself or the repository. Asking again changes nothing.
    #[error("the forge does not accept it: {}", messages.join("; "))]
    Invalid {
        /// What it said.
        messages: Vec<String>,
    },
    /// There is no usable answer. What changes something may have been done nevertheless.
    #[error("the forge cannot be reached: {reason}; run again later")]
    Unreachable {
        /// Why.
        reason: String,
    },
    /// An answer that this program does not understand.
    #[error("unexpected answer of the forge: {reason}; report this as a fault of this program")]
    Unexpected {
        /// What was not understood.
        reason: String,
    },
    /// A file of a local forge cannot be read.
    #[error("{}: {reason}; correct or remove the file", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// Why, with line and column.
        reason: String,
    },
    /// A file of a local forge cannot be used.
    #[error("cannot use {}; check that it is writable, and that there is space", path.display())]
    Files {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// git failed in a local forge.
    #[error(transparent)]
    Git(#[from] GitError),
}
