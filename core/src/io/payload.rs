//! Where a body is put while it is read.

use std::{
    io::{self, Read as _, Write as _},
    path::Path,
};

use serde::de::IgnoredAny;
use tempfile::NamedTempFile;

/// How names of files begin that are not finished, or somebody's for a while.
pub(crate) const PARTIAL: &str = "partial-";

/// Enough of a body to tell a page from data.
const HEAD_BYTES: u64 = 16 << 10;

/// Where to keep a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    InMemory,
    OnDisk,
}

/// A body, or as much of it as has come.
pub(crate) enum Payload {
    Memory(Vec<u8>),
    File(NamedTempFile),
}

impl Payload {
    /// An empty one. A file goes to `dir`, or where temporary files go when that is of no use.
    pub(crate) fn new(keep: Keep, dir: &Path) -> io::Result<Self> {
        match keep {
            Keep::InMemory => Ok(Self::Memory(vec![])),
            Keep::OnDisk => {
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

    /// Its beginning.
    pub(crate) fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = vec![];
        match self {
            Self::Memory(body) => body.as_slice().take(HEAD_BYTES).read_to_end(&mut head)?,
            Self::File(file) => file.reopen()?.take(HEAD_BYTES).read_to_end(&mut head)?,
        };
        Ok(head)
    }

    /// All of it.
    pub(crate) fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Memory(body) => Ok(body),
            Self::File(file) => std::fs::read(file.path()),
        }
    }

    /// Whether it is what `content_type` says, as far as that is cheap to tell: a broken answer
    /// that was kept would be confirmed by its server for ever.
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
