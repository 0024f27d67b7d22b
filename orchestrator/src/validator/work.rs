//! The folders of installations.

use std::path::Path;

use anyhow::Context as _;
use batch_core::model::{FailureKind, Finding, Stage, slug};
use batch_sandbox::remove_tree;

use crate::validator::native::{Attempt, Stop};

/// Removes the work folder of validations with all its content.
pub(super) async fn clear(work: &Path) -> anyhow::Result<()> {
    let work = work.to_owned();
    if !work.exists() {
        return Ok(());
    }
    // The files are hostile, and there may be tens of thousands of them.
    let removed = tokio::task::spawn_blocking({
        let work = work.clone();
        move || remove_tree(&work)
    });
    removed.await?.with_context(|| format!("cannot clear {}", work.display()))
}

/// Removes a work folder. There may be tens of thousands of hostile files, so this must not block a
/// thread of the runtime.
pub(super) async fn discard(dir: tempfile::TempDir) {
    let _ = tokio::task::spawn_blocking(move || remove_tree(&dir.keep())).await;
}

impl Attempt<'_> {
    /// A new folder for one installation.
    pub(super) fn work_dir(&self) -> Result<tempfile::TempDir, Stop> {
        let work = &self.validator.work;
        // Without symbolic links, because a job sees only real paths.
        let made = std::fs::create_dir_all(work).and_then(|()| work.canonicalize());
        let made = made.and_then(|work| {
            let prefix = format!("{}-", slug(self.package().name.as_str()));
            tempfile::Builder::new().prefix(&prefix).tempdir_in(work)
        });
        made.map_err(|error| self.no_folder(&error))
    }

    /// The failure of this machine, which cannot make a folder.
    pub(super) fn no_folder(&self, error: &std::io::Error) -> Stop {
        let work = self.validator.work.display();
        let finding = Finding::stated(FailureKind::DiskFull).of_service("sandbox");
        let message = format!("cannot make a work folder in {work}: {error}");
        Stop::Failed(Box::new(self.source().failure(Stage::Validate, finding, &message)))
    }
}
