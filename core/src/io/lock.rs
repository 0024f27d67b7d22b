//! Locks below one root: the run lock and the seeding locks, which are refused when they are taken,
//! and the write lock, which is waited for. The system releases them when their process dies.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Seek as _, Write as _},
    path::Path,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use crate::io::{Layout, StateError, StateErrorKind, atomic, regular};

/// The process that holds a run lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// When it started.
    pub since: DateTime<Utc>,
}

/// The end of a sentence that begins with "another run is in progress".
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " (process {}, since {})", self.pid, self.since.trunc_subsecs(0))
    }
}

/// The lock of the run that is in progress. It is released when this value is dropped.
#[derive(Debug)]
pub struct RunLock(File);

/// The lock that is held while the state is read, changed and written back. It is released when
/// this value is dropped.
#[derive(Debug)]
pub(crate) struct Exclusive(#[expect(dead_code, reason = "held, never read")] File);

impl RunLock {
    /// Takes the lock at `path` at once. The error says who holds it.
    pub(crate) fn acquire(path: &Path, now: DateTime<Utc>) -> Result<Self, StateError> {
        let mut file = open(path)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let holder = holder(path);
                return Err(StateError::new(path, StateErrorKind::Locked { holder }));
            }
            Err(TryLockError::Error(error)) => return Err(StateError::io(path, error)),
        }
        let failed = |error| StateError::io(path, error);
        let text = serde_json::to_string(&Holder { pid: std::process::id(), since: now })
            .expect("numbers and dates can be written");
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        file.write_all(format!("{text}\n").as_bytes()).map_err(failed)?;
        Ok(Self(file))
    }
}

/// Removes the name of the holder, so that the next holder is not mistaken for this one.
impl Drop for RunLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.set_len(0) {
            tracing::warn!(%error, "the lock file keeps the name of a run that has ended");
        }
    }
}

impl Exclusive {
    /// Waits for the lock. The wait is short, because it is held only during a few writes.
    pub(crate) fn acquire(layout: &Layout) -> Result<Self, StateError> {
        let path = layout.write_lock();
        let file = open(&path)?;
        file.lock().map_err(|error| StateError::io(&path, error))?;
        Ok(Self(file))
    }
}

/// Who holds the lock at `path`, or held it and died. `None` when nobody does, and while the name
/// is being written.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&regular::read(path).ok()??).ok()
}

/// The file is never deleted, because a process that waits for a deleted file would hold no lock.
fn open(path: &Path) -> Result<File, StateError> {
    atomic::make_dir(path.parent().unwrap_or(Path::new(".")))?;
    regular::size(path)?;
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    file.map_err(|error| StateError::io(path, error))
}
