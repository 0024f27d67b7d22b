//! What archives hold, and how much of it is believed.

use std::collections::HashSet;

use crate::io::archive::ArchiveError;

/// How much an archive may hold. The defaults are far above every package that installs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files, folders and links together.
    pub max_entries: u64,
    /// Of one path, and of the target of one link.
    pub max_name_bytes: usize,
    /// Unpacked, headers included.
    pub max_total_bytes: u64,
    /// Unpacked bytes for one packed byte; not asked of the first 16 MiB.
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

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// To a target as the archive writes it: it may lead anywhere.
    Symlink(String),
    /// To another entry, as the archive writes it: it may lead anywhere.
    HardLink(String),
    /// A device, a pipe, or something later.
    Other,
}

/// One thing in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative, with `/` between elements; no element is empty, `.` or `..`, and none holds NUL.
    pub path: String,
    /// Bytes of content.
    pub size: u64,
    /// Unix permissions, without the bits that say what it is.
    pub mode: u32,
    /// What it is.
    pub kind: EntryKind,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// To the next entry.
    Continue,
    /// What was looked for is found.
    Stop,
}

/// What becomes of paths that are no text, or that are there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paths {
    /// They end the pass: whoever unpacks must know what lies where.
    Exact,
    /// They are shown: whoever looks for a few files has no use for the others, whatever they are
    /// called.
    Shown,
}

/// Counts entries, and remembers the paths of those that are there once.
pub(crate) struct Census {
    limits: ArchiveLimits,
    /// How paths are taken.
    wanted: Paths,
    n_entries: u64,
    paths: HashSet<String>,
    bytes_of_paths: usize,
}

/// As long as all paths of one archive may be together; they are held in memory.
const LONGEST_PATHS: usize = 32 << 20;

impl Census {
    pub(crate) fn new(limits: &ArchiveLimits, wanted: Paths) -> Self {
        let paths = HashSet::new();
        Self { limits: *limits, wanted, n_entries: 0, paths, bytes_of_paths: 0 }
    }

    pub(crate) fn limits(&self) -> &ArchiveLimits {
        &self.limits
    }

    /// One more header, whatever it describes.
    pub(crate) fn count(&mut self) -> Result<(), ArchiveError> {
        self.n_entries += 1;
        if self.limits.max_entries < self.n_entries {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.max_entries });
        }
        Ok(())
    }

    /// `entry`, unless something else has its path. Folders are named again and again.
    pub(crate) fn admit(&mut self, entry: Entry) -> Result<Entry, ArchiveError> {
        self.bytes_of_paths += entry.path.len();
        if LONGEST_PATHS < self.bytes_of_paths {
            return Err(ArchiveError::TooManyEntries { limit: self.limits.max_entries });
        }
        let may_be_again = entry.kind == EntryKind::Dir || self.wanted == Paths::Shown;
        if may_be_again || self.paths.insert(entry.path.clone()) {
            Ok(entry)
        } else {
            Err(ArchiveError::Duplicate { path: entry.path })
        }
    }

    /// The path that `raw` spells, with folders' final slashes and `./` taken away. Empty for the
    /// root itself.
    pub(crate) fn path(&self, raw: &[u8]) -> Result<String, ArchiveError> {
        let text = self.text(raw)?;
        let unsafe_path = || ArchiveError::UnsafePath { path: shown(raw) };
        if text.starts_with('/') || text.split(['/', '\\']).any(|element| element == "..") {
            return Err(unsafe_path());
        }
        let elements = text.split('/').filter(|element| !matches!(*element, "" | "."));
        Ok(elements.collect::<Vec<_>>().join("/"))
    }

    /// A path or target as it is written.
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
