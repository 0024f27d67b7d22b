//! Changes the owner of files that root gives to the user of a job.

use std::{ffi::CString, io, os::fd::AsFd, path::Path};

use rustix::{
    fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags},
    process::{Gid, Uid, geteuid},
};

/// Makes `user` the owner of `dir` and of everything in it that belongs to this process's user.
/// Links are never followed, because an earlier job may have written them.
///
/// Other names of the same file change their owner too, so no file outside may be hard-linked into
/// `dir`.
pub(super) fn change_owner(dir: &Path, user: u32) -> io::Result<()> {
    let new = (Uid::from_raw(user), Gid::from_raw(user));
    change(CWD, dir, new)?;
    let mut folders = vec![Dir::new(open(CWD, dir)?)?];
    while let Some(folder) = folders.last_mut() {
        let Some(entry) = folder.read() else {
            folders.pop();
            continue;
        };
        let name: CString = entry?.file_name().to_owned();
        if name.as_c_str() == c"." || name.as_c_str() == c".." {
            continue;
        }
        let here = folder.fd()?;
        let stat = fs::statat(here, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        if stat.st_uid == geteuid().as_raw() {
            change(here, &name, new)?;
        }
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let below = open(here, &name)?;
            folders.push(Dir::new(below)?);
        }
    }
    Ok(())
}

fn change<P: rustix::path::Arg>(
    at: impl AsFd,
    path: P,
    (user, group): (Uid, Gid),
) -> io::Result<()> {
    Ok(fs::chownat(at, path, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?)
}

fn open<P: rustix::path::Arg>(at: impl AsFd, path: P) -> io::Result<std::os::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(at, path, flags, Mode::empty())?)
}
