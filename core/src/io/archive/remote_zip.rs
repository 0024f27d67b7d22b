//! Zip files that stay where they are: the central directory and single members.

use std::{io::Read as _, sync::Arc};

use zip::{
    CompressionMethod, ZipReadOptions,
    read::{ArchiveOffset, Config, OwnedZipFileEntry, ZipFileEntry},
    result::ZipError,
    unstable::read::ZipIterable,
};

use crate::io::{
    Http, Request,
    archive::{
        ArchiveError, ArchiveLimits, Entry, EntryKind, RemoteError,
        blocks::{Blocks, Reader},
        entry::{Census, Paths},
        error::one_line,
    },
};

/// What ends a zip file, and where it says that its directory lies: within this many bytes.
const TAIL: u64 = 64 << 10;
/// A local header: its fixed part, and room for the name again and some attributes.
const LOCAL_HEADER: u64 = 30 + 1024;

/// A zip file at a registry.
pub struct RemoteZip<'a> {
    blocks: Blocks<'a>,
    entries: Vec<ZipEntry>,
}

/// What the central directory says about a member. Sizes are claims until it has been read.
#[derive(Debug, Clone)]
pub struct ZipEntry {
    /// Relative, with `/` between elements; no element is empty, `.` or `..`, and none holds NUL.
    pub path: String,
    /// Bytes, unpacked.
    pub size: u64,
    /// Bytes, packed.
    pub compressed: u64,
    /// Unix permissions; 0 where the archive has none.
    pub mode: u32,
    /// Links have no target here: it is their content.
    pub kind: EntryKind,
    raw: Arc<OwnedZipFileEntry>,
}

impl<'a> RemoteZip<'a> {
    /// The archive that `request` asks for; `None` where there is none, or an empty file. `max_bytes` limits what is
    /// downloaded from a server that does not give parts.
    pub async fn open(http: &'a dyn Http, request: Request) -> Result<Option<Self>, RemoteError> {
        let Some(blocks) = Blocks::open(http, request).await? else { return Ok(None) };
        let total = blocks.total_bytes();
        blocks.ensure(total.saturating_sub(TAIL), TAIL).await?;
        let limits = ArchiveLimits::default();
        let entries = blocks.work(|reader| list(reader, &limits)).await?;
        Ok(Some(Self { blocks, entries }))
    }

    /// Every member, folders included, in the order of the central directory.
    pub fn entries(&self) -> &[ZipEntry] {
        &self.entries
    }

    /// All of a member, unpacked, if that is at most `max_bytes`.
    pub async fn read(&self, entry: &ZipEntry, max_bytes: usize) -> Result<Vec<u8>, RemoteError> {
        let limit = max_bytes as u64;
        if limit < entry.size {
            return Err(ArchiveError::TooLarge { limit }.into());
        }
        let needed = LOCAL_HEADER.saturating_add(entry.compressed);
        self.blocks.ensure(entry.raw.header_start(), needed).await?;
        let content = self.blocks.work(|reader| unpack(reader, entry, limit + 1)).await?;
        if content.len() as u64 != entry.size {
            let (path, claimed) = (entry.path.clone(), entry.size);
            return Err(ArchiveError::LyingSize { path, claimed }.into());
        }
        Ok(content)
    }

    /// The beginning of a member, unpacked: at most `max_bytes`, all of it if it is shorter.
    pub async fn read_beginning(
        &self,
        entry: &ZipEntry,
        max_bytes: usize,
    ) -> Result<Vec<u8>, RemoteError> {
        self.blocks.work(|reader| unpack(reader, entry, max_bytes as u64)).await
    }

    /// Of the archive itself.
    pub fn total_bytes(&self) -> u64 {
        self.blocks.total_bytes()
    }

    /// Compares the archive with what its registry says of it (see [`verify_digest`]), if all of
    /// it was read; whether it was. False too where `expected` is empty.
    ///
    /// [`verify_digest`]: crate::io::archive::verify_digest
    pub fn has_digest(&self, expected: &str) -> Result<bool, RemoteError> {
        Ok(self.blocks.has_digest(expected)?)
    }
}

fn list(reader: Reader, limits: &ArchiveLimits) -> Result<Vec<ZipEntry>, ArchiveError> {
    // Where the archive begins is known: nothing may be put before it.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipIterable::try_new(reader, config)?;
    if limits.max_entries < archive.len() as u64 {
        return Err(ArchiveError::TooManyEntries { limit: limits.max_entries });
    }
    let mut census = Census::new(limits, Paths::Exact);
    let mut entries = vec![];
    let mut n_bytes = 0_u64;
    for raw in archive.files()? {
        let entry = ZipEntry::of(raw?, &mut census)?;
        n_bytes = entry.iter().fold(n_bytes, |sum, entry| sum.saturating_add(entry.size));
        if limits.max_total_bytes < n_bytes {
            return Err(ArchiveError::TooLarge { limit: limits.max_total_bytes });
        }
        entries.extend(entry);
    }
    Ok(entries)
}

impl ZipEntry {
    /// `None` for the root itself.
    fn of(raw: ZipFileEntry<'static>, census: &mut Census) -> Result<Option<Self>, ArchiveError> {
        let path = census.path(raw.name_raw())?;
        let mode = raw.unix_mode().unwrap_or(0);
        let kind = match mode & 0o170_000 {
            _ if raw.is_dir() => EntryKind::Dir,
            _ if raw.is_symlink() => EntryKind::Symlink(String::new()),
            0 | 0o100_000 => EntryKind::File,
            _ => EntryKind::Other,
        };
        if path.is_empty() {
            return Ok(None);
        }
        let size = raw.size();
        let entry = census.admit(Entry { path, size, mode: mode & 0o7777, kind })?;
        let Entry { path, size, mode, kind } = entry;
        let compressed = raw.compressed_size();
        Ok(Some(Self { path, size, compressed, mode, kind, raw: Arc::new(raw.into()) }))
    }
}

/// At most `max_bytes` of a member.
fn unpack(mut reader: Reader, entry: &ZipEntry, max_bytes: u64) -> Result<Vec<u8>, ArchiveError> {
    if entry.raw.encrypted() {
        return Err(ArchiveError::Unsupported { what: "encryption" });
    }
    if !matches!(entry.raw.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        return Err(ArchiveError::Unsupported { what: "a compression other than deflate" });
    }
    let mut content = vec![];
    let file = entry.raw.as_ref().as_ref().with_reader(&mut reader, ZipReadOptions::new())?;
    file.take(max_bytes).read_to_end(&mut content)?;
    Ok(content)
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            ZipError::UnsupportedArchive(what) => Self::Unsupported { what },
            ZipError::CompressionMethodNotSupported(_) => {
                Self::Unsupported { what: "a compression other than deflate" }
            }
            ZipError::InvalidArchive(reason) => Self::Damaged { reason: one_line(&reason) },
            ZipError::FileNotFound
            | ZipError::InvalidPassword
            | ZipError::DecompressedSizeLimitExceeded { .. }
            | ZipError::DecompressedSizeUnknown
            | _ => Self::Damaged { reason: one_line(&error.to_string()) },
        }
    }
}
