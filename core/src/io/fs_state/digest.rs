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
