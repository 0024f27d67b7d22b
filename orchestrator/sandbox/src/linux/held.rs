//! Storage of processes that no folder shows: deleted files and sockets.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rustix::fs::{self, FileType, Stat, makedev};

use super::{kernel, processes::Process};

/// Unit of `st_blocks`.
const BLOCK: u64 = 512;

/// Maximal number of bytes that wait in one local socket: twice the kernel's default `wmem_max`.
const SOCKET_BYTES: u64 = 2 * 212_992;

/// Device and inode.
type Identity = (u64, u64);

/// A sum over all processes. Each file and socket counts once.
#[derive(Debug, Default)]
pub(super) struct HiddenUsage {
    /// Bytes of files that were deleted and are still open or mapped.
    pub(super) deleted_bytes: u64,
    /// Bytes that may wait in sockets.
    pub(super) socket_bytes: u64,
    /// Descriptors that were sent and not received. The files behind them are not visible.
    pub(super) in_flight: u64,
}

/// Checks every descriptor and mapping of `alive`.
pub(super) fn look(alive: &[Process]) -> HiddenUsage {
    let mut held = HiddenUsage::default();
    let mut files = BTreeSet::new();
    let mut sockets = BTreeSet::new();
    let mut mapped: BTreeMap<Identity, u64> = BTreeMap::new();
    for process in alive {
        let pid = process.pid;
        let dir = format!("/proc/{pid}/fd");
        for number in kernel::numbers(&dir) {
            let Ok(stat) = fs::stat(Path::new(&dir).join(number.to_string())) else { continue };
            let kind = FileType::from_raw_mode(stat.st_mode);
            let identity = (stat.st_dev, stat.st_ino);
            if kind == FileType::RegularFile && stat.st_nlink == 0 && files.insert(identity) {
                held.deleted_bytes += bytes(&stat);
            } else if kind == FileType::Socket && sockets.insert(identity) {
                held.in_flight += in_flight(pid, number);
            }
        }
        for (identity, length) in mapped_deleted(pid) {
            let longest = mapped.entry(identity).or_default();
            *longest = length.max(*longest);
        }
    }
    // The kernel shows the size of a mapped file only to privileged processes, so the length of the
    // mapping is used.
    let unseen = mapped.into_iter().filter(|(identity, _)| !files.contains(identity));
    held.deleted_bytes += unseen.map(|(_, length)| length).sum::<u64>();
    held.socket_bytes = sockets.len() as u64 * SOCKET_BYTES;
    held
}

/// Bytes on the disk.
pub(super) fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK
}

/// Descriptors that wait in a local socket; 0 if the kernel (before 5.7) does not report it.
fn in_flight(pid: i32, number: i32) -> u64 {
    let info = kernel::read(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
    kernel::keyed(&info, "scm_fds").unwrap_or(0)
}

/// Deleted files that a process has mapped, with the number of mapped bytes.
fn mapped_deleted(pid: i32) -> BTreeMap<Identity, u64> {
    let maps = kernel::read(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mut found = BTreeMap::new();
    for (identity, length) in maps.lines().filter_map(deleted_mapping) {
        *found.entry(identity).or_default() += length;
    }
    found
}

/// `start-end rights offset major:minor inode path (deleted)`. Files in memory are not on a disk
/// and count as memory.
fn deleted_mapping(line: &str) -> Option<(Identity, u64)> {
    const IN_MEMORY: [&str; 3] = ["/memfd:", "/dev/zero", "/SYSV"];
    let mut fields = line.strip_suffix(" (deleted)")?.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (major, minor) = fields.nth(2)?.split_once(':')?;
    let inode = fields.next()?.parse().ok()?;
    let path = fields.next()?;
    if IN_MEMORY.iter().any(|prefix| path.starts_with(prefix)) {
        return None;
    }
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let device =
        makedev(u32::from_str_radix(major, 16).ok()?, u32::from_str_radix(minor, 16).ok()?);
    Some(((device, inode), hex(end)?.checked_sub(hex(start)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_of_a_deleted_file_is_distinguished_from_memory() {
        let line = "7f0000000000-7f0000002000 rw-s 00000000 08:01 77    /tmp/a b (deleted)";
        assert_eq!(deleted_mapping(line), Some(((makedev(8, 1), 77), 0x2000)));
        for line in [
            "7f0000000000-7f0000002000 rw-s 00000000 08:01 77    /tmp/a",
            "7f0000000000-7f0000002000 rw-s 00000000 00:01 9     /memfd:x (deleted)",
            "7f0000000000-7f0000002000 rw-s 00000000 00:01 9     /dev/zero (deleted)",
            "7f0000000000-7f0000002000 rw-p 00000000 00:00 0",
        ] {
            assert_eq!(deleted_mapping(line), None, "{line}");
        }
    }
}
