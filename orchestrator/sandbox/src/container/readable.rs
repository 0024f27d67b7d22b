//! Lets the user of a container read the files that this program unpacked for it.

use std::{io, path::Path};

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};

/// Deeper folders are refused.
const DEPTH: usize = 200;

/// Lets every user read everything in `dir`, and run what its owner may run. The folder above `dir`
/// keeps other users of the machine out. Links are not followed. No job may write to `dir`
/// meanwhile.
pub(super) fn make_readable(dir: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = fs::openat(CWD, dir, flags, Mode::empty())?;
    below(&folder, 0)
}

fn below(folder: &rustix::fd::OwnedFd, depth: usize) -> io::Result<()> {
    if depth > DEPTH {
        return Err(io::Error::other("its folders are too deep in each other"));
    }
    let all_may = Mode::RUSR | Mode::RGRP | Mode::ROTH;
    let all_enter = all_may | Mode::XUSR | Mode::XGRP | Mode::XOTH;
    fs::fchmod(folder, Mode::from_raw_mode(fs::fstat(folder)?.st_mode) | all_enter)?;
    let mut entries = Dir::read_from(folder)?;
    while let Some(entry) = entries.read() {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() == c"." || name.as_c_str() == c".." {
            continue;
        }
        let stat = fs::statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                // Its owner may be locked out too.
                fs::chmodat(folder, &name, mode | Mode::RWXU, AtFlags::empty())?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                below(&fs::openat(folder, &name, flags, Mode::empty())?, depth + 1)?;
            }
            FileType::RegularFile => {
                let is_program = mode.contains(Mode::XUSR);
                let wanted = mode | if is_program { all_enter } else { all_may };
                fs::chmodat(folder, &name, wanted, AtFlags::empty())?;
            }
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn everything_inside_can_be_read_and_nothing_outside_changes() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret");
        let dir = outside.path().join("job");
        std::fs::create_dir_all(dir.join("locked")).unwrap();
        for (file, mode) in
            [(&secret, 0o600), (&dir.join("locked/text"), 0o200), (&dir.join("program"), 0o700)]
        {
            std::fs::File::create(file).unwrap();
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink(&secret, dir.join("link")).unwrap();
        let locked = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(dir.join("locked"), locked).unwrap();
        make_readable(&dir).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&secret), 0o600);
        assert_eq!(mode(&dir.join("locked")), 0o755);
        assert_eq!(mode(&dir.join("locked/text")), 0o644);
        assert_eq!(mode(&dir.join("program")), 0o755);
        assert!(make_readable(&dir.join("link")).is_err());
    }
}
