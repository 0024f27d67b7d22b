//! Locks under one root: that of a run and those of seedings, which refuse, and that of a change,
//! which waits. The system releases them when their process dies.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{Seek as _, Write as _},
    path::Path,
};

use chrono::{DateTime, SubsecRound as _, Utc};
use serde::{Deserialize, Serialize};

use crate::io::{Layout, StateError, StateErrorKind, atomic, regular};

/// Who holds the lock of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its start.
    pub since: DateTime<Utc>,
}

/// For the end of "another run is under way".
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " (process {}, since {})", self.pid, self.since.trunc_subsecs(0))
    }
}

/// Held by the one run that is under way; released by dropping it.
#[derive(Debug)]
pub struct RunLock(File);

/// Held while the state is read, changed and written back; released by dropping it.
#[derive(Debug)]
pub(crate) struct Exclusive(#[expect(dead_code, reason = "held, never read")] File);

impl RunLock {
    /// Takes the lock at `path` at once, or says who holds it.
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

/// So that the next holder is never taken for this one.
impl Drop for RunLock {
    fn drop(&mut self) {
        if let Err(error) = self.0.set_len(0) {
            tracing::warn!(%error, "the lock file keeps the name of a run that has ended");
        }
    }
}

impl Exclusive {
    /// Waits for its turn, which is short: nobody holds this for longer than some writes take.
    pub(crate) fn acquire(layout: &Layout) -> Result<Self, StateError> {
        let path = layout.write_lock();
        let file = open(&path)?;
        file.lock().map_err(|error| StateError::io(&path, error))?;
        Ok(Self(file))
    }
}

/// Who holds the lock at `path`, or held it and died; `None` when nobody does, and while it is
/// being written.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&regular::read(path).ok()??).ok()
}

/// Never deleted: who waits for a file that is gone would hold nothing.
fn open(path: &Path) -> Result<File, StateError> {
    atomic::make_dir(path.parent().unwrap_or(Path::new(".")))?;
    regular::size(path)?;
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    file.map_err(|error| StateError::io(path, error))
}
