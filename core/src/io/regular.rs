//! Reading of regular files, and of nothing else: opening a pipe would wait for its other end, and
//! a link may lead anywhere.

use std::{
    fs::{self, File, FileType},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::io::{StateError, StateErrorKind};

/// Largest file that is read: a hundred times the largest queue.
pub(crate) const LONGEST_FILE: u64 = 512 << 20;

/// Everything in the file at `path`; `None` when nothing is there.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let Some(bytes) = size(path)? else { return Ok(None) };
    let too_large = |bytes| StateErrorKind::TooLarge { bytes, limit: LONGEST_FILE };
    if LONGEST_FILE < bytes {
        return Err(StateError::new(path, too_large(bytes)));
    }
    let mut content = Vec::new();
    let file = match File::open(path) {
        // Gone since it was looked at.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| StateError::io(path, error))?,
    };
    let read = file.take(LONGEST_FILE + 1).read_to_end(&mut content);
    let n_read = read.map_err(|error| StateError::io(path, error))?;
    match u64::try_from(n_read) {
        Ok(n_read) if n_read <= LONGEST_FILE => Ok(Some(content)),
        Ok(_) | Err(_) => Err(StateError::new(path, too_large(LONGEST_FILE + 1))),
    }
}

/// Bytes of the regular file at `path`; `None` when nothing is there.
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

/// What lies in `dir`, sorted by name; empty when there is no such folder. Names that are not
/// UTF-8 are nobody's and left out.
#[expect(clippy::disallowed_methods, reason = "this is where folders are listed")]
pub(crate) fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>, StateError> {
    let failed = |error| StateError::io(dir, error);
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        listing => listing.map_err(failed)?,
    };
    let mut found = vec![];
    for entry in listing {
        let entry = entry.map_err(failed)?;
        found.extend(entry.file_name().into_string().ok().map(|name| (name, entry.path())));
    }
    found.sort_unstable();
    Ok(found)
}
