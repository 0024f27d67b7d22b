//! Replaces placeholders by paths.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use aho_corasick::{AhoCorasick, MatchKind};

use super::{
    StepError,
    elf::{self, Relocated, Replacement},
    path,
};

/// A placeholder, its replacement, and the name of the link to it beside a file.
struct Substitute {
    placeholder: String,
    real: PathBuf,
    link: String,
}

/// All placeholders, and an automaton that finds them in one pass.
struct Substitutes {
    all: Vec<Substitute>,
    placeholders: AhoCorasick,
}

/// Replaces `placeholders` in every regular file below `within`.
pub(super) fn substitute(
    work: &Path,
    within: &str,
    placeholders: &BTreeMap<String, String>,
) -> Result<(), StepError> {
    let root = path::folder_inside(work, within)?;
    let substitute = |(i, (placeholder, with)): (usize, (&String, &String))| {
        let with = Path::new(with);
        let is_plain = with.is_absolute() || path::plain_parts(with).is_some();
        if placeholder.is_empty() || !is_plain {
            return Err(StepError::Outside(with.display().to_string()));
        }
        // Joining an absolute path does not change it.
        let (real, link) = (work.join(with), format!(".p{i}"));
        Ok(Substitute { placeholder: placeholder.clone(), real, link })
    };
    let all: Vec<Substitute> =
        placeholders.iter().enumerate().map(substitute).collect::<Result<_, _>>()?;
    let builder = &mut AhoCorasick::builder();
    let found = builder.match_kind(MatchKind::LeftmostLongest).build(placeholders.keys());
    // This fails only when the texts are too long for memory.
    let placeholders = found.map_err(|error| StepError::Outside(error.to_string()))?;
    in_folder(&root, &Substitutes { all, placeholders })
}

#[expect(clippy::disallowed_methods, reason = "a step reads the folder that it is about")]
fn in_folder(dir: &Path, substitutes: &Substitutes) -> Result<(), StepError> {
    let disk = |source| StepError::Disk { path: dir.to_owned(), source };
    let entries: Vec<_> =
        fs::read_dir(dir).map_err(disk)?.collect::<Result<_, _>>().map_err(disk)?;
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(disk)?);
        if kind.is_dir() {
            in_folder(&path, substitutes)?;
        } else if kind.is_file() {
            in_file(&path, substitutes)?;
        }
    }
    Ok(())
}

fn in_file(path: &Path, substitutes: &Substitutes) -> Result<(), StepError> {
    let disk = |source| StepError::Disk { path: path.to_owned(), source };
    let old = fs::read(path).map_err(disk)?;
    if !substitutes.placeholders.is_match(&old) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    let is_text = !old.contains(&0);
    let new = if is_text {
        substitutes.in_text(&old)
    } else {
        let mut bytes = old;
        if elf::is_elf(&bytes) {
            relocate(path, folder, &mut bytes, &substitutes.all)?;
        }
        substitutes.pad_strings(&mut bytes);
        bytes
    };
    replace(path, folder, &new).map_err(disk)
}

/// Replaces the paths in an ELF file that the loader reads.
fn relocate(
    path: &Path,
    folder: &Path,
    bytes: &mut [u8],
    substitutes: &[Substitute],
) -> Result<(), StepError> {
    let place = |substitute: &Substitute| {
        let relative_path = path::relative_path(folder, &substitute.real);
        Replacement {
            placeholder: substitute.placeholder.clone(),
            relative: format!("$ORIGIN/{}", relative_path.display()),
            beside: format!("$ORIGIN/{}", substitute.link),
        }
    };
    let places: Vec<Replacement> = substitutes.iter().map(place).collect();
    let done = elf::relocate(bytes, &places).map_err(|elf::PathTooLong(placeholder)| {
        StepError::PathTooLong { path: path.to_owned(), placeholder }
    })?;
    if done != Relocated::PatchedWithLinks {
        return Ok(());
    }
    for Substitute { real, link, .. } in substitutes {
        match symlink(path::relative_path(folder, real), folder.join(link)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|source| StepError::Disk { path: folder.join(link), source })?,
        }
    }
    Ok(())
}

