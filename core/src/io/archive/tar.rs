//! Reads tar files, compressed or not, in one pass.
//!
//! Headers are read directly, so that a long name needs no more memory than is allowed. The `tar`
//! crate itself would read as many bytes as the header says.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, PaxExtensions};

use crate::io::archive::{
    ArchiveError, ArchiveLimits, Entry, EntryKind, Flow,
    bounded::{Bounded, Counted},
    entry::{EntryCounter, Paths},
};

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
/// Maximal size of an extended header. It contains names, times and attributes of one entry.
const MAX_EXTENSION: u64 = 1 << 20;

/// Calls `visit` for every entry of a tar file, which may be compressed with gzip. `visit` may read
/// the content. An empty file is not an archive. An error of `visit` ends the pass.
pub fn read_tar(
    file: impl Read,
    limits: &ArchiveLimits,
    visit: &mut Visit<'_>,
) -> Result<(), ArchiveError> {
    pass(file, limits, Paths::Exact, visit)
}

/// Like [`read_tar`], for callers that do not unpack. Bytes in a path that are not text become
/// replacement characters. A path that appears twice is visited twice; unpacking would keep the
/// last one.
pub fn look_into_tar(
    file: impl Read,
    limits: &ArchiveLimits,
    visit: &mut Visit<'_>,
) -> Result<(), ArchiveError> {
    pass(file, limits, Paths::Shown, visit)
}

type Visit<'a> = dyn FnMut(&Entry, &mut dyn Read) -> io::Result<Flow> + 'a;

fn pass(
    file: impl Read,
    limits: &ArchiveLimits,
    paths: Paths,
    visit: &mut Visit<'_>,
) -> Result<(), ArchiveError> {
    let (counted, n_packed) = Counted::new(file);
    let mut packed = BufReader::new(counted);
    if !packed.fill_buf()?.starts_with(GZIP_MAGIC) {
        // Nothing is compressed, so the ratio is one.
        return walk(Bounded::new(packed, limits, n_packed), Headers::new(limits, paths), visit);
    }
    let unpacked = Bounded::new(MultiGzDecoder::new(packed), limits, n_packed);
    let mut unpacked = BufReader::new(unpacked);
    if unpacked.fill_buf()?.starts_with(GZIP_MAGIC) {
        return Err(ArchiveError::Unsupported { what: "gzip within gzip" });
    }
    walk(unpacked, Headers::new(limits, paths), visit)
}

fn walk(file: impl Read, mut headers: Headers, visit: &mut Visit<'_>) -> Result<(), ArchiveError> {
    let mut archive = Archive::new(file);
    for raw in archive.entries()?.raw(true) {
        let mut raw = raw?;
        let Some(entry) = headers.read(&mut raw)? else { continue };
        let mut content = CompleteEntries { inner: &mut raw, n_left: entry.size };
        match visit(&entry, &mut content)? {
            Flow::Continue => {}
            Flow::Stop => return Ok(()),
        }
    }
    headers.end()
}

/// Returns an error if the archive ends within an entry.
struct CompleteEntries<R> {
    inner: R,
    n_left: u64,
}

impl<R: Read> Read for CompleteEntries<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        if n == 0 && !buffer.is_empty() && 0 < self.n_left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.n_left = self.n_left.saturating_sub(n as u64);
        Ok(n)
    }
}

/// Reads entries from headers. One entry may have several headers.
pub(crate) struct Headers {
    counter: EntryCounter,
    n_read: u64,
    next: Extension,
}

/// What extended headers say about the next entry.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

impl Headers {
    pub(crate) fn new(limits: &ArchiveLimits, paths: Paths) -> Self {
        Self { counter: EntryCounter::new(limits, paths), n_read: 0, next: Extension::default() }
    }

