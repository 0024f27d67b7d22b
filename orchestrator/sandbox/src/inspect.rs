//! Checks the files that a job left, which are hostile.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

/// A job did not leave an executable where it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InspectError {
    #[error("{path} does not exist")]
    Missing { path: PathBuf },
    #[error("{path} is not a file")]
    NoFile { path: PathBuf },
    #[error("{path} cannot be executed")]
    NotExecutable { path: PathBuf },
    #[error("{path} leads to a file outside of the work folder")]
    Outside { path: PathBuf },
}

/// Checks that all `names` are executable files in `dir`, a path inside `work_dir`. Links may lead
/// only to files inside `work_dir` and `toolchain_roots`. No file is opened. All jobs that could
/// change the files must have ended.
pub fn inspect(
    work_dir: &Path,
    dir: &Path,
    names: &[&str],
    toolchain_roots: &[PathBuf],
) -> Result<(), InspectError> {
    let is_plain = |path: &Path| {
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    let real = |path: &Path| path.canonicalize().ok();
    let allowed: Vec<PathBuf> =
        toolchain_roots.iter().map(PathBuf::as_path).chain([work_dir]).filter_map(real).collect();
    for name in names {
        let inside = dir.join(name);
        let path = work_dir.join(&inside);
        if !is_plain(&inside) || Path::new(name).components().count() != 1 {
            return Err(InspectError::Outside { path });
        }
        // A link to nothing, or in a circle, counts as missing.
        let Some(target) = real(&path) else { return Err(InspectError::Missing { path }) };
        if !allowed.iter().any(|root| target.starts_with(root)) {
            return Err(InspectError::Outside { path });
        }
        match target.symlink_metadata() {
            Err(_) => return Err(InspectError::Missing { path }),
            Ok(file) if !file.is_file() => return Err(InspectError::NoFile { path }),
            Ok(file) if file.permissions().mode() & 0o111 == 0 => {
                return Err(InspectError::NotExecutable { path });
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn work() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("work/bin");
        fs::create_dir_all(bin.join("folder")).unwrap();
        fs::create_dir(root.path().join("tools")).unwrap();
        for name in ["work/bin/good", "work/bin/plain", "secret", "tools/tool"] {
            fs::File::create(root.path().join(name)).unwrap();
            let mode = if name.ends_with("plain") { 0o644 } else { 0o755 };
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(root.path().join(name), mode).unwrap();
        }
        symlink("good", bin.join("link")).unwrap();
        symlink("../../secret", bin.join("out")).unwrap();
        symlink("circle", bin.join("circle")).unwrap();
        symlink(root.path().join("tools/tool"), bin.join("tool")).unwrap();
        symlink("..", root.path().join("work/up")).unwrap();
        root
    }

    /// The last word of the error, or `ok`.
    fn check(dir: &str, name: &str, expected: &str) {
        let root = work();
        let roots = [root.path().join("tools")];
        let got = inspect(&root.path().join("work"), Path::new(dir), &[name], &roots);
        let got = got.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        assert!(got.ends_with(expected), "{dir}/{name}: {got}");
    }

    #[test]
    fn files_and_links_inside_are_accepted() {
        check("bin", "good", "ok");
        check("bin", "link", "ok");
        check("bin", "tool", "ok");
        check("./bin", "good", "ok");
    }

    #[test]
    fn paths_outside_are_refused() {
        check("bin", "out", "leads to a file outside of the work folder");
        check("up", "secret", "leads to a file outside of the work folder");
        check("bin", "../../secret", "leads to a file outside of the work folder");
        check("..", "secret", "leads to a file outside of the work folder");
        check("/bin", "sh", "leads to a file outside of the work folder");
    }

    #[test]
    fn files_that_cannot_be_executed_are_refused() {
        check("bin", "nothing", "does not exist");
        check("bin", "circle", "does not exist");
        check("bin", "plain", "cannot be executed");
        check("bin", "folder", "is not a file");
    }
}
