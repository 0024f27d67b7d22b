//! Reads regular files only: opening a pipe would wait for its other end, and a link may lead
//! anywhere.

use std::{
    fs::{self, DirEntry, File, FileType},
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
    let Some(bytes) = size(path)? else { return Ok(false) };
    let too_large = |bytes| StateErrorKind::TooLarge { bytes, limit };
    if limit < bytes {
        return Err(StateError::new(path, too_large(bytes)));
    }
    let file = match File::open(path) {
        // It was removed after its type was checked.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(|error| StateError::io(path, error))?,
    };
    // One byte more than the size, so that the end is seen without another call.
    content.reserve(usize::try_from(bytes).unwrap_or(0) + 1);
    let read = file.take(limit + 1).read_to_end(content);
    let n_read = read.map_err(|error| StateError::io(path, error))?;
    match u64::try_from(n_read) {
        Ok(n_read) if n_read <= limit => Ok(true),
        Ok(_) | Err(_) => Err(StateError::new(path, too_large(limit + 1))),
    }
}

/// The size of the regular file at `path`; `None` when it does not exist.
pub(crate) fn size(path: &Path) -> Result<Option<u64>, StateError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(metadata) => {
            let found = describe(metadata.file_type());
            Err(StateError::new(path, StateErrorKind::NotAFile { found }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io(path, error)),
    }
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
