//! A digest of all files of the state.

use std::{
    hash::{Hash as _, Hasher as _},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use twox_hash::XxHash64;

use crate::io::{FsState, digest::Digester, fs_state::in_order::in_order, regular};

impl FsState {
    /// A digest of the names and contents of the control file and of all files in the folders of the
    /// state and of the recipes. `None` if any of them cannot be read, which whoever needs it reports, or
    /// if there is anything but files and folders: a link may lead to files that are somewhere else.
    pub(super) fn digest_of_files(&self) -> Option<u64> {
        let layout = &self.layout;
        let mut files = vec![layout.control()];
        regular::size(&files[0]).ok()??;
        add_files(&layout.data(), &mut files)?;
        add_files(&layout.recipes(), &mut files)?;
        // As texts: comparing the parts of paths takes much longer.
        files.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        let worker = || {
            let mut digester = Digester::new();
            move |path: &PathBuf| digester.of(path)
        };
        let mut all = XxHash64::default();
        let mut paths = files.iter();
        let end = in_order(&files, worker, |digest| match digest {
            Ok(digest) => {
                let path = paths.next().and_then(|path| path.strip_prefix(layout.root()).ok());
                (path, digest).hash(&mut all);
                ControlFlow::Continue(())
            }
            Err(_) => ControlFlow::Break(()),
        });
        end.is_continue().then(|| all.finish())
    }
}

/// Adds the files in `dir` and in its folders, in no order; `None` if there is anything else.
fn add_files(dir: &Path, files: &mut Vec<PathBuf>) -> Option<()> {
    for (name, kind) in regular::entries(dir).ok()? {
        let path = dir.join(name);
        if kind.is_file() {
            files.push(path);
        } else if kind.is_dir() {
            add_files(&path, files)?;
        } else {
            return None;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test lays its files out itself")]

    use std::{collections::BTreeSet, fs};

    use tempfile::TempDir;

    use super::*;
    use crate::model::Control;

    struct Root {
        dir: TempDir,
        state: FsState,
    }

    fn root() -> Root {
        let dir = tempfile::tempdir().unwrap();
        let (state, _) = FsState::init(dir.path(), &Control::default(), &[]).unwrap();
        Root { dir, state }
    }

    impl Root {
        fn path(&self, relative: &str) -> PathBuf {
            let path = self.dir.path().join(relative);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        }

        fn write(&self, relative: &str, text: impl AsRef<[u8]>) {
            fs::write(self.path(relative), text).unwrap();
        }

        fn digest(&self) -> Option<u64> {
            self.state.digest_of_files()
        }
    }

    #[test]
    fn the_digest_changes_with_every_file_and_with_nothing_else() {
        let root = root();
        let files = [
            "data/queues/priority-queue-eco.json",
            "data/failures/eco-2026-01-01T00-00-00Z.jsonl",
            "data/metrics/batch-runs-eco-2026-01-01T00-00-00Z.jsonl",
            "data/metrics/seeding-runs.jsonl",
            "data/breaker-log.jsonl",
            "data/disambiguations/curated.jsonl",
            "data/outputs/ab/abcd.txt",
            "data/archive/2026-01/failures.jsonl.zst",
            "recipes/a/a.toml",
            "batch-control.json",
        ];
        let mut seen = BTreeSet::new();
        let mut is_new = || seen.insert(root.digest().unwrap());
        assert!(is_new());
        for file in files {
            // More than is read at once, and a change at its end.
            let text = "x".repeat(200_000);
            root.write(file, text.clone() + "1");
            assert!(is_new(), "{file} is written");
            root.write(file, text.clone() + "2");
            assert!(is_new(), "{file} is changed");
            assert!(!is_new(), "nothing is changed");
            root.write(file, text + "1");
            assert!(!is_new(), "{file} is as it was");
        }
        fs::rename(root.path("recipes/a/a.toml"), root.path("recipes/a/b.toml")).unwrap();
        assert!(is_new(), "a file is renamed");
        fs::remove_file(root.path("recipes/a/b.toml")).unwrap();
        assert!(is_new(), "a file is removed");
        root.write(".tsuku-batch/work/file", "x");
        assert!(!is_new(), "it does not belong to the state");
    }

    #[cfg(unix)]
    #[test]
    fn a_state_with_a_link_has_no_digest() {
        let root = root();
        assert!(root.digest().is_some());
        std::os::unix::fs::symlink("/tmp", root.path("recipes/t")).unwrap();
        assert_eq!(root.digest(), None);
        fs::remove_file(root.path("recipes/t")).unwrap();
        assert!(root.digest().is_some());
        let control = root.path("batch-control.json");
        fs::rename(&control, root.path("elsewhere")).unwrap();
        std::os::unix::fs::symlink(root.path("elsewhere"), &control).unwrap();
        assert_eq!(root.digest(), None);
    }
}
