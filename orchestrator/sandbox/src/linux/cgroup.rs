//! Control groups, if this user may create them. The kernel enforces their limits.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    kernel::{self, Mount},
    limiter::OVERHEAD,
};
use crate::{Ended, LimiterKind, Limits};

/// The prefix of the names of all groups, which end with the process id of the supervisor.
const PREFIX: &str = "tsuku-batch-";

/// Microseconds: the kernel's own default.
const CPU_PERIOD: u64 = 100_000;

/// The groups of one job, which are removed when this value is dropped.
#[derive(Debug)]
pub(super) struct Cgroup {
    version: LimiterKind,
    memory: PathBuf,
    pids: PathBuf,
    /// Folders to remove.
    all: Vec<PathBuf>,
}

impl Cgroup {
    /// Creates groups below the groups of this process, or, for version 2, beside or above them.
    pub(super) fn create_v2(limits: &Limits) -> io::Result<Self> {
        let own = own_path("").ok_or(io::ErrorKind::NotFound)?;
        let mounts = kernel::mounts();
        let mount =
            mounts.iter().find(|mount| mount.kind == "cgroup2").ok_or(io::ErrorKind::NotFound)?;
        let own = below(mount, &own);
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for parent in own.ancestors().take_while(|dir| dir.starts_with(&mount.point)) {
            match make_v2(parent, limits) {
                Ok(group) => return Ok(group),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Creates groups in the hierarchies of memory, processes and, if it exists, processors.
    pub(super) fn create_v1(limits: &Limits) -> io::Result<Self> {
        let mounts = kernel::mounts();
        let memory = make_v1(&mounts, "memory")?;
        // From here on, an error removes the created groups.
        let mut group = Self {
            version: LimiterKind::CgroupV1,
            all: vec![memory.clone()],
            pids: memory.clone(),
            memory,
        };
        group.pids = make_v1(&mounts, "pids")?;
        group.all.push(group.pids.clone());
        limit_v1(&group.memory, &group.pids, limits)?;
        if let Ok(cpu) = make_v1(&mounts, "cpu") {
            // Without a quota the job is still limited to a number of processors.
            let quota = (u64::from(limits.cpus) * CPU_PERIOD).to_string();
            let _ = kernel::write(cpu.join("cpu.cfs_quota_us"), &quota);
            group.all.push(cpu);
        }
        Ok(group)
    }

    /// The files by which a process joins these groups.
    pub(super) fn procs(&self) -> Vec<PathBuf> {
        self.all.iter().map(|dir| dir.join("cgroup.procs")).collect()
    }

    /// The limit that was reached, if any.
    pub(super) fn reached(&self) -> Option<Ended> {
        let count = |file: PathBuf, key| {
            kernel::read(file).ok().and_then(|text| kernel::keyed(&text, key)).unwrap_or(0)
        };
        let events = match self.version {
            LimiterKind::CgroupV1 => "memory.oom_control",
            LimiterKind::CgroupV2 | LimiterKind::Watchdog => "memory.events",
        };
        if count(self.memory.join(events), "oom_kill") > 0 {
            return Some(Ended::OutOfMemory);
        }
        (count(self.pids.join("pids.events"), "max") > 0).then_some(Ended::TooManyProcesses)
    }

    /// Removes the groups. They are busy until the last process in them has been removed.
    pub(super) async fn remove(mut self) {
        const TRIES: usize = 50;
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        for _ in 0..TRIES {
            self.all.retain(|dir| std::fs::remove_dir(dir).is_err() && dir.exists());
            if self.all.is_empty() {
                return;
            }
            pause.tick().await;
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for dir in &self.all {
            // The next supervisor removes groups that are busy now.
            let _ = std::fs::remove_dir(dir);
        }
    }
}

fn make_v2(parent: &Path, limits: &Limits) -> io::Result<Cgroup> {
    // If the controllers are not enabled yet, this may enable them. A group with processes refuses
    // it.
    let _ = kernel::write(parent.join("cgroup.subtree_control"), "+memory +pids");
    let _ = kernel::write(parent.join("cgroup.subtree_control"), "+cpu");
    let dir = make(parent)?;
    let group = Cgroup {
        version: LimiterKind::CgroupV2,
        memory: dir.clone(),
        pids: dir.clone(),
        all: vec![dir.clone()],
    };
    if !dir.join("memory.max").exists() || !dir.join("pids.max").exists() {
        return Err(io::Error::other("the controllers for memory and processes are not available"));
    }
    kernel::write(dir.join("memory.max"), &limits.memory_bytes.to_string())?;
    kernel::write(dir.join("pids.max"), &(limits.processes + OVERHEAD).to_string())?;
    // An older kernel, or one without swap accounting, does not have these.
    let _ = kernel::write(dir.join("memory.swap.max"), "0");
    let _ = kernel::write(dir.join("memory.oom.group"), "1");
    let quota = format!("{} {CPU_PERIOD}", u64::from(limits.cpus) * CPU_PERIOD);
    let _ = kernel::write(dir.join("cpu.max"), &quota);
    Ok(group)
}

fn make_v1(mounts: &[Mount], controller: &str) -> io::Result<PathBuf> {
    let has = |mount: &&Mount| {
        mount.kind == "cgroup" && mount.fs_options.split(',').any(|option| option == controller)
    };
    let mount = mounts.iter().find(has).ok_or(io::ErrorKind::NotFound)?;
    let own = own_path(controller).ok_or(io::ErrorKind::NotFound)?;
    make(&below(mount, &own))
}

fn limit_v1(memory: &Path, pids: &Path, limits: &Limits) -> io::Result<()> {
    let bytes = limits.memory_bytes.to_string();
    kernel::write(memory.join("memory.limit_in_bytes"), &bytes)?;
    // Only with swap accounting.
    let _ = kernel::write(memory.join("memory.memsw.limit_in_bytes"), &bytes);
    kernel::write(pids.join("pids.max"), &(limits.processes + OVERHEAD).to_string())
}

/// Creates a group in `parent`, and removes groups whose supervisor was killed.
fn make(parent: &Path) -> io::Result<PathBuf> {
    for name in kernel::names(parent) {
        let left = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if left.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            // Only an empty group can be removed.
            let _ = std::fs::remove_dir(parent.join(&name));
        }
    }
    let dir = parent.join(format!("{PREFIX}{}", std::process::id()));
    std::fs::create_dir(&dir)?;
    Ok(dir)
}

/// The group of this process in the hierarchy of `controller`. An empty name means version 2.
fn own_path(controller: &str) -> Option<String> {
    let groups = kernel::read("/proc/self/cgroup").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let is_it = fields.next()?.split(',').any(|name| name == controller);
        is_it.then(|| fields.next().map(str::to_owned)).flatten()
    })
}

/// The folder of the group `path`. In a container the mount may show only a part of the hierarchy,
/// and the kernel may name a group that is not visible.
fn below(mount: &Mount, path: &str) -> PathBuf {
    let point = PathBuf::from(&mount.point);
    let inside = Path::new(path).strip_prefix(&mount.root).unwrap_or(Path::new(""));
    Some(point.join(inside)).filter(|dir| dir.is_dir()).unwrap_or(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_the_mount_does_not_show_becomes_the_mount_itself() {
        let mount = Mount {
            root: "/container".into(),
            point: "/proc".into(),
            options: String::new(),
            kind: "cgroup".into(),
            fs_options: "rw,memory".into(),
        };
        assert_eq!(below(&mount, "/container/self"), Path::new("/proc/self"));
        assert_eq!(below(&mount, "/container/not-there"), Path::new("/proc"));
        assert_eq!(below(&mount, "/elsewhere"), Path::new("/proc"));
    }
}
