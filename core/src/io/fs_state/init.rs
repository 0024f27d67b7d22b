//! Creates a root.

use std::path::{Path, PathBuf};

use crate::{
    io::{
        FsState, Layout, QueueFile, StateError, atomic,
        fs_state::{control, queue},
        lock::Exclusive,
        regular,
    },
    model::Control,
};

/// A file of a new root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitializedFile {
    /// Its path, relative to the root.
    pub file: String,
    /// `false` when it existed before and was not changed.
    pub made: bool,
}

impl FsState {
    /// Makes `root` a pipeline root. Existing files are not changed, readable or not. Missing files
    /// are created, the control file last, so that an unfinished root does not count as one, and
    /// `init` can be run again.
    pub fn init(
        root: impl Into<PathBuf>,
        control: &Control,
        queues: &[QueueFile],
    ) -> Result<(Self, Vec<InitializedFile>), StateError> {
        let layout = Layout::new(root);
        let _nobody_else = Exclusive::acquire(&layout)?;
        let mut initialized = vec![];
        let mut lay = |path: &Path, write: &dyn Fn() -> Result<(), StateError>| {
            let made = regular::size(path)?.is_none();
            if made {
                write()?;
            }
            initialized.push(InitializedFile { file: layout.label(path), made });
            Ok::<_, StateError>(())
        };
        // Git ignores this folder wherever the root is. The root's own rules need no change.
        let path = layout.machine().join(".gitignore");
        lay(&path, &|| atomic::write(&path, b"*\n"))?;
        for file in queues {
            let path = layout.queue(&file.header.ecosystem);
            lay(&path, &|| atomic::write_by(&path, |out| queue::write(&path, file, out)))?;
        }
        let path = layout.control();
        let text = control::to_text(&path, None, control)?;
        lay(&path, &|| atomic::write(&path, text.as_bytes()))?;
        Ok((Self { layout }, initialized))
    }
}
