//! Reads the archive of a distribution, as far as its commands depend on it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use batch_core::io::archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, look_into_tar};

/// The largest configuration program that is read, in bytes.
const MAX_PROGRAM: u64 = 1 << 20;

/// The content of one distribution. Paths are relative to its top folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// The files by path; the value says whether the file begins with `#!`.
    pub(crate) files: BTreeMap<String, bool>,
    pub(crate) makefile_pl: Option<String>,
    pub(crate) build_pl: Option<String>,
}

/// Reads `archive`, a tar that may be compressed with gzip.
pub(crate) fn read(archive: impl Read) -> Result<Contents, ArchiveError> {
    let mut contents = Contents::default();
    look_into_tar(archive, &ArchiveLimits::default(), &mut |entry, content| {
        add(&mut contents, entry, content)?;
        Ok(Flow::Continue)
    })?;
    Ok(contents)
}

fn add(contents: &mut Contents, entry: &Entry, content: &mut dyn Read) -> io::Result<()> {
    // A link has no content of its own; the check after the installation decides about it.
    let is_file = entry.kind == EntryKind::File;
    let Some((_, path)) = entry.path.split_once('/').filter(|_| is_file) else { return Ok(()) };
    match path {
        "Makefile.PL" => contents.makefile_pl = Some(program(content)?),
        "Build.PL" => contents.build_pl = Some(program(content)?),
        _ => {
            let mut start = vec![];
            content.take(2).read_to_end(&mut start)?;
            contents.files.insert(path.to_owned(), start == b"#!");
        }
    }
    Ok(())
}

fn program(content: &mut dyn Read) -> io::Result<String> {
    let mut bytes = vec![];
    content.take(MAX_PROGRAM).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
