//! The user of a job. A job is never root outside of the sandbox.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use rustix::{
    process::geteuid,
    thread::{CapabilitySet, capabilities},
};

use super::kernel;

/// The first user id of jobs if all ids are mapped. systemd leaves 1879048192 to 2147483647 unused.
const FIRST: u32 = 1_900_000_000;

/// As many ids as Linux has process ids, so that every supervisor has its own.
const COUNT: u32 = 1 << 22;

/// If fewer ids are mapped, as in a container with its own users, this many of the last ones.
const FEW: u32 = 1 << 14;

/// The capabilities that root needs to give a job to another user and to control it.
const NEEDED: [(CapabilitySet, &str); 5] = [
    (CapabilitySet::SETUID, "CAP_SETUID"),
    (CapabilitySet::SETGID, "CAP_SETGID"),
    (CapabilitySet::CHOWN, "CAP_CHOWN"),
    (CapabilitySet::DAC_OVERRIDE, "CAP_DAC_OVERRIDE"),
    (CapabilitySet::KILL, "CAP_KILL"),
];

/// The user of a job in `work_dir`; `None` when this program is not root, so that the job keeps its
/// user. All jobs of one work folder have the same user, because each must read the files of the
/// earlier ones. The error says why root cannot become another user.
pub(super) fn of_job(work_dir: &Path) -> Result<Option<u32>, String> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let held = capabilities(None).map_err(|error| format!("cannot read capabilities: {error}"))?;
    for (capability, name) in NEEDED {
        if !held.effective.contains(capability) {
            return Err(format!("a root user needs {name} to run a job as another user"));
        }
    }
    let (first, count) = range()?;
    let owner = work_dir.metadata().map_err(|error| format!("the work folder: {error}"))?.uid();
    let is_ours = (first..first + count).contains(&owner);
    let new = first + std::process::id() % count;
    Ok(Some(if is_ours { owner } else { new }))
}

fn range() -> Result<(u32, u32), String> {
    let maps = ["uid_map", "gid_map"].map(|map| kernel::read(format!("/proc/self/{map}")));
    let [users, groups] = maps.map(|map| extents(&map.unwrap_or_default()));
    let common = users.iter().find_map(|user| within(*user, &groups));
    common.ok_or_else(|| "only the user id of root is mapped here".to_owned())
}

/// Lines of `inside outside count`; returns inside and count.
fn extents(map: &str) -> Vec<(u32, u32)> {
    let extent = |line: &str| {
        let mut fields = line.split_whitespace().map(|field| field.parse().ok());
        let (first, count) = (fields.next()??, fields.nth(1)??);
        Some((first, count))
    };
    map.lines().filter_map(extent).collect()
}

/// Ids of `users` that are also group ids in `groups`.
fn within((first, count): (u32, u32), groups: &[(u32, u32)]) -> Option<(u32, u32)> {
    let has = |(first, count): (u32, u32), start: u32, n: u32| {
        first <= start && u64::from(start) + u64::from(n) <= u64::from(first) + u64::from(count)
    };
    let last = first.saturating_add(count).saturating_sub(FEW);
    [(FIRST, COUNT), (last, FEW)].into_iter().find(|&(start, n)| {
        start > 1000 && has((first, count), start, n) && groups.iter().any(|&it| has(it, start, n))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_where_they_are_mapped() {
        let all = extents("         0          0 4294967295\n");
        assert_eq!(within(all[0], &all), Some((FIRST, COUNT)));
        let container = extents("0 100000 65536");
        assert_eq!(within(container[0], &container), Some((65536 - FEW, FEW)));
        let own = extents("0 1000 1");
        assert_eq!(within(own[0], &own), None);
        assert_eq!(within(container[0], &own), None);
    }
}
