//! Where a body is stored while it is read.

use std::{
    io::{self, Read as _, Write as _},
    path::Path,
};

use serde::de::IgnoredAny;
use tempfile::NamedTempFile;

/// The beginning of the names of files that are not finished, or that are in use.
pub(crate) const PARTIAL: &str = "partial-";

/// How many bytes of a body are enough to distinguish a page from data.
const HEAD_BYTES: u64 = 16 << 10;

/// Where to store a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyStorage {
    InMemory,
    OnDisk,
}

/// A body, or the part of it that has been read.
pub(crate) enum Payload {
    Memory(Vec<u8>),
    File(NamedTempFile),
}

impl Payload {
    /// An empty body. A file is created in `dir`, or in the folder for temporary files if that is
    /// not possible.
    pub(crate) fn new(storage: BodyStorage, dir: &Path) -> io::Result<Self> {
        match storage {
            BodyStorage::InMemory => Ok(Self::Memory(vec![])),
            BodyStorage::OnDisk => {
                let in_dir = std::fs::create_dir_all(dir).and_then(|()| partial_file(dir));
                in_dir.or_else(|_| NamedTempFile::with_prefix(PARTIAL)).map(Self::File)
            }
        }
    }

    pub(crate) fn extend(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Memory(body) => body.extend_from_slice(chunk),
            Self::File(file) => file.write_all(chunk)?,
        }
        Ok(())
    }

    /// The beginning of the body.
    pub(crate) fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = vec![];
        match self {
            Self::Memory(body) => body.as_slice().take(HEAD_BYTES).read_to_end(&mut head)?,
            Self::File(file) => file.reopen()?.take(HEAD_BYTES).read_to_end(&mut head)?,
        };
        Ok(head)
    }

    /// The complete body.
    pub(crate) fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(body) => Ok(body),
            Self::File(file) => std::fs::read(file.path()),
        }
    }

    /// Whether the body has the form that `content_type` says, as far as that can be checked
    /// cheaply. A broken answer in the cache would be confirmed by its server for ever.
    pub(crate) fn is_plausible(&self, content_type: &str) -> bool {
        match self {
            Self::Memory(body)
                if content_type.contains("/json") || content_type.contains("+json") =>
            {
                serde_json::from_slice::<IgnoredAny>(body).is_ok()
            }
            Self::Memory(_) | Self::File(_) => true,
        }
    }
}

pub(crate) fn partial_file(dir: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(PARTIAL).tempfile_in(dir)
}
