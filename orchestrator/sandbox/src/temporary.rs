//! Temporary folders, which are removed even if their owner is killed.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::remove_tree;

/// The prefix of their names. The rest is random.
const PREFIX: &str = "tsuku-batch-";

/// A file that the owner keeps locked as long as it lives.
const LOCK: &str = "lock";

/// A new folder that nobody else may enter. It is removed when this value is dropped, or else by
/// the next call of [`TemporaryDir::new`] of the same user, because the kernel releases the lock of
/// an owner that dies.
#[derive(Debug)]
pub struct TemporaryDir {
    path: PathBuf,
    _lock: File,
}

impl TemporaryDir {
    /// Creates a folder, and removes those without a living owner.
    pub fn new() -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir().canonicalize()?)
    }

    fn new_in(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // Locked before it gets the name by which other processes look for it.
        let lock = tempfile::NamedTempFile::new_in(dir.path())?;
        lock.as_file().lock()?;
        let lock = lock.persist(dir.path().join(LOCK)).map_err(|error| error.error)?;
        Ok(Self { path: dir.keep(), _lock: lock })
    }

    /// Its real path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        // The next call removes what stays.
        let _ = remove_tree(&self.path);
    }
}

/// Removes the folders in `parent` whose owner has died. Folders without a lock are just being
/// created. Folders of other users cannot be opened.
fn sweep(parent: &Path) {
    for entry in names(parent) {
        let dir = parent.join(entry);
        let is_real = dir.symlink_metadata().is_ok_and(|found| found.is_dir());
        let Ok(lock) = File::options().write(true).open(dir.join(LOCK)) else { continue };
        match lock.try_lock() {
            Ok(()) if is_real => {
                let _ = remove_tree(&dir);
            }
            Ok(()) | Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the machine's temporary folder")]
fn names(parent: &Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().starts_with(PREFIX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_a_living_owner_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let alive = TemporaryDir::new_in(parent.path()).unwrap();
        let dead = parent.path().join("tsuku-batch-dead");
        let fresh = parent.path().join("tsuku-batch-fresh");
        let other = parent.path().join("other");
        for dir in [&dead, &fresh, &other] {
            std::fs::create_dir(dir).unwrap();
            File::create(dir.join("file")).unwrap();
        }
        for dir in [&dead, &other] {
            File::create(dir.join(LOCK)).unwrap();
        }
        let second = TemporaryDir::new_in(parent.path()).unwrap();
        assert!(alive.path().exists() && second.path().exists());
        assert!(!dead.exists() && fresh.exists() && other.exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists());
    }
}
