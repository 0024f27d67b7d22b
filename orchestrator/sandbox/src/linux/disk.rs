//! How much a job has written, and which other storage it uses. Its files are hostile, so no link
//! is followed.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};

use super::{
    held::{self, bytes},
    processes::{self, Process},
};
use crate::Ended;

/// Deeper folders are not measured. They count as an attempt to hide files.
const DEPTH: usize = 200;

/// Whoever finds less free space on the disk was too late.
const FREE_FLOOR: u64 = 64 << 20;

/// If this many descriptors were sent and not received, the disk counts as full: each may refer to
/// a deleted file, and ordinary programs receive descriptors at once.
const IN_FLIGHT: u64 = 16;

/// What a job may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct StorageLimit {
    /// Bytes.
    pub(super) disk: u64,
    /// Files and folders; each costs a place on the disk beside its bytes, and memory of the kernel.
    pub(super) files: u64,
    /// Bytes in sockets; `None` where a control group counts them as memory.
    pub(super) sockets: Option<u64>,
}

/// Returns as soon as the job uses more than `storage_limit`. The checks are more frequent if they
/// are fast, and use at most a tenth of a processor.
pub(super) async fn exceeded_storage(
    dirs: Vec<PathBuf>,
    main: Option<i32>,
    storage_limit: StorageLimit,
) -> Ended {
    const SHORTEST: Duration = Duration::from_millis(100);
    let mut next = tokio::time::Instant::now();
    loop {
        tokio::time::sleep_until(next).await;
        let started = tokio::time::Instant::now();
        let looked = dirs.clone();
        let look = move || exceeds(&looked, &processes::alive(main), storage_limit);
        // Reading many folders must not delay the checks of other limits.
        let measured = tokio::task::spawn_blocking(look).await;
        if let Ok(Some(ended)) = measured {
            return ended;
        }
        next = started + SHORTEST.max(started.elapsed() * 10);
    }
}

/// Whether the files in `dirs`, and deleted files that `alive` still use, exceed `storage_limit`,
/// or whether the disk is nearly full.
pub(super) fn exceeds(
    dirs: &[PathBuf],
    alive: &[Process],
    storage_limit: StorageLimit,
) -> Option<Ended> {
    let held = held::look(alive);
    if storage_limit.sockets.is_some_and(|storage_limit| held.socket_bytes > storage_limit) {
        return Some(Ended::OutOfMemory);
    }
    let in_flight = held.in_flight.saturating_mul(storage_limit.disk / IN_FLIGHT);
    let bytes = held.deleted_bytes.saturating_add(in_flight);
    let mut tally = Tally { bytes, files: 0, storage_limit };
    for dir in dirs {
        if let Ok(dir) = open_dir(CWD, dir) {
            tally.add(dir, 0);
        }
    }
    tally.over().or_else(|| {
        let is_full = dirs.iter().any(|dir| is_nearly_full(dir));
        is_full.then_some(Ended::DiskFull)
    })
}

struct Tally {
    bytes: u64,
    files: u64,
    storage_limit: StorageLimit,
}

impl Tally {
    fn over(&self) -> Option<Ended> {
        if self.files > self.storage_limit.files {
            Some(Ended::TooManyFiles)
        } else {
            (self.bytes > self.storage_limit.disk).then_some(Ended::DiskFull)
        }
    }

    fn add(&mut self, dir: Dir, depth: usize) {
        if depth > DEPTH {
            self.files = u64::MAX;
            return;
        }
        let mut dir = dir;
        while let Some(Ok(entry)) = dir.read() {
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let Ok(here) = dir.fd() else { return };
            let Ok(stat) = fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            self.bytes = self.bytes.saturating_add(bytes(&stat));
            self.files = self.files.saturating_add(1);
            if self.over().is_some() {
                return;
            }
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory
                && let Ok(below) = open_dir(here, name)
            {
                self.add(below, depth + 1);
            }
        }
    }
}

fn open_dir<P: rustix::path::Arg>(at: impl std::os::fd::AsFd, path: P) -> rustix::io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Dir::new(fs::openat(at, path, flags, Mode::empty())?)
}

fn is_nearly_full(dir: &Path) -> bool {
    let Ok(disk) = fs::statvfs(dir) else { return false };
    let floor = FREE_FLOOR.min(disk.f_blocks * disk.f_frsize / 100);
    disk.f_bavail * disk.f_frsize < floor
}
