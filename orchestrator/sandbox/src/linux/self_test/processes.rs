//! Other processes, privileges and namespaces.

use std::{
    fs::{File, OpenOptions},
    io::Read as _,
};

use rustix::{
    process::{Pid, Resource, Rlimit, getrlimit, prlimit, test_kill_process},
    thread::{UnshareFlags, capabilities},
};

use super::{super::kernel, Task};

pub(super) fn probes(task: &Task) -> Vec<(&'static str, bool)> {
    let outside = Pid::from_raw(task.process);
    let limit = Rlimit { current: Some(0), maximum: None };
    vec![
        ("memory of other processes cannot be read", others(|pid| cannot_open(pid, "mem"))),
        ("environments of other processes cannot be read", others(has_no_environment)),
        ("memory maps of other processes cannot be read", others(|pid| is_empty(pid, "maps"))),
        ("files of other processes cannot be reached", others(has_no_files)),
        (
            "processes outside get no signals",
            outside.is_some_and(|pid| test_kill_process(pid).is_err()),
        ),
        (
            "limits of processes outside cannot be set",
            prlimit(outside, Resource::Core, limit).is_err(),
        ),
        ("there are no capabilities", has_no_capabilities()),
        ("no program gains privileges", status("self", "NoNewPrivs") == Some(1)),
        ("system calls are filtered", is_filtered("self")),
        ("system calls of the first process are filtered", !task.namespaces || is_filtered("1")),
        ("processes are limited", getrlimit(Resource::Nproc).current.is_some()),
        ("no namespace of users can be made", !unshare(UnshareFlags::NEWUSER)),
        ("no namespace of mounts can be made", !unshare(UnshareFlags::NEWNS)),
        ("nothing can be mounted", rustix::mount::mount_bind("/usr", ".").is_err()),
        ("the root folder cannot be changed", rustix::process::chroot(".").is_err()),
    ]
}

fn status(pid: &str, key: &str) -> Option<u64> {
    kernel::keyed(&kernel::read(format!("/proc/{pid}/status")).ok()?, key)
}

/// Whether the process has a seccomp filter.
pub(super) fn is_filtered(pid: &str) -> bool {
    status(pid, "Seccomp") == Some(2)
}

fn others(mut holds: impl FnMut(i32) -> bool) -> bool {
    let own = std::process::id().cast_signed();
    kernel::numbers("/proc").filter(|pid| *pid != own).all(&mut holds)
}

fn cannot_open(pid: i32, file: &str) -> bool {
    let path = format!("/proc/{pid}/{file}");
    File::open(&path).is_err() && OpenOptions::new().write(true).open(&path).is_err()
}

fn is_empty(pid: i32, file: &str) -> bool {
    let mut byte = [0];
    // Threads of the kernel have nothing to read.
    File::open(format!("/proc/{pid}/{file}")).and_then(|mut it| it.read(&mut byte)).unwrap_or(0)
        == 0
}

fn has_no_environment(pid: i32) -> bool {
    is_empty(pid, "environ")
}

/// The numbers of open files may be visible. Their targets must not be visible or usable.
fn has_no_files(pid: i32) -> bool {
    let process = format!("/proc/{pid}");
    let files = kernel::numbers(format!("{process}/fd"));
    files
        .map(|number| format!("{process}/fd/{number}"))
        .all(|file| std::fs::read_link(file).is_err())
        && kernel::names(format!("{process}/root")).is_empty()
        && kernel::names(format!("{process}/cwd")).is_empty()
}

fn has_no_capabilities() -> bool {
    capabilities(None).is_ok_and(|held| held.effective.is_empty() && held.permitted.is_empty())
}

#[expect(deprecated, reason = "deprecated for shared file descriptors, which are not unshared")]
fn unshare(flags: UnshareFlags) -> bool {
    rustix::thread::unshare(flags).is_ok()
}
