//! Laying out a root.

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

/// One file of a root that was laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Laid {
    /// Relative to the root.
    pub file: String,
    /// `false` where it was there before, and was left as it is.
    pub made: bool,
}

impl FsState {
    /// Makes `root` a root. Whatever is there stays as it is, readable or not; what is missing is
    /// made, the control plane last, so that half a root is none and `init` goes on with it.
    pub fn init(
        root: impl Into<PathBuf>,
        control: &Control,
        queues: &[QueueFile],
    ) -> Result<(Self, Vec<Laid>), StateError> {
        let layout = Layout::new(root);
        let _nobody_else = Exclusive::acquire(&layout)?;
        let mut laid = vec![];
        let mut lay = |path: &Path, write: &dyn Fn() -> Result<(), StateError>| {
            let made = regular::size(path)?.is_none();
            if made {
                write()?;
            }
            laid.push(Laid { file: layout.label(path), made });
            Ok::<_, StateError>(())
        };
        // Git passes over this folder wherever the root is, with no change to the root's own rules.
        let path = layout.machine().join(".gitignore");
        lay(&path, &|| atomic::write(&path, b"*\n"))?;
        for file in queues {
            let path = layout.queue(&file.header.ecosystem);
            lay(&path, &|| atomic::write_by(&path, |out| queue::write(&path, file, out)))?;
        }
        let path = layout.control();
        let text = control::to_text(&path, None, control)?;
        lay(&path, &|| atomic::write(&path, text.as_bytes()))?;
        Ok((Self { layout }, laid))
    }
}
