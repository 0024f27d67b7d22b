//! The entries of archives, and the limits for them.

use std::collections::HashSet;

use crate::io::archive::ArchiveError;

/// The limits for an archive. The defaults are far above every package that installs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Number of files, folders and links together.
    pub max_entries: u64,
    /// Length of one path, and of the target of one link.
    pub max_name_bytes: usize,
    /// Decompressed size, including headers.
    pub max_total_bytes: u64,
    /// Decompressed bytes for each compressed byte. It is not checked for the first 16 MiB.
    pub max_ratio: u64,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            max_name_bytes: 4096,
            max_total_bytes: 2 << 30,
            max_ratio: 200,
        }
    }
}

/// The type of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link, with its target as the archive has it. The target may be anywhere.
    Symlink(String),
    /// A link to another entry, with its target as the archive has it. The target may be anywhere.
    HardLink(String),
    /// A device, a pipe, or an unknown type.
    Other,
}

/// An entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its relative path, with `/` between elements. No element is empty, `.` or `..`, and none
    /// contains NUL.
    pub path: String,
    /// Size of its content in bytes.
    pub size: u64,
    /// Its Unix permissions, without the bits for the type.
    pub mode: u32,
    /// Its type.
    pub kind: EntryKind,
}

/// Whether to continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Continue with the next entry.
    Continue,
    /// Stop, because everything that was looked for is found.
    Stop,
}

/// How to treat paths that are not text, and paths that appear twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paths {
    /// They are errors, because a path must be certain when the archive is unpacked.
    Exact,
    /// They are reported, because a reader that looks for a few files does not need the others.
    Shown,
}

/// Counts entries, and remembers paths, to find those that appear twice.
pub(crate) struct EntryCounter {
    limits: ArchiveLimits,
    /// How paths are treated.
    wanted: Paths,
    n_entries: u64,
    paths: HashSet<String>,
    bytes_of_paths: usize,
}

/// Maximal length of all paths of one archive together. They are kept in memory.
const MAX_PATHS: usize = 32 << 20;

impl EntryCounter {
    pub(crate) fn new(limits: &ArchiveLimits, wanted: Paths) -> Self {
        let paths = HashSet::new();
        Self { limits: *limits, wanted, n_entries: 0, paths, bytes_of_paths: 0 }
    }

    pub(crate) fn limits(&self) -> &ArchiveLimits {
        &self.limits
    }

    /// Counts a header, whatever it describes.
    pub(crate) fn count(&mut self) -> Result<(), ArchiveError> {
        self.n_entries += 1;
        if self.limits.max_entries < self.n_entries {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.max_entries });
        }
        Ok(())
    }

    /// Accepts `entry`, unless another entry has its path. Folders may appear repeatedly.
    pub(crate) fn admit(&mut self, entry: Entry) -> Result<Entry, ArchiveError> {
        self.bytes_of_paths += entry.path.len();
        if MAX_PATHS < self.bytes_of_paths {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.max_entries });
        }
        let may_be_again = entry.kind == EntryKind::Dir || self.wanted == Paths::Shown;
        if may_be_again || self.paths.insert(entry.path.clone()) {
            Ok(entry)
        } else {
            Err(ArchiveError::Duplicate { path: entry.path })
        }
    }

    /// The path in `raw`, without slashes at the end of folders and without `./`. Empty for the
    /// root of the archive.
    pub(crate) fn path(&self, raw: &[u8]) -> Result<String, ArchiveError> {
        let text = self.text(raw)?;
        let unsafe_path = || ArchiveError::UnsafePath { path: shown(raw) };
        if text.starts_with('/') || text.split(['/', '\\']).any(|element| element == "..") {
            return Err(unsafe_path());
        }
        let elements = text.split('/').filter(|element| !matches!(*element, "" | "."));
        Ok(elements.collect::<Vec<_>>().join("/"))
    }

    /// A path or a target, unchanged.
    pub(crate) fn text(&self, raw: &[u8]) -> Result<String, ArchiveError> {
        if self.limits.max_name_bytes < raw.len() {
            return Err(ArchiveError::NameTooLong { limit: self.limits.max_name_bytes });
        }
        let unreadable = || ArchiveError::UnsafePath { path: shown(raw) };
        let text = match (str::from_utf8(raw), self.wanted) {
            (Ok(text), _) => text.to_owned(),
            (Err(_), Paths::Exact) => return Err(unreadable()),
            (Err(_), Paths::Shown) => String::from_utf8_lossy(raw).into_owned(),
        };
        if text.contains('\0') { Err(unreadable()) } else { Ok(text) }
    }
}

/// The beginning of a path, safe to print.
fn shown(raw: &[u8]) -> String {
    const LONGEST: usize = 100;
    let text = String::from_utf8_lossy(&raw[..raw.len().min(LONGEST)]).into_owned();
    text.escape_debug().collect()
}
