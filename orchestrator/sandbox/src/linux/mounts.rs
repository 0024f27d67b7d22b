//! The files of the machine as a job in the built-in namespaces sees them: read-only except for its
//! own folders, with a few replaced settings.
//!
//! Landlock cannot protect a file's mode or times, and it cannot show a folder below one that the
//! job's user may not enter. A mount namespace does both.

use std::{
    collections::BTreeSet,
    io,
    os::{fd::OwnedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::CWD,
    mount::{
        MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind,
        mount_bind_recursive, mount_change, mount_remount, move_mount, open_tree,
    },
};

use super::{
    kernel::{Mount, mounts},
    view::View,
};

/// Creates the view in the mount namespace of this process. `closed_to_job` says that the job has
/// another user, so that folders that only this user may enter must be opened.
pub(super) fn mount_view(view: &View, closed_to_job: bool) -> Result<(), String> {
    let failed = |what: &Path, error: io::Error| format!("cannot show {}: {error}", what.display());
    let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    mount_change("/", private).map_err(|error| failed(Path::new("/"), error.into()))?;
    if closed_to_job {
        open_closed_folders(view)?;
    }
    for dir in &view.read_write {
        mount_bind_recursive(dir, dir).map_err(|error| failed(dir, error.into()))?;
    }
    for (file, at) in &view.replaced {
        // A setting that does not exist on the machine stays absent.
        if let Ok(at) = at.canonicalize() {
            mount_bind(file, &at).map_err(|error| failed(&at, error.into()))?;
        }
    }
    let is_written =
        |mount: &Mount| view.read_write.iter().any(|dir| Path::new(&mount.point).starts_with(dir));
    for mount in mounts() {
        let write = if is_written(&mount) { MountFlags::empty() } else { MountFlags::RDONLY };
        let flags = MountFlags::BIND | write | MountFlags::NOSUID | kept_flags(&mount.options);
        match mount_remount(mount.point.as_str(), flags, c"") {
            Err(error) if mount.point == "/" => return Err(failed(Path::new("/"), error.into())),
            // A path below another mount cannot be reached at all.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// A remount replaces all flags.
fn kept_flags(options: &str) -> MountFlags {
    let flag = |option| match option {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        _ => MountFlags::empty(),
    };
    options.split(',').map(flag).collect()
}

/// Covers each folder that others may not enter, and that contains something of `view`, by an empty
/// folder, and puts the visible parts back into it.
fn open_closed_folders(view: &View) -> Result<(), String> {
    let shown = || view.read_only.iter().chain(&view.read_write);
    let closed: BTreeSet<PathBuf> = shown().filter_map(|path| closed_ancestor(path)).collect();
    let shown = shown().filter(|path| closed.iter().any(|dir| path.starts_with(dir)));
    let failed = |what: &Path, error: io::Error| format!("cannot show {}: {error}", what.display());
    let mut kept: Vec<(&Path, OwnedFd)> = Vec::new();
    for path in shown {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_RECURSIVE;
        let tree = open_tree(CWD, path, flags).map_err(|error| failed(path, error.into()))?;
        kept.push((path, tree));
    }
    for dir in &closed {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("none", dir, "tmpfs", flags, c"mode=0755,size=1m")
            .map_err(|error| failed(dir, error.into()))?;
    }
    for (path, tree) in kept {
        put_back(path, &tree).map_err(|error| failed(path, error))?;
    }
    Ok(())
}

/// The outermost folder above `path`, or `path` itself, that others may not enter.
pub(super) fn closed_ancestor(path: &Path) -> Option<PathBuf> {
    let is_closed = |dir: &&Path| {
        dir.metadata().is_ok_and(|found| found.is_dir() && found.permissions().mode() & 0o001 == 0)
    };
    let above: Vec<&Path> = path.ancestors().skip(1).collect();
    above.into_iter().rev().find(is_closed).map(Path::to_owned)
}

fn put_back(path: &Path, tree: &OwnedFd) -> io::Result<()> {
    let is_dir = rustix::fs::fstat(tree)
        .map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())?;
    if is_dir {
        std::fs::create_dir_all(path)?;
    } else {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::File::create(path)?;
    }
    Ok(move_mount(tree, c"", CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}
