//! Why an archive cannot be read, and what that says about whom.

use std::io;

use crate::{
    io::HttpError,
    model::{Confidence, FailureKind, Finding, is_hidden},
};

/// An archive is damaged, hostile or of a kind that is not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Cannot be read as what it should be.
    #[error("the archive is damaged: {reason}")]
    Damaged {
        /// Of the reader.
        reason: String,
    },
    /// It ends before its end.
    #[error("the archive ends before its end")]
    Truncated,
    /// Well made, but in a way that is not read here.
    #[error("the archive uses {what}, which is not read here")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
    /// It leads out of the archive, or is no text.
    #[error("the archive holds the path {path}, which is not safe to use")]
    UnsafePath {
        /// Escaped, and its beginning only.
        path: String,
    },
    /// Which of the two is meant depends on who reads it.
    #[error("the archive holds {path:?} twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// More than anyone needs.
    #[error("the archive holds more than {limit} entries, or paths as long as that")]
    TooManyEntries {
        /// What there may be.
        limit: u64,
    },
    /// More than anyone needs.
    #[error("the archive holds a path of more than {limit} bytes")]
    NameTooLong {
        /// What it may be.
        limit: usize,
    },
    /// More than a package needs, or than a caller wants.
    #[error("what is read of the archive is more than {limit} bytes")]
    TooLarge {
        /// What it may be.
        limit: u64,
    },
    /// Few packed bytes that become many.
    #[error("the archive unpacks to more than {limit} times its size")]
    Bomb {
        /// What it may be.
        limit: u64,
    },
    /// What it says about itself is not so.
    #[error("the archive says that {path:?} has {claimed} bytes, and it has not")]
    LyingSize {
        /// Of the entry.
        path: String,
        /// Bytes.
        claimed: u64,
    },
    /// The bytes of the archive could not be had: from a disk, or from whoever reads an entry.
    #[error("cannot read the archive")]
    Read {
        /// The cause.
        source: io::Error,
    },
}

impl ArchiveError {
    /// What it says about the package.
    pub fn finding(&self) -> Finding {
        if matches!(self, Self::Read { .. }) {
            return inferred(FailureKind::DiskFull);
        }
        Finding::stated(FailureKind::ArchiveExtractionFailed)
    }
}

/// An error on its way through `std::io` comes out as what it was.
impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};

        let error = match error.downcast::<Self>() {
            Ok(error) => return error,
            Err(error) => error,
        };
        if error.kind() == UnexpectedEof {
            Self::Truncated
        } else if matches!(error.kind(), InvalidData | InvalidInput | Other) {
            // How `tar`, `zip` and `flate2` report what they cannot read.
            Self::Damaged { reason: one_line(&error.to_string()) }
        } else {
            Self::Read { source: error }
        }
    }
}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        Self::other(error)
    }
}

/// An archive at a registry cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RemoteError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("{host} answered parts of a file that do not belong together")]
    Changed { host: String },
}

impl RemoteError {
    /// What it says about package, registry and machine.
    pub fn finding(&self) -> Finding {
        match self {
            Self::Http(error) => error.finding(),
            Self::Archive(error) => error.finding(),
            Self::Digest(error) => error.finding(),
            Self::Changed { host } => {
                Finding::stated(FailureKind::UpstreamUnavailable).of_service(host)
            }
        }
    }
}

/// A file is not the one that a registry speaks of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DigestError {
    #[error("the file's digest is {actual}, and the registry says {expected}")]
    Mismatch { expected: String, actual: String },
    #[error("{text:?} is no digest that can be compared")]
    NotDigest { text: String },
    #[error("cannot read the file to compare its digest")]
    Read {
        #[source]
        source: io::Error,
    },
}

impl DigestError {
    /// What it says about package and machine.
    pub fn finding(&self) -> Finding {
        match self {
            Self::Mismatch { .. } => Finding::stated(FailureKind::ArchiveExtractionFailed),
            Self::NotDigest { .. } => Finding::stated(FailureKind::UnexpectedResponse),
            Self::Read { .. } => inferred(FailureKind::DiskFull),
        }
    }
}

fn inferred(kind: FailureKind) -> Finding {
    Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) }
}

/// A reader's message may quote the archive, which may hold anything.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).take(LONGEST).collect()
}
