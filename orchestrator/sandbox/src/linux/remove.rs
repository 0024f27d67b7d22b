//! Removes everything that a job left, in whatever state.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};

/// Folders at this depth are moved up before they are entered, because each level needs an open
/// file.
const DEPTH: usize = 64;

/// Removes a folder and everything in it, including folders without rights and folders of any
/// depth. Links are never followed. A folder that does not exist is no error.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    let top = match open_dir(CWD, dir) {
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        opened => opened?,
    };
    let mut removal = Removal { top: top.fd()?.try_clone_to_owned()?, moved: 0 };
    loop {
        let moved = removal.moved;
        removal.empty(open_dir(CWD, dir)?, 0)?;
        if removal.moved == moved {
            break;
        }
    }
    std::fs::remove_dir(dir)
}

struct Removal {
    top: std::os::fd::OwnedFd,
    moved: u64,
}

impl Removal {
    fn empty(&mut self, mut dir: Dir, depth: usize) -> io::Result<()> {
        let mut names = Vec::new();
        while let Some(entry) = dir.read() {
            let name = entry?.file_name().to_owned();
            if name.as_c_str() != c"." && name.as_c_str() != c".." {
                names.push(name);
            }
        }
        let here = dir.fd()?;
        for name in &names {
            let stat = fs::statat(here, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                fs::unlinkat(here, name, AtFlags::empty())?;
            } else if depth >= DEPTH {
                let up = PathBuf::from(format!(".removed-{}", self.moved));
                make_accessible(here, name);
                fs::renameat(here, name, &self.top, &up)?;
                self.moved += 1;
            } else {
                self.empty(open_dir(here, name)?, depth + 1)?;
                fs::unlinkat(here, name, AtFlags::REMOVEDIR)?;
            }
        }
        Ok(())
    }
}

/// A folder without rights gets them back.
fn open_dir<P: rustix::path::Arg + Copy>(
    at: impl std::os::fd::AsFd,
    path: P,
) -> rustix::io::Result<Dir> {
    make_accessible(&at, path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Dir::new(fs::openat(at, path, flags, Mode::empty())?)
}

fn make_accessible<P: rustix::path::Arg + Copy>(at: impl std::os::fd::AsFd, path: P) {
    let is_dir = fs::statat(&at, path, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
    if is_dir {
        // All processes that could replace it by a link are dead. If this fails, opening reports
        // the error.
        let _ = fs::chmodat(at, path, Mode::RWXU, AtFlags::empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_without_rights_and_links_are_removed_and_nothing_behind_them() {
        let outside = tempfile::tempdir().unwrap();
        let kept = outside.path().join("kept");
        std::fs::create_dir(&kept).unwrap();
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("left");
        std::fs::create_dir_all(dir.join("locked/inner")).unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.join("link")).unwrap();
        fs::chmod(dir.join("locked"), Mode::empty()).unwrap();
        remove_tree(&dir).unwrap();
        assert!(!dir.exists() && kept.exists());
        remove_tree(&dir).unwrap();
    }

    #[test]
    fn nesting_deeper_than_any_path_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("left");
        std::fs::create_dir(&dir).unwrap();
        let mut at = fs::open(&dir, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        for _ in 0..3000 {
            fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = fs::openat(&at, "d", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
        }
        remove_tree(&dir).unwrap();
        assert!(!dir.exists());
    }
}
