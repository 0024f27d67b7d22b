//! What cannot be used is kept, where it is in nobody's way.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::io::{Layout, StateError, atomic};

/// Moves what lies at `path` into the folder of what was set aside, and calls it `name` there, with a
/// number behind it where that name is taken. Gives its new place. It is neither opened nor followed.
pub(crate) fn set_aside(layout: &Layout, path: &Path, name: &str) -> Result<PathBuf, StateError> {
    let dir = layout.set_aside();
    atomic::make_dir(&dir)?;
    let mut to = dir.join(name);
    let mut n = 1_u32;
    while fs::symlink_metadata(&to).is_ok() {
        n += 1;
        to = dir.join(format!("{name}.{n}"));
    }
    fs::rename(path, &to).map_err(|error| StateError::io(path, error))?;
    atomic::sync_dir(&dir)?;
    atomic::sync_dir(path.parent().unwrap_or(layout.root()))?;
    Ok(to)
}
