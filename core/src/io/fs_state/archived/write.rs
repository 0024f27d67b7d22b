//! Writes archives. A file is replaced as a whole, so that its runs stay in order, each record is
//! in it once, and a crash leaves the old file or the new one.

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use super::{ArchiveKind, frames::FrameWriter};
use crate::{
    io::{FsState, StateError, atomic},
    model::Month,
};

/// Writes the lines of one archive.
pub(in crate::io) struct ArchiveWriter<'a> {
    path: &'a Path,
    frames: FrameWriter<'a>,
}

impl ArchiveWriter<'_> {
    /// Adds `line`, which has no newline.
    pub(in crate::io) fn add(&mut self, line: &[u8]) -> Result<(), StateError> {
        self.frames.add(line).map_err(|error| StateError::io(self.path, error))
    }
}

impl FsState {
    /// Replaces the archive of `kind` and `month` by the lines that `fill` adds. An error of `fill`
    /// leaves the archive as it is.
    pub(in crate::io) fn put_archived(
        &self,
        month: Month,
        kind: ArchiveKind,
        fill: impl FnOnce(&mut ArchiveWriter<'_>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let path = self.layout.archived(month, kind);
        atomic::fill_and_move(&self.layout.archive(), &path, |out| {
            let mut writer = ArchiveWriter { path: &path, frames: FrameWriter::new(out) };
            fill(&mut writer)?;
            writer.frames.finish().map_err(|error| StateError::io(&path, error))
        })
    }
}

/// Removes files whose records are archived. `on_removed` may stop after each. At the end the
/// removal is forced to the disk: if the machine stops before, files that come back are removed
/// the next time.
pub(crate) fn remove_archived(
    files: &[PathBuf],
    on_removed: &mut dyn FnMut(PathBuf) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StateError> {
    let mut folders = BTreeSet::new();
    let mut flow = ControlFlow::Continue(());
    for path in files {
        atomic::remove_unforced(path)?;
        folders.extend(path.parent());
        flow = on_removed(path.clone());
        if flow.is_break() {
            break;
        }
    }
    folders.into_iter().try_for_each(atomic::sync_dir)?;
    Ok(flow)
}
