//! Unpacks archives, and treats each of them as an attempt to write outside the work folder.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink},
    path::{Component, Path, PathBuf},
};

use batch_core::io::archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, read_tar};

use super::{StepError, path};

/// Read, write and execute, without setuid, setgid and sticky.
const PLAIN_BITS: u32 = 0o777;

/// Unpacks the tar `archive` into the folder `to`.
pub(super) fn unpack(work: &Path, archive: &str, to: &str) -> Result<(), StepError> {
    let archive = path::inside(work, archive)?;
    let to = path::folder_inside(work, to)?;
    let file =
        File::open(&archive).map_err(|source| StepError::Disk { path: archive.clone(), source })?;
    let unpacker = Unpacker { work, to: &to };
    let mut refused = None;
    let read = read_tar(file, &ArchiveLimits::default(), &mut |entry, content| match unpacker
        .entry(entry, content)
    {
        Ok(()) => Ok(Flow::Continue),
        Err(error) => {
            refused = Some(error);
            Ok(Flow::Stop)
        }
    });
    match refused {
        Some(error) => Err(error),
        None => read.map_err(|error: ArchiveError| StepError::Archive(error.to_string())),
    }
}

struct Unpacker<'a> {
    work: &'a Path,
    to: &'a Path,
}

impl Unpacker<'_> {
    fn entry(&self, entry: &Entry, content: &mut dyn Read) -> Result<(), StepError> {
        let at = &entry.path;
        if entry.kind == EntryKind::Dir {
            return path::folder_inside(self.to, at).map(|_| ());
        }
        let path = path::inside(self.to, at)?;
        let failed = |source: io::Error| {
            use io::ErrorKind::{AlreadyExists, InvalidData, Other, UnexpectedEof};
            if source.kind() == AlreadyExists {
                return StepError::Archive(format!("{at} exists already"));
            }
            // Errors that the archive's reader finds come through the content.
            if matches!(source.kind(), InvalidData | Other | UnexpectedEof) {
                return StepError::Archive(format!("{at}: {source}"));
            }
            StepError::Disk { path: path.clone(), source }
        };
        match &entry.kind {
            EntryKind::Dir => Ok(()),
            EntryKind::File => write(&path, entry.mode, content).map_err(failed),
            EntryKind::Symlink(target) => {
                self.check_target(&path, target)?;
                symlink(target, &path).map_err(failed)
            }
            EntryKind::HardLink(target) => {
                let target = path::inside(self.to, target)?;
                let is_file = fs::symlink_metadata(&target).is_ok_and(|file| file.is_file());
                if !is_file {
                    return Err(StepError::Archive(format!(
                        "{at} links to a file that does not exist"
                    )));
                }
                fs::hard_link(target, &path).map_err(failed)
            }
            EntryKind::Other => {
                Err(StepError::Archive(format!("{at} is not a file, folder or link")))
            }
        }
    }

    /// Refuses a link whose target is outside the work folder, directly or through another link.
    fn check_target(&self, link: &Path, target: &str) -> Result<(), StepError> {
        let outside = || {
            let at = link.strip_prefix(self.to).unwrap_or(link);
            StepError::Archive(format!("{} leads outside, to {target:?}", at.display()))
        };
        let mut reached: PathBuf = link.parent().unwrap_or(link).to_owned();
        for part in Path::new(target).components() {
            match part {
                Component::CurDir => {}
                Component::Normal(part) => reached.push(part),
                Component::ParentDir => {
                    // The folder above a link differs from what the text of the path says.
                    if fs::symlink_metadata(&reached).is_ok_and(|file| file.is_symlink()) {
                        return Err(outside());
                    }
                    reached.pop();
                }
                Component::RootDir | Component::Prefix(_) => return Err(outside()),
            }
            if !reached.starts_with(self.work) {
                return Err(outside());
            }
        }
        Ok(())
    }
}

