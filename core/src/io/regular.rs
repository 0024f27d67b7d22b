//! Reads regular files only: opening a pipe would wait for its other end, and a link may lead
//! anywhere.

use std::{
    fs::{self, DirEntry, File, FileType, Metadata},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::io::{StateError, StateErrorKind};

/// Maximal size of a file in bytes, a hundred times the largest queue.
pub(crate) const MAX_FILE: u64 = 512 << 20;

/// The content of the file at `path`; `None` when it does not exist.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    read_within(path, MAX_FILE)
}

/// The same for a file of at most `limit` bytes. A larger file is an error and is not read.
pub fn read_within(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StateError> {
    let mut content = vec![];
    Ok(read_into(path, limit, &mut content)?.then_some(content))
}

/// The same, into `content`, whose memory is used again. Returns whether the file exists.
pub(crate) fn read_into(
    path: &Path,
    limit: u64,
    content: &mut Vec<u8>,
) -> Result<bool, StateError> {
    content.clear();
    let Some((file, bytes)) = open(path)? else { return Ok(false) };
    if limit < bytes {
        return Err(StateError::new(path, StateErrorKind::TooLarge { bytes, limit }));
    }
    content.reserve(usize::try_from(bytes).unwrap_or(0));
    // What is added from now on is not read, and the end is known without another call.
    let read = file.take(bytes).read_to_end(content);
    read.map(|_| true).map_err(|error| StateError::io(path, error))
}

/// Opens the regular file at `path`, with its size; `None` when it does not exist.
pub(crate) fn open(path: &Path) -> Result<Option<(File, u64)>, StateError> {
    let Some(file) = open_any(path)? else { return Ok(None) };
    let metadata = file.metadata().map_err(|error| StateError::io(path, error))?;
    Ok(Some((file, size_of(path, &metadata)?)))
}

/// Opens the file at `path`, whatever it is, without waiting and without following a link; `None` when
/// it does not exist.
fn open_any(path: &Path) -> Result<Option<File>, StateError> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;

        use rustix::fs::OFlags;

        options.custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed());
    }
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Links and sockets cannot be opened in this way.
        Err(error) => size(path).and(Err(StateError::io(path, error))),
    }
}

/// The size of the regular file at `path`; `None` when it does not exist.
pub(crate) fn size(path: &Path) -> Result<Option<u64>, StateError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => size_of(path, &metadata).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io(path, error)),
    }
}

/// The size of a file of which this is known; an error if it is not a regular file.
fn size_of(path: &Path, metadata: &Metadata) -> Result<u64, StateError> {
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let found = describe(metadata.file_type());
    Err(StateError::new(path, StateErrorKind::NotAFile { found }))
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a pipe, socket or device"
    }
}

/// The entries of `dir`, sorted by name; empty when the folder does not exist. Names that are not
/// UTF-8 belong to no one and are left out.
pub(crate) fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>, StateError> {
    let mut names = names(dir)?;
    names.sort_unstable();
    let with_path = |name: String| {
        let path = dir.join(&name);
        (name, path)
    };
    Ok(names.into_iter().map(with_path).collect())
}

/// The same names, unsorted and without paths, for folders with very many entries.
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, StateError> {
    each(dir, |entry| Ok(entry.file_name().into_string().ok()))
}

/// The same names, unsorted, with what they are.
pub(crate) fn entries(dir: &Path) -> Result<Vec<(String, FileType)>, StateError> {
    each(dir, |entry| {
        let Ok(name) = entry.file_name().into_string() else { return Ok(None) };
        Ok(Some((name, entry.file_type()?)))
    })
}

#[expect(clippy::disallowed_methods, reason = "this is where folders are listed")]
fn each<T>(
    dir: &Path,
    of_entry: impl Fn(DirEntry) -> io::Result<Option<T>>,
) -> Result<Vec<T>, StateError> {
    let failed = |error| StateError::io(dir, error);
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        listing => listing.map_err(failed)?,
    };
    let mut found = vec![];
    for entry in listing {
        found.extend(entry.and_then(&of_entry).map_err(failed)?);
    }
    Ok(found)
}
