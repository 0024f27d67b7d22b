//! Zip files at a registry: the central directory and single members are fetched.

use std::io::Read as _;

use flate2::read::DeflateDecoder;
use rawzip::{
    CompressionMethod, ErrorKind, RECOMMENDED_BUFFER_SIZE, ReaderAt as _, ZipArchive,
    ZipArchiveEntryWayfinder, ZipFileHeaderRecord,
};

use crate::io::{
    Http, Request,
    archive::{
        ArchiveError, ArchiveLimits, Entry, EntryKind, RemoteError,
        blocks::{Blocks, Reader},
        entry::{EntryCounter, Paths},
        error::one_line,
    },
};

/// The end of a zip file, with the position of its directory, is within this many bytes.
const TAIL: u64 = 64 << 10;
/// Size of a local header: its fixed part, the name again, and some attributes.
const LOCAL_HEADER: u64 = 30 + 1024;
/// Position of the directory's offset in the end record. The second constant stands there when the
/// real offset is in the record of ZIP64.
const DIRECTORY_FIELD: u64 = 16;
const ELSEWHERE: u32 = u32::MAX;
/// The bits of a mode that are the type of the file.
const KIND: u32 = 0o170_000;

/// A zip file at a registry.
pub struct RemoteZip<'a> {
    blocks: Blocks<'a>,
    entries: Vec<ZipEntry>,
}

/// What the central directory says about a member. The sizes may be wrong until the member has been
/// read.
#[derive(Debug, Clone)]
pub struct ZipEntry {
    /// Its relative path, with `/` between elements. No element is empty, `.` or `..`, and none
    /// contains NUL.
    pub path: String,
    /// Decompressed size in bytes.
    pub size: u64,
    /// Compressed size in bytes.
    pub compressed: u64,
    /// Its Unix permissions; 0 when the archive has none.
    pub mode: u32,
    /// Its type. The target of a link is not here, because it is the content.
    pub kind: EntryKind,
    local_header: u64,
    place: ZipArchiveEntryWayfinder,
    is_encrypted: bool,
    compression: CompressionMethod,
}

impl<'a> RemoteZip<'a> {
    /// The archive that `request` asks for. `None` when there is no such file, or when it is empty.
    /// `max_bytes` limits the download from a server that does not send parts.
    pub async fn open(http: &'a dyn Http, request: Request) -> Result<Option<Self>, RemoteError> {
        let Some(blocks) = Blocks::open(http, request).await? else { return Ok(None) };
        let total = blocks.total_bytes();
        blocks.ensure(total.saturating_sub(TAIL), TAIL).await?;
        let limits = ArchiveLimits::default();
        let entries = blocks.work(|reader| list(reader, total, &limits)).await?;
        Ok(Some(Self { blocks, entries }))
    }

    /// Every member, including folders, in the order of the central directory.
    pub fn entries(&self) -> &[ZipEntry] {
        &self.entries
    }

    /// The complete decompressed content of a member, if it has at most `max_bytes`.
    pub async fn read(&self, entry: &ZipEntry, max_bytes: usize) -> Result<Vec<u8>, RemoteError> {
        let limit = max_bytes as u64;
        if limit < entry.size {
            return Err(ArchiveError::TooLarge { limit }.into());
        }
        let needed = LOCAL_HEADER.saturating_add(entry.compressed);
        self.blocks.ensure(entry.local_header, needed).await?;
        let total = self.total_bytes();
        let unpack = |reader| unpack(reader, total, entry, limit.saturating_add(1));
        let content = self.blocks.work(unpack).await?;
        if content.len() as u64 != entry.size {
            let (path, claimed) = (entry.path.clone(), entry.size);
            return Err(ArchiveError::LyingSize { path, claimed }.into());
        }
        Ok(content)
    }

