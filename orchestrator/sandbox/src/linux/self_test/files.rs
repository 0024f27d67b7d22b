//! Files, devices and kernel settings.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use super::{super::kernel, Task};

/// Devices without data, and terminals of the sandbox itself.
const HARMLESS: [&str; 10] =
    ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "fd"];

pub(super) fn probes(task: &Task) -> Vec<(&'static str, bool)> {
    let outside = &task.outside;
    vec![
        ("files outside cannot be read", File::open(outside).is_err()),
        ("files outside cannot be written", !can_write(outside)),
        (MODES, !can_change(outside)),
        ("the password file of the machine cannot be read", File::open("/etc/shadow").is_err()),
        ("kernel settings cannot be written", nothing_writable("/proc/sys", 6)),
        ("nothing of the kernel can be written under /proc", nothing_writable("/proc", 1)),
        ("nothing of its own process can be written", nothing_writable("/proc/self", 1)),
        ("nothing of the first process can be written", nothing_writable("/proc/1", 1)),
        ("nothing can be written under /sys", nothing_writable("/sys", 5)),
        ("kernel logs cannot be read", kernel_logs_are_closed()),
        ("devices cannot be opened", devices_are_closed()),
        ("the system cannot be written", system_is_closed()),
        ("no file can be created with set-user-ID", no_file_is_made_set_id()),
        ("no file can become set-user-ID", no_file_becomes_set_id()),
        ("no folder can be created with set-group-ID", no_folder_is_made_set_id()),
        ("the work folder can be written", File::create("self-test").is_ok()),
    ]
}

/// What Landlock alone cannot prevent: changing the modes of files of the job's own user.
pub(in super::super) const MODES: &str = "modes of files outside cannot be changed";

/// Sets the mode that the file has already.
fn can_change(path: &Path) -> bool {
    path.metadata().and_then(|found| std::fs::set_permissions(path, found.permissions())).is_ok()
}

/// Opens the file and writes nothing. A pipe or a device does not block it.
fn can_write(path: &Path) -> bool {
    OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
        .open(path)
        .is_ok()
}

/// Tests all files in `dir` down to `depth` folders. Links are not followed.
fn nothing_writable(dir: impl AsRef<Path>, depth: usize) -> bool {
    kernel::names(&dir).into_iter().all(|name| {
        let path = dir.as_ref().join(name);
        match path.symlink_metadata() {
            Ok(found) if found.is_dir() => depth == 0 || nothing_writable(&path, depth - 1),
            Ok(found) if found.is_symlink() => true,
            Ok(_) | Err(_) => !can_write(&path),
        }
    })
}

fn kernel_logs_are_closed() -> bool {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    ["/dev/kmsg", "/proc/kmsg", "/proc/kcore"].iter().all(|path| options.open(path).is_err())
}

fn devices_are_closed() -> bool {
    let is_open = |path: &Path| {
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let is_device = path.symlink_metadata().is_ok_and(|it| !it.is_dir() && !it.is_symlink());
        is_device && OpenOptions::new().read(true).custom_flags(flags).open(path).is_ok()
    };
    kernel::names("/dev")
        .into_iter()
        .filter(|name| !HARMLESS.iter().any(|harmless| name == harmless))
        .all(|name| !is_open(&Path::new("/dev").join(name)))
}

fn system_is_closed() -> bool {
    ["/usr/self-test", "/etc/self-test", "/self-test", "/dev/self-test", "/proc/self-test"]
        .iter()
        .all(|path| File::create(path).is_err())
}

fn is_set_id(path: &str) -> bool {
    Path::new(path).symlink_metadata().is_ok_and(|it| it.permissions().mode() & 0o6000 != 0)
}

fn no_file_is_made_set_id() -> bool {
    let make = |name: &str, mode| {
        let made = OpenOptions::new().write(true).create(true).mode(mode).open(name);
        let is_plain = made.is_err() || !is_set_id(name);
        let _ = std::fs::remove_file(name);
        is_plain
    };
    make("set-user", 0o4755) && make("set-group", 0o2755)
}

fn no_file_becomes_set_id() -> bool {
    let _ = File::create("set-id");
    let becomes = |mode| {
        let _ = std::fs::set_permissions("set-id", Permissions::from_mode(mode));
        is_set_id("set-id")
    };
    !becomes(0o4755) && !becomes(0o2755)
}

fn no_folder_is_made_set_id() -> bool {
    let _ = DirBuilder::new().mode(0o2755).create("set-id-folder");
    let _ = std::fs::create_dir("plain-folder");
    let _ = std::fs::set_permissions("plain-folder", Permissions::from_mode(0o2755));
    !is_set_id("set-id-folder") && !is_set_id("plain-folder")
}