fn write(path: &Path, mode: u32, content: &mut dyn Read) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    io::copy(content, &mut file)?;
    // A file that its owner cannot read could be neither relocated nor verified.
    file.set_permissions(Permissions::from_mode(mode & PLAIN_BITS | 0o400))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of a tar: type, path, target, mode.
    type Row<'a> = (u8, &'a str, &'a str, u32);

    fn archive(rows: &[Row<'_>]) -> Vec<u8> {
        let mut builder = tar::Builder::new(vec![]);
        for &(kind, path, target, mode) in rows {
            let mut header = tar::Header::new_gnu();
            let text: &[u8] = if kind == b'0' { b"text" } else { b"" };
            header.set_entry_type(tar::EntryType::new(kind));
            header.set_size(u64::try_from(text.len()).unwrap());
            header.set_mode(mode);
            // Written directly, because the crate refuses hostile names.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            let links = &mut header.as_gnu_mut().unwrap().linkname;
            links[..target.len()].copy_from_slice(target.as_bytes());
            header.set_cksum();
            builder.append(&header, text).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(rows: &[Row<'_>]) -> (tempfile::TempDir, Result<(), StepError>) {
        let work = tempfile::tempdir().unwrap();
        let mut file = File::create(work.path().join("a.tar")).unwrap();
        io::Write::write_all(&mut file, &archive(rows)).unwrap();
        let done = unpack(work.path(), "a.tar", "p/to");
        (work, done)
    }

    #[test]
    fn files_folders_and_links_inside_are_unpacked_without_special_bits() {
        let (work, done) = unpacked(&[
            (b'5', "x/", "", 0o555),
            (b'0', "x/bin/tool", "", 0o4755),
            (b'0', "x/readme", "", 0o000),
            (b'2', "x/bin/link", "tool", 0o777),
            (b'2', "x/bin/other", "../../../opt/y/bin/y", 0o777),
            (b'1', "x/bin/hard", "x/bin/tool", 0o755),
        ]);
        done.unwrap();
        let mode = |path: &str| {
            let file = fs::metadata(work.path().join("p/to").join(path)).unwrap();
            file.permissions().mode() & 0o7777
        };
        assert_eq!(mode("x/bin/tool"), 0o755);
        assert_eq!(mode("x/bin/hard"), 0o755);
        assert_eq!(mode("x/readme"), 0o400);
        let target = fs::read_link(work.path().join("p/to/x/bin/link")).unwrap();
        assert_eq!(target, Path::new("tool"));
    }

    #[test]
    fn paths_outside_are_refused() {
        let hostile: &[&[Row<'_>]] = &[
            &[(b'0', "../evil", "", 0o644)],
            &[(b'0', "/tmp/evil", "", 0o644)],
            &[(b'0', "x/../../../evil", "", 0o644)],
            &[(b'2', "link", "/etc/passwd", 0o777)],
            &[(b'2', "link", "../../../etc/passwd", 0o777)],
            &[(b'2', "up", "../..", 0o777), (b'2', "link", "up/../../x", 0o777)],
            &[(b'2', "up", "..", 0o777), (b'0', "up/evil", "", 0o644)],
            &[(b'1', "hard", "../../../etc/passwd", 0o644)],
            &[(b'1', "hard", "nothing", 0o644)],
            &[(b'2', "link", "x", 0o777), (b'1', "hard", "link", 0o644)],
            &[(b'3', "device", "", 0o644)],
            &[(b'6', "pipe", "", 0o644)],
            &[(b'0', "twice", "", 0o644), (b'0', "twice", "", 0o755)],
            &[(b'0', "file", "", 0o644), (b'0', "file/below", "", 0o755)],
        ];
        for rows in hostile {
            let (work, done) = unpacked(rows);
            assert!(done.is_err(), "{rows:?}");
            for evil in ["evil", "p/evil", "../evil"] {
                assert!(!work.path().join(evil).exists(), "{rows:?}");
            }
        }
    }
}
