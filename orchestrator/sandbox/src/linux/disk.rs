//! How much a job has written, and what else it holds. What it left behind is hostile: nothing is
//! followed out of it.

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

/// Deeper folders are not measured: they are taken for an attempt to hide.
const DEPTH: usize = 200;

/// More files than any package has; each costs a place on the disk beside its bytes.
const FILES: u64 = 1_000_000;

/// Whoever finds less free space on the disk was too late.
const FREE_FLOOR: u64 = 64 << 20;

/// So many descriptors that were sent and not received count as a full disk: each may lead to a
/// deleted file, and programs that pass descriptors on receive them at once.
const IN_FLIGHT: u64 = 16;

/// Bytes that a job may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) disk: u64,
    /// In sockets; `None` where a control group counts them as memory.
    pub(super) sockets: Option<u64>,
}

/// Returns as soon as the job takes more than `room`. Looks more often the quicker looking is: at
/// most a tenth of a processor goes into it.
pub(super) async fn outgrown(dirs: Vec<PathBuf>, main: Option<i32>, room: Room) -> Ended {
    const SHORTEST: Duration = Duration::from_millis(100);
    let mut next = tokio::time::Instant::now();
    loop {
        tokio::time::sleep_until(next).await;
        let started = tokio::time::Instant::now();
        let looked = dirs.clone();
        let look = move || exceeds(&looked, &processes::alive(main), room);
        // A walk through many files must not keep the other limits waiting.
        let measured = tokio::task::spawn_blocking(look).await;
        if let Ok(Some(ended)) = measured {
            return ended;
        }
        next = started + SHORTEST.max(started.elapsed() * 10);
    }
}

/// Whether the files in `dirs`, and those that only `alive` still hold, take more than `room` has, or
/// the disk is all but full.
pub(super) fn exceeds(dirs: &[PathBuf], alive: &[Process], room: Room) -> Option<Ended> {
    let held = held::look(alive);
    if room.sockets.is_some_and(|room| held.socket_bytes > room) {
        return Some(Ended::OutOfMemory);
    }
    let in_flight = held.in_flight.saturating_mul(room.disk / IN_FLIGHT);
    let bytes = held.deleted_bytes.saturating_add(in_flight);
    let mut tally = Tally { bytes, files: 0, limit: room.disk };
    for dir in dirs {
        if let Ok(dir) = open_dir(CWD, dir) {
            tally.add(dir, 0);
        }
    }
    let is_full = tally.is_over() || dirs.iter().any(|dir| is_nearly_full(dir));
    is_full.then_some(Ended::DiskFull)
}

struct Tally {
    bytes: u64,
    files: u64,
    limit: u64,
}

impl Tally {
    fn is_over(&self) -> bool {
        self.bytes > self.limit || self.files > FILES
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
            if self.is_over() {
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