    /// The first `max_bytes` of the decompressed content of a member, or all of it if it is
    /// shorter.
    pub async fn read_beginning(
        &self,
        entry: &ZipEntry,
        max_bytes: usize,
    ) -> Result<Vec<u8>, RemoteError> {
        let total = self.total_bytes();
        self.blocks.work(|reader| unpack(reader, total, entry, max_bytes as u64)).await
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

fn located(reader: Reader, total: u64) -> Result<ZipArchive<Reader>, ArchiveError> {
    let locator = ZipArchive::with_max_search_space(TAIL);
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    Ok(locator.locate_in_reader(reader, &mut buffer, total).map_err(|(_, error)| error)?)
}

fn list(reader: Reader, total: u64, limits: &ArchiveLimits) -> Result<Vec<ZipEntry>, ArchiveError> {
    let archive = located(reader, total)?;
    check_beginning(&archive)?;
    let mut counter = EntryCounter::new(limits, Paths::Exact);
    let (mut entries, mut n_entries, mut n_bytes) = (vec![], 0_u64, 0_u64);
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let mut records = archive.entries(&mut buffer);
    while let Some(record) = records.next_entry()? {
        counter.count()?;
        n_entries += 1;
        let entry = ZipEntry::of(&record, &mut counter)?;
        n_bytes = entry.iter().fold(n_bytes, |sum, entry| sum.saturating_add(entry.size));
        if limits.max_total_bytes < n_bytes {
            return Err(ArchiveError::TooLarge { limit: limits.max_total_bytes });
        }
        entries.extend(entry);
    }
    let n_said = archive.entries_hint();
    if n_said != n_entries {
        let reason = format!("it has {n_entries} entries and says {n_said}");
        return Err(ArchiveError::Damaged { reason });
    }
    Ok(entries)
}

/// The archive must begin at the beginning of the file. Otherwise something could be put before it,
/// and other programs would see other entries.
fn check_beginning(archive: &ZipArchive<Reader>) -> Result<(), ArchiveError> {
    let mut said = [0; 4];
    let at = archive.eocd_offset().saturating_add(DIRECTORY_FIELD);
    archive.get_ref().read_exact_at(&mut said, at)?;
    let said = u32::from_le_bytes(said);
    if said == ELSEWHERE || u64::from(said) == archive.directory_offset() {
        return Ok(());
    }
    let reason = "its directory lies elsewhere than it says".to_owned();
    Err(ArchiveError::Damaged { reason })
}

impl ZipEntry {
    /// `None` for the root of the archive.
    fn of(
        record: &ZipFileHeaderRecord<'_>,
        counter: &mut EntryCounter,
    ) -> Result<Option<Self>, ArchiveError> {
        let path = counter.path(record.file_path().as_ref())?;
        // Without attributes the archive does not say the mode.
        let mode = if record.external_attributes() == 0 { 0 } else { record.mode().value() };
        let kind = match mode & KIND {
            _ if record.is_dir() => EntryKind::Dir,
            0o120_000 => EntryKind::Symlink(String::new()),
            0 | 0o100_000 => EntryKind::File,
            0o040_000 => EntryKind::Dir,
            _ => EntryKind::Other,
        };
        if path.is_empty() {
            return Ok(None);
        }
        let size = record.uncompressed_size_hint();
        let entry = counter.admit(Entry { path, size, mode: mode & 0o7777, kind })?;
        let Entry { path, size, mode, kind } = entry;
        Ok(Some(Self {
            path,
            size,
            compressed: record.compressed_size_hint(),
            mode,
            kind,
            local_header: record.local_header_offset(),
            place: record.wayfinder(),
            is_encrypted: record.flags().is_encrypted(),
            compression: record.compression_method(),
        }))
    }
}

/// At most `max_bytes` of the decompressed content of a member. Its checksum is compared if all of
/// it is read.
fn unpack(
    reader: Reader,
    total: u64,
    entry: &ZipEntry,
    max_bytes: u64,
) -> Result<Vec<u8>, ArchiveError> {
    if entry.is_encrypted {
        return Err(ArchiveError::Unsupported { what: "encryption" });
    }
    let archive = located(reader, total)?;
    let found = archive.get_entry(entry.place)?;
    let mut content = vec![];
    match entry.compression {
        CompressionMethod::STORE => {
            let stored = found.verifying_reader(found.reader());
            stored.take(max_bytes).read_to_end(&mut content)?;
        }
        CompressionMethod::DEFLATE => {
            let deflated = found.verifying_reader(DeflateDecoder::new(found.reader()));
            deflated.take(max_bytes).read_to_end(&mut content)?;
        }
        _ => return Err(ArchiveError::Unsupported { what: "a compression other than deflate" }),
    }
    Ok(content)
}

impl From<rawzip::Error> for ArchiveError {
    fn from(error: rawzip::Error) -> Self {
        let reason = one_line(&error.to_string());
        if let ErrorKind::Eof = error.kind() {
            return Self::Truncated;
        }
        if let ErrorKind::IO(error) = error.into_kind() {
            error.into()
        } else {
            Self::Damaged { reason }
        }
    }
}
