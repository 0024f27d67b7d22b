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
    read_within(path, LONGEST_FILE)
}

/// The same of a file that has at most `limit` bytes; a longer one is an error and is not read.
pub fn read_within(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, StateError> {
    let mut content = vec![];
    Ok(read_into(path, limit, &mut content)?.then_some(content))
}

/// The same, in place of what `content` holds, whose memory is used again. Says whether there is
/// such a file.
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
        // Gone since it was looked at.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(|error| StateError::io(path, error))?,
    };
    // One more than there was, so that its end is seen without asking again.
    content.reserve(usize::try_from(bytes).unwrap_or(0) + 1);
    let read = file.take(limit + 1).read_to_end(content);
    let n_read = read.map_err(|error| StateError::io(path, error))?;
    match u64::try_from(n_read) {
        Ok(n_read) if n_read <= limit => Ok(true),
        Ok(_) | Err(_) => Err(StateError::new(path, too_large(limit + 1))),
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
pub(crate) fn list(dir: &Path) -> Result<Vec<(String, PathBuf)>, StateError> {
    let mut names = names(dir)?;
    names.sort_unstable();
    let with_path = |name: String| {
        let path = dir.join(&name);
        (name, path)
    };
    Ok(names.into_iter().map(with_path).collect())
}

/// The same names in no order, without their paths: for folders that hold very many.
#[expect(clippy::disallowed_methods, reason = "this is where folders are listed")]
pub(crate) fn names(dir: &Path) -> Result<Vec<String>, StateError> {
    let failed = |error| StateError::io(dir, error);
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        listing => listing.map_err(failed)?,
    };
    let mut found = vec![];
    for entry in listing {
        found.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    Ok(found)
}
