//! Creates links. They are always relative, so that they work wherever the work folder is shown.

use std::{fs, io, os::unix::fs::symlink, path::Path};

use super::{StepError, path};

/// Creates a link at `at` to `to`.
pub(super) fn link(work: &Path, at: &str, to: &str) -> Result<(), StepError> {
    let target = path::plain_parts(Path::new(to))
        .map(|parts| work.join(parts.into_iter().collect::<std::path::PathBuf>()))
        .ok_or_else(|| StepError::Outside(to.to_owned()))?;
    let at = path::inside(work, at)?;
    make(&at, &target)
}

/// Creates a link in `into` for each entry of `of`. Existing entries stay.
#[expect(clippy::disallowed_methods, reason = "a step reads the folder that it is about")]
pub(super) fn link_entries(work: &Path, of: &str, into: &str) -> Result<(), StepError> {
    let from = path::inside(work, of)?;
    let disk = |source| StepError::Disk { path: from.clone(), source };
    let is_folder = fs::symlink_metadata(&from).is_ok_and(|file| file.is_dir());
    if !is_folder {
        return Ok(());
    }
    for entry in fs::read_dir(&from).map_err(disk)? {
        let entry = entry.map_err(disk)?;
        let name = entry.file_name();
        // A name that is not text cannot be part of a plan.
        let Some(name) = name.to_str() else { continue };
        let (of, into) = (format!("{of}/{name}"), format!("{into}/{name}"));
        if entry.file_type().map_err(disk)?.is_dir() {
            link_entries(work, &of, &into)?;
            continue;
        }
        let at = path::inside(work, &into)?;
        match make(&at, &entry.path()) {
            Err(StepError::Disk { source, .. })
                if source.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    Ok(())
}

fn make(at: &Path, target: &Path) -> Result<(), StepError> {
    let folder = at.parent().unwrap_or(at);
    let disk = |source| StepError::Disk { path: at.to_owned(), source };
    symlink(path::relative_path(folder, target), at).map_err(disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(files: &[&str]) -> tempfile::TempDir {
        let work = tempfile::tempdir().unwrap();
        for file in files {
            let path = work.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path).unwrap();
        }
        work
    }

    #[test]
    fn a_link_is_relative_and_leads_to_its_target() {
        let work = work(&["p/Cellar/x/1.0/bin/x"]);
        link(work.path(), "p/opt/x", "p/Cellar/x/1.0").unwrap();
        let at = work.path().join("p/opt/x");
        assert_eq!(fs::read_link(&at).unwrap(), Path::new("../Cellar/x/1.0"));
        assert!(at.join("bin/x").is_file());
        assert!(link(work.path(), "p/opt/x", "p/Cellar/x/1.0").is_err(), "it is there already");
        assert!(link(work.path(), "p/opt/y", "../outside").is_err());
    }

    #[test]
    fn folders_are_merged_and_the_first_file_with_a_name_is_kept() {
        let work = work(&["a/lib/one.so", "a/lib/pc/one.pc", "b/lib/one.so", "b/lib/pc/two.pc"]);
        for keg in ["a/lib", "b/lib", "c/lib"] {
            link_entries(work.path(), keg, "p/lib").unwrap();
        }
        let target = |at: &str| fs::read_link(work.path().join(at)).unwrap();
        assert_eq!(target("p/lib/one.so"), Path::new("../../a/lib/one.so"));
        assert_eq!(target("p/lib/pc/one.pc"), Path::new("../../../a/lib/pc/one.pc"));
        assert_eq!(target("p/lib/pc/two.pc"), Path::new("../../../b/lib/pc/two.pc"));
    }
}
