//! What lies in the archive of a distribution, as far as its commands depend on it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use batch_core::io::archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, look_into_tar};

/// A program that configures is no longer than this.
const LONGEST_PROGRAM: u64 = 1 << 20;

/// Of one distribution. Paths are below its top folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Whether a file begins with `#!`, by path.
    pub(crate) files: BTreeMap<String, bool>,
    pub(crate) makefile_pl: Option<String>,
    pub(crate) build_pl: Option<String>,
}

/// What is in `archive`, a tar that may be inside gzip.
pub(crate) fn read(archive: impl Read) -> Result<Contents, ArchiveError> {
    let mut contents = Contents::default();
    look_into_tar(archive, &ArchiveLimits::default(), &mut |entry, content| {
        add(&mut contents, entry, content)?;
        Ok(Flow::Continue)
    })?;
    Ok(contents)
}

fn add(contents: &mut Contents, entry: &Entry, content: &mut dyn Read) -> io::Result<()> {
    // A link has no content of its own, and is left to the check after the installation.
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
    content.take(LONGEST_PROGRAM).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
