//! Locks that other processes hold.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use batch_core::io::Clock;

/// The time between two looks at a lock that another process holds.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Waits for the lock at `path`, for `patience` at most. `None` when another process still holds it
/// then. The lock ends with the file, also when this process is killed.
pub(crate) async fn lock(
    clock: &dyn Clock,
    patience: Duration,
    path: &Path,
) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let began_at = clock.monotonic();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => (),
        }
        if patience <= clock.monotonic().saturating_sub(began_at) {
            return Ok(None);
        }
        clock.sleep(LOOK_AGAIN).await;
    }
}
