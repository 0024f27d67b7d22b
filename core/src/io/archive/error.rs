//! Errors of archives, and what they say about the package, the registry and the machine.

use std::io;

use crate::{
    io::HttpError,
    model::{Confidence, FailureKind, Finding, is_hidden},
};

/// An archive is damaged or hostile, or uses a feature that is not supported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be read as an archive of the expected type.
    #[error("the archive is damaged: {reason}")]
    Damaged {
        /// The message of the reader.
        reason: String,
    },
    /// The file ends before the archive does.
    #[error("the archive is incomplete")]
    Truncated,
    /// A valid archive with a feature that is not supported.
    #[error("the archive uses {what}, which is not supported")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
    /// A path that leaves the archive, or that is not text.
    #[error("the archive contains the unsafe path {path}")]
    UnsafePath {
        /// The beginning of the path, escaped.
        path: String,
    },
    /// A path that appears twice, so that different readers would use different entries.
    #[error("the archive contains {path:?} twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// More entries than any package needs.
    #[error("the archive contains more than {limit} entries, or paths that are too long together")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// A longer name than any package needs.
    #[error("the archive contains a path of more than {limit} bytes")]
    NameTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// More content than a package needs, or than the caller accepts.
    #[error("the content of the archive is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A small compressed file that decompresses to many bytes.
    #[error("the archive unpacks to more than {limit} times its size")]
    Bomb {
        /// The limit: decompressed bytes for each compressed byte.
        limit: u64,
    },
    /// The stated size of an entry is wrong.
    #[error("the archive states a wrong size for {path:?}: {claimed} bytes")]
    LyingSize {
        /// The path of the entry.
        path: String,
        /// The stated size in bytes.
        claimed: u64,
    },
    /// The bytes of the archive, or the place where an entry is written, caused an I/O error.
    #[error("cannot read the archive")]
    Read {
        /// The cause.
        source: io::Error,
    },
}

impl ArchiveError {
    /// What the error says about the package.
    pub fn finding(&self) -> Finding {
        if matches!(self, Self::Read { .. }) {
            return inferred(FailureKind::DiskFull);
        }
        Finding::stated(FailureKind::ArchiveExtractionFailed)
    }
}

/// Restores an error that was passed through `std::io`.
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
            // This is how `tar`, `rawzip` and `flate2` report damage.
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
    #[error("{host} sent parts of different versions of a file")]
    Changed { host: String },
}

impl RemoteError {
    /// What the error says about the package, the registry and the machine.
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

/// A file is not the one that its registry describes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DigestError {
    #[error("the file's digest is {actual}, and the registry says {expected}")]
    Mismatch { expected: String, actual: String },
    #[error("{text:?} is not a supported digest")]
    NotDigest { text: String },
    #[error("cannot read the file to compare its digest")]
    Read {
        #[source]
        source: io::Error,
    },
}

impl DigestError {
    /// What the error says about the package and the machine.
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

/// The message of a reader may quote the archive, which may contain anything.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).take(LONGEST).collect()
}
