//! A look at what a job left behind, which is hostile.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

/// A job did not leave an executable where it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum InspectError {
    #[error("{path} is not there")]
    Missing { path: PathBuf },
    #[error("{path} is no file")]
    NoFile { path: PathBuf },
    #[error("{path} cannot be executed")]
    NotExecutable { path: PathBuf },
    #[error("{path} leads outside")]
    Outside { path: PathBuf },
}

/// Whether all of `names` are executable files in `dir`, a path inside `work_dir`. Links may lead
/// anywhere inside `work_dir` and `toolchain_roots`, and nowhere else. Nothing is opened. The jobs
/// that could change it meanwhile must be over.
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
        // A link to nowhere, or in a circle, is as good as nothing.
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

    /// The error's last word, or `ok`.
    fn check(dir: &str, name: &str, expected: &str) {
        let root = work();
        let roots = [root.path().join("tools")];
        let got = inspect(&root.path().join("work"), Path::new(dir), &[name], &roots);
        let got = got.map_or_else(|error| error.to_string(), |()| "ok".to_owned());
        assert!(got.ends_with(expected), "{dir}/{name}: {got}");
    }

    #[test]
    fn files_and_links_that_stay_inside_are_fine() {
        check("bin", "good", "ok");
        check("bin", "link", "ok");
        check("bin", "tool", "ok");
        check("./bin", "good", "ok");
    }

    #[test]
    fn what_leads_outside_is_refused() {
        check("bin", "out", "leads outside");
        check("up", "secret", "leads outside");
        check("bin", "../../secret", "leads outside");
        check("..", "secret", "leads outside");
        check("/bin", "sh", "leads outside");
    }

    #[test]
    fn what_cannot_be_executed_is_refused() {
        check("bin", "nothing", "not there");
        check("bin", "circle", "not there");
        check("bin", "plain", "cannot be executed");
        check("bin", "folder", "is no file");
    }
}
