//! Uncompressed tar files at a registry: only their headers are fetched.

use std::io::{Read as _, Seek as _, SeekFrom};

use tar::Archive;

use crate::io::{
    Http, Request,
    archive::{
        ArchiveError, ArchiveLimits, EntryKind, RemoteError,
        blocks::{Blocks, Reader},
        entry::Paths,
        tar::Headers,
    },
};

/// An uncompressed tar file at a registry.
pub struct RemoteTar<'a> {
    blocks: Blocks<'a>,
}

/// What a header says, and the position of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// Its relative path, with `/` between elements. No element is empty, `.` or `..`, and none
    /// contains NUL.
    pub path: String,
    /// Size of its content in bytes.
    pub size: u64,
    /// Its Unix permissions, without the bits for the type.
    pub mode: u32,
    /// Its type.
    pub kind: EntryKind,
    start: u64,
}

impl<'a> RemoteTar<'a> {
    /// The archive that `request` asks for. `None` when there is no such file, or when it is empty.
    /// `max_bytes` limits the download from a server that does not send parts.
    pub async fn open(http: &'a dyn Http, request: Request) -> Result<Option<Self>, RemoteError> {
        let blocks = Blocks::open(http, request).await?;
        Ok(blocks.map(|blocks| Self { blocks }))
    }

    /// Every entry, in the order of the archive.
    pub async fn entries(&self) -> Result<Vec<TarEntry>, RemoteError> {
        let limits = ArchiveLimits::default();
        let total = self.blocks.total_bytes();
        self.blocks.work(|reader| list(reader, total, &limits)).await
    }

    /// The complete content of an entry, if it has at most `max_bytes`.
    pub async fn read(&self, entry: &TarEntry, max_bytes: usize) -> Result<Vec<u8>, RemoteError> {
        let limit = max_bytes as u64;
        if limit < entry.size {
            return Err(ArchiveError::TooLarge { limit }.into());
        }
        self.blocks.ensure(entry.start, entry.size).await?;
        self.blocks.work(|reader| content(reader, entry)).await
    }

    /// Size of the archive itself in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.blocks.total_bytes()
    }

    /// Compares the archive with the registry's digest (see [`verify_digest`]), if the complete
    /// archive was read. Returns whether it was compared. Also false when `expected` is empty.
    ///
    /// [`verify_digest`]: crate::io::archive::verify_digest
    pub fn has_digest(&self, expected: &str) -> Result<bool, RemoteError> {
        Ok(self.blocks.has_digest(expected)?)
    }
}

fn list(reader: Reader, total: u64, limits: &ArchiveLimits) -> Result<Vec<TarEntry>, ArchiveError> {
    let mut archive = Archive::new(reader);
    let mut headers = Headers::new(limits, Paths::Exact);
    let mut entries = vec![];
    for raw in archive.entries_with_seek()?.raw(true) {
        let mut raw = raw?;
        let start = raw.raw_file_position();
        if start.checked_add(raw.size()).is_none_or(|end| total < end) {
            return Err(ArchiveError::Truncated);
        }
        if let Some(entry) = headers.read(&mut raw)? {
            let crate::io::archive::Entry { path, size, mode, kind } = entry;
            entries.push(TarEntry { path, size, mode, kind, start });
        }
    }
    headers.end()?;
    Ok(entries)
}

fn content(mut reader: Reader, entry: &TarEntry) -> Result<Vec<u8>, ArchiveError> {
    let mut content = vec![];
    reader.seek(SeekFrom::Start(entry.start))?;
    reader.take(entry.size).read_to_end(&mut content)?;
    if (content.len() as u64) < entry.size {
        return Err(ArchiveError::Truncated);
    }
    Ok(content)
}
