//! Paths of steps. They are always inside the work folder and never lead through a link.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use super::StepError;

/// The path `relative` in `work`. Its folders are created. No part except the last one may be a
/// link, because an archive could have created it.
pub(super) fn inside(work: &Path, relative: &str) -> Result<PathBuf, StepError> {
    let outside = || StepError::Outside(relative.to_owned());
    let parts = plain_parts(Path::new(relative)).ok_or_else(outside)?;
    let Some((last, folders)) = parts.split_last() else { return Err(outside()) };
    let mut path = work.to_owned();
    for folder in folders {
        path.push(folder);
        make_folder(&path)?;
    }
    path.push(last);
    Ok(path)
}

/// Like [`inside`], for a folder, which is created too.
pub(super) fn folder_inside(work: &Path, relative: &str) -> Result<PathBuf, StepError> {
    let path = inside(work, relative)?;
    make_folder(&path)?;
    Ok(path)
}

/// The parts of a relative path without `..`.
pub(super) fn plain_parts(path: &Path) -> Option<Vec<&std::ffi::OsStr>> {
    let mut parts = vec![];
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts)
}

/// The relative path from the folder `from` to `to`. Both are absolute and without `..`.
pub(super) fn relative_path(from: &Path, to: &Path) -> PathBuf {
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// Creates a folder with full rights for its owner, unless it exists.
fn make_folder(path: &Path) -> Result<(), StepError> {
    let disk = |source| StepError::Disk { path: path.to_owned(), source };
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map_err(disk),
    }
    let is_folder = fs::symlink_metadata(path).map_err(disk)?.is_dir();
    if is_folder { Ok(()) } else { Err(StepError::Outside(path.display().to_string())) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_stays_inside_and_its_folders_are_made() {
        let work = tempfile::tempdir().unwrap();
        let path = inside(work.path(), "a/./b/file").unwrap();
        assert_eq!(path, work.path().join("a/b/file"));
        assert!(work.path().join("a/b").is_dir() && !path.exists());
        for hostile in ["", ".", "/etc/passwd", "../x", "a/../../x"] {
            assert!(inside(work.path(), hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn no_path_goes_through_a_link_or_a_file() {
        let work = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), work.path().join("link")).unwrap();
        fs::File::create(work.path().join("file")).unwrap();
        for through in ["link/x", "file/x"] {
            assert!(inside(work.path(), through).is_err(), "{through}");
        }
        assert!(folder_inside(work.path(), "link").is_err());
    }

    #[test]
    fn a_relative_path_starts_at_the_common_folder() {
        let relative_path =
            |from, to| relative_path(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(relative_path("/w/p/Cellar/x/1/bin", "/w/p"), "../../../..");
        assert_eq!(relative_path("/w/p/opt", "/w/p/Cellar/x/1"), "../Cellar/x/1");
        assert_eq!(relative_path("/w", "/w/p"), "p");
    }
}
