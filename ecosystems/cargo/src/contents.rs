//! What a `.crate` holds: its manifest, and where its files lie.

use std::{collections::BTreeSet, fs::File, io::Read as _, path::Path};

use batch_core::io::archive::{ArchiveError, ArchiveLimits, EntryKind, Flow, read_tar};

/// Of a manifest; the longest of the registry have some 200 KiB.
const LONGEST_MANIFEST: u64 = 4 << 20;

/// What is read of a `.crate`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The text of `Cargo.toml`.
    pub(crate) manifest: String,
    /// Paths below the crate's own folder.
    pub(crate) files: BTreeSet<String>,
}

/// Reads `archive`, in which everything lies below `folder`.
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
            content.take(LONGEST_MANIFEST).read_to_end(&mut bytes)?;
            manifest = Some(bytes);
        }
        files.insert(path.to_owned());
        Ok(Flow::Continue)
    })?;
    let damaged = |reason: &str| ArchiveError::Damaged { reason: reason.to_owned() };
    let bytes = manifest.ok_or_else(|| damaged("it holds no Cargo.toml"))?;
    let manifest = String::from_utf8(bytes).map_err(|_| damaged("its Cargo.toml is no UTF-8"))?;
    Ok(Contents { manifest, files })
}
