//! Why a stage refuses its work.

use std::path::{Path, PathBuf};

use batch_core::model::{BatchId, Environment};

/// A stage that cannot do its work, with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The folder has no plan.
    #[error(
        "{} has no plan; run `tsuku-batch preflight --root {} --artifacts {0}` first",
        dir.display(), root.display()
    )]
    NoPlan {
        /// The folder.
        dir: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// Another stage must end before, or the folder is used for other work.
    #[error("{0}")]
    OutOfOrder(String),
    /// This machine cannot do the work.
    #[error("{0}")]
    OtherMachine(String),
    /// The artifacts are damaged, of another run, or of another version of the program.
    #[error("{0}")]
    Unusable(String),
}

impl StageError {
    pub(super) fn other_machine(batch: &BatchId, environment: Environment) -> Self {
        Self::OtherMachine(format!(
            "this machine cannot test recipes of {} in {environment}; `tsuku-batch sandbox check` shows \
             the environments that it offers",
            batch.ecosystem()
        ))
    }

    pub(super) fn not_generated(batch: &BatchId, root: &Path, dir: &Path) -> Self {
        let (root, dir) = (root.display(), dir.display());
        Self::OutOfOrder(format!(
            "the recipes of {batch} are not all generated yet; run `tsuku-batch generate --root \
             {root} --artifacts {dir}` first"
        ))
    }
}