impl Substitutes {
    fn in_text(&self, old: &[u8]) -> Vec<u8> {
        let mut new = Vec::with_capacity(old.len());
        self.placeholders.replace_all_with_bytes(old, &mut new, |found, _, new| {
            let real = self.all[found.pattern().as_usize()].real.as_os_str();
            new.extend_from_slice(real.as_encoded_bytes());
            true
        });
        new
    }

    /// Replaces strings that end in NUL if the real paths fit, and fills the rest with NULs. Longer
    /// ones stay: most of them are never read, and they cannot be changed in place.
    fn pad_strings(&self, bytes: &mut [u8]) {
        let mut from = 0;
        while let Some(found) = self.placeholders.find(&bytes[from..]) {
            let at = from + found.start();
            let length = bytes[at..].iter().position(|byte| *byte == 0);
            let end = length.map_or(bytes.len(), |length| at + length);
            let mut new = self.in_text(&bytes[at..end]);
            if new.len() <= end - at {
                new.resize(end - at, 0);
                bytes[at..end].copy_from_slice(&new);
            }
            from = end.max(from + found.end());
        }
    }
}

/// Replaces the file by a new one, because the old one may be read-only or have other names.
fn replace(path: &Path, folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    fs::set_permissions(file.path(), fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn check(old: &[u8], with: &str, expected: &[u8]) {
        let work = tempfile::tempdir().unwrap();
        let path = work.path().join("p/file");
        fs::create_dir(work.path().join("p")).unwrap();
        io::Write::write_all(&mut fs::File::create(&path).unwrap(), old).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o555)).unwrap();
        let placeholders = BTreeMap::from([("@@PREFIX@@".to_owned(), with.to_owned())]);
        substitute(work.path(), "p", &placeholders).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected, "{:?}", String::from_utf8_lossy(old));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o555);
    }

    #[test]
    fn texts_become_longer_or_shorter_with_the_path() {
        check(b"#!@@PREFIX@@/bin/sh\n@@PREFIX@@", "/usr", b"#!/usr/bin/sh\n/usr");
        check(b"a=@@PREFIX@@;", "/a/rather/long/path", b"a=/a/rather/long/path;");
        check(b"@@PREFIX@", "/usr", b"@@PREFIX@");
        check(b"@@@PREFIX@@@", "/u", b"@/u@");
    }

    #[test]
    fn strings_in_binaries_keep_their_length_or_are_unchanged() {
        check(b"\0@@PREFIX@@/lib\0end", "/usr", b"\0/usr/lib\0\0\0\0\0\0\0end");
        check(b"\0@@PREFIX@@\0end", "/0123456789", b"\0@@PREFIX@@\0end");
        check(b"\0@@PREFIX@@:@@PREFIX@@", "/u", b"\0/u:/u\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn a_relative_path_lies_in_the_work_folder_and_links_are_not_followed() {
        let work = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join("file");
        for path in [&target, &work.path().join("text")] {
            io::Write::write_all(&mut fs::File::create(path).unwrap(), b"@@P@@").unwrap();
        }
        symlink(&target, work.path().join("link")).unwrap();
        symlink(outside.path(), work.path().join("folder")).unwrap();
        let with = |with: &str| BTreeMap::from([("@@P@@".to_owned(), with.to_owned())]);
        substitute(work.path(), ".", &with("p")).unwrap_err();
        fs::create_dir(work.path().join("in")).unwrap();
        fs::rename(work.path().join("text"), work.path().join("in/text")).unwrap();
        fs::rename(work.path().join("link"), work.path().join("in/link")).unwrap();
        fs::rename(work.path().join("folder"), work.path().join("in/folder")).unwrap();
        substitute(work.path(), "in", &with("p")).unwrap();
        let text = fs::read(work.path().join("in/text")).unwrap();
        assert_eq!(text, work.path().join("p").as_os_str().as_encoded_bytes());
        assert_eq!(fs::read(&target).unwrap(), b"@@P@@");
        assert!(substitute(work.path(), "in", &with("../x")).is_err());
    }
}