    /// The entry that this header completes. `None` for an extended header of the next entry, and
    /// for the root of the archive.
    pub(crate) fn read<R: Read>(
        &mut self,
        raw: &mut tar::Entry<'_, R>,
    ) -> Result<Option<Entry>, ArchiveError> {
        self.n_read += 1;
        self.counter.count()?;
        let kind = raw.header().entry_type();
        if kind.is_gnu_longname() {
            self.next.path = Some(self.long_name(raw)?);
        } else if kind.is_gnu_longlink() {
            self.next.target = Some(self.long_name(raw)?);
        } else if kind.is_pax_local_extensions() {
            self.next.read_pax(&bytes(raw, MAX_EXTENSION)?)?;
        } else if !kind.is_pax_global_extensions() {
            return self.complete(raw);
        }
        Ok(None)
    }

    /// To be called at the end of the archive.
    pub(crate) fn end(&self) -> Result<(), ArchiveError> {
        if self.n_read == 0 {
            return Err(ArchiveError::Damaged { reason: "it holds nothing".to_owned() });
        }
        Ok(())
    }

    fn complete<R: Read>(
        &mut self,
        raw: &tar::Entry<'_, R>,
    ) -> Result<Option<Entry>, ArchiveError> {
        let Extension { path, target, size, is_sparse } = std::mem::take(&mut self.next);
        let header = raw.header();
        if is_sparse || header.entry_type().is_gnu_sparse() {
            return Err(ArchiveError::Unsupported { what: "sparse files" });
        }
        let raw_path = path.unwrap_or_else(|| header.path_bytes().into_owned());
        let path = self.counter.path(&raw_path)?;
        if size.is_some_and(|size| size != raw.size()) {
            return Err(ArchiveError::LyingSize { path, claimed: size.unwrap_or_default() });
        }
        let target = target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let target = || self.counter.text(&target.unwrap_or_default());
        let of_type = header.entry_type();
        let kind = if of_type.is_symlink() {
            EntryKind::Symlink(target()?)
        } else if of_type.is_hard_link() {
            EntryKind::HardLink(target()?)
        } else if of_type.is_dir() || of_type.is_file() && raw_path.ends_with(b"/") {
            EntryKind::Dir
        } else if of_type.is_file() || of_type.is_contiguous() {
            EntryKind::File
        } else {
            EntryKind::Other
        };
        if path.is_empty() {
            let is_root = kind == EntryKind::Dir;
            let unsafe_path = ArchiveError::UnsafePath { path: "(none)".to_owned() };
            return if is_root { Ok(None) } else { Err(unsafe_path) };
        }
        let mode = header.mode().unwrap_or(0) & 0o7777;
        self.counter.admit(Entry { path, size: raw.size(), mode, kind }).map(Some)
    }

    fn long_name<R: Read>(&self, raw: &mut tar::Entry<'_, R>) -> Result<Vec<u8>, ArchiveError> {
        let limit = self.counter.limits().max_name_bytes;
        // One more byte for the NUL at its end.
        let too_long = |_| ArchiveError::NameTooLong { limit };
        let mut name = bytes(raw, limit as u64 + 1).map_err(too_long)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }
}

impl Extension {
    fn read_pax(&mut self, records: &[u8]) -> Result<(), ArchiveError> {
        for record in PaxExtensions::new(records) {
            let record = record?;
            match record.key_bytes() {
                b"path" => self.path = Some(record.value_bytes().to_vec()),
                b"linkpath" => self.target = Some(record.value_bytes().to_vec()),
                b"size" => {
                    let size = record.value().ok().and_then(|text| text.parse().ok());
                    let reason = || "a size is no number".to_owned();
                    self.size =
                        Some(size.ok_or_else(|| ArchiveError::Damaged { reason: reason() })?);
                }
                key => self.is_sparse |= key.starts_with(b"GNU.sparse."),
            }
        }
        Ok(())
    }
}

/// The complete content of an extended header.
fn bytes<R: Read>(raw: &mut tar::Entry<'_, R>, limit: u64) -> Result<Vec<u8>, ArchiveError> {
    let size = raw.size();
    if limit < size {
        return Err(ArchiveError::TooLarge { limit });
    }
    let mut bytes = vec![];
    CompleteEntries { inner: raw.take(size), n_left: size }.read_to_end(&mut bytes)?;
    Ok(bytes)
}
