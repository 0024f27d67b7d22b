//! Reads a `.crate` archive: its manifest and the paths of its files.

use std::{collections::BTreeSet, fs::File, io::Read as _, path::Path};

use batch_core::io::archive::{ArchiveError, ArchiveLimits, EntryKind, Flow, read_tar};

/// The largest manifest that is read, in bytes; the largest ones of the registry have about 200
/// KiB.
const MAX_MANIFEST: u64 = 4 << 20;

/// The parts of a `.crate` that are read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The text of `Cargo.toml`.
    pub(crate) manifest: String,
    /// Paths relative to the crate's own folder.
    pub(crate) files: BTreeSet<String>,
}

/// Reads `archive`, whose files all lie below `folder`.
pub(crate) fn read(archive: &Path, folder: &str) -> Result<Contents, ArchiveError> {
    let file = File::open(archive)?;
    let mut files = BTreeSet::new();
    let mut manifest = None;
    read_tar(file, &ArchiveLimits::default(), &mut |entry, content| {
        let inside = entry.path.strip_prefix(folder).and_then(|it| it.strip_prefix('/'));
        let Some(path) = inside.filter(|_| entry.kind == EntryKind::File) else {
            return Ok(Flow::Continue);
        };
        if path == "Cargo.toml" {
            let mut bytes = vec![];
            content.take(MAX_MANIFEST).read_to_end(&mut bytes)?;
            manifest = Some(bytes);
        }
        files.insert(path.to_owned());
        Ok(Flow::Continue)
    })?;
    let damaged = |reason: &str| ArchiveError::Damaged { reason: reason.to_owned() };
    let bytes = manifest.ok_or_else(|| damaged("it contains no Cargo.toml"))?;
    let manifest = String::from_utf8(bytes).map_err(|_| damaged("its Cargo.toml is not UTF-8"))?;
    Ok(Contents { manifest, files })
}
