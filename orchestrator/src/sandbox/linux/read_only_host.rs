//! The whole machine read-only, for the Landlock backend of a root user.
//!
//! Landlock knows no right to change a file's mode or times. For a user that leaves the user's own
//! files; for root it would leave everything. Root may make a mount namespace, so it does.

use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount_bind_recursive, mount_change, mount_remount},
    process::geteuid,
    thread::UnshareFlags,
};

use super::{
    kernel::{Mount, mounts},
    view::View,
};

/// Makes every mount but the writable folders of `view` read-only. Nothing happens for a user
/// other than root, and for a root without the right to mount, as in most containers.
pub(super) fn make(view: &View) -> Result<(), String> {
    if !geteuid().is_root() || !own_mounts() {
        return Ok(());
    }
    let failed = |what: &str, error| format!("cannot make {what} read-only: {error}");
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private).map_err(|error| failed("/", error))?;
    for dir in &view.read_write {
        mount_bind_recursive(dir, dir).map_err(|error| failed(&dir.to_string_lossy(), error))?;
    }
    let is_written = |mount: &Mount| view.read_write.iter().any(|dir| mount_is_below(mount, dir));
    for mount in mounts().iter().filter(|mount| !is_written(mount)) {
        let flags = MountFlags::BIND | MountFlags::RDONLY | kept_flags(&mount.options);
        match mount_remount(mount.point.as_str(), flags, c"") {
            // One that lies below another mount cannot be reached at all.
            Err(error) if mount.point == "/" => return Err(failed("/", error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[expect(deprecated, reason = "deprecated for shared file descriptors, which are not unshared")]
fn own_mounts() -> bool {
    rustix::thread::unshare(UnshareFlags::NEWNS).is_ok()
}

fn mount_is_below(mount: &Mount, dir: &std::path::Path) -> bool {
    std::path::Path::new(&mount.point).starts_with(dir)
}

/// A remount sets all flags anew.
fn kept_flags(options: &str) -> MountFlags {
    let flag = |option| match option {
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    };
    options.split(',').map(flag).collect()
}
