//! How much a job has written. What it left behind is hostile: nothing is followed out of it.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat};

use super::{
    kernel,
    processes::{self, Process},
};

/// Deeper folders are not measured: they are taken for an attempt to hide.
const DEPTH: usize = 200;

/// More files than any package has; each costs a place on the disk beside its bytes.
const FILES: u64 = 1_000_000;

/// Whoever finds less free space on the disk was too late.
const FREE_FLOOR: u64 = 64 << 20;

/// Unit of `st_blocks`.
const BLOCK: u64 = 512;

/// Returns as soon as the job takes more than `limit` bytes. Looks more often the quicker looking
/// is: at most a tenth of a processor goes into it.
pub(super) async fn outgrown(dirs: Vec<PathBuf>, main: Option<i32>, limit: u64) {
    const SHORTEST: Duration = Duration::from_millis(100);
    let mut next = tokio::time::Instant::now();
    loop {
        tokio::time::sleep_until(next).await;
        let started = tokio::time::Instant::now();
        let looked = dirs.clone();
        let look = move || exceeds(&looked, &processes::alive(main), limit);
        // A walk through many files must not keep the other limits waiting.
        let measured = tokio::task::spawn_blocking(look).await;
        if measured.unwrap_or(false) {
            return;
        }
        next = started + SHORTEST.max(started.elapsed() * 10);
    }
}

/// Whether the files in `dirs`, and those that only `alive` still hold open, take more than
/// `limit` bytes, or the disk is all but full.
pub(super) fn exceeds(dirs: &[PathBuf], alive: &[Process], limit: u64) -> bool {
    let mut tally = Tally { bytes: held_open(alive), files: 0, limit };
    for dir in dirs {
        if let Ok(dir) = open_dir(CWD, dir) {
            tally.add(dir, 0);
        }
    }
    tally.is_over() || dirs.iter().any(|dir| is_nearly_full(dir))
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

fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK
}

fn open_dir<P: rustix::path::Arg>(at: impl std::os::fd::AsFd, path: P) -> rustix::io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Dir::new(fs::openat(at, path, flags, Mode::empty())?)
}

/// Bytes of files that were deleted and are still open, each counted once.
fn held_open(alive: &[Process]) -> u64 {
    let mut seen = BTreeSet::new();
    let mut sum = 0;
    for process in alive {
        let dir = PathBuf::from(format!("/proc/{}/fd", process.pid));
        for number in kernel::numbers(&dir) {
            let Ok(stat) = fs::stat(dir.join(number.to_string())) else { continue };
            let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
            if is_file && stat.st_nlink == 0 && seen.insert((stat.st_dev, stat.st_ino)) {
                sum += bytes(&stat);
            }
        }
    }
    sum
}

fn is_nearly_full(dir: &Path) -> bool {
    let Ok(disk) = fs::statvfs(dir) else { return false };
    let floor = FREE_FLOOR.min(disk.f_blocks * disk.f_frsize / 100);
    disk.f_bavail * disk.f_frsize < floor
}
