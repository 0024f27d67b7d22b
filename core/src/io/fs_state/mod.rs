//! The state as files under a root.

mod control;
mod history;
mod init;
pub(super) mod lines;
mod queue;
mod read;
mod remembered;
mod write;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use self::init::Laid;
use crate::{
    io::{
        Holder, Layout, RunLock, StateError, StateErrorKind, atomic,
        lock::{Exclusive, holder},
        regular,
    },
    model::EcosystemId,
};

/// The state under one root. Holds nothing in memory: each call reads or writes.
#[derive(Debug, Clone)]
pub struct FsState {
    layout: Layout,
}

impl FsState {
    /// The state under `root`, which must have a control plane.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StateError> {
        let layout = Layout::new(root);
        if regular::size(&layout.control())?.is_none() {
            return Err(StateError::new(layout.root(), StateErrorKind::NotRoot));
        }
        Ok(Self { layout })
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Takes the lock of a run and clears away what writers that died left; or says who holds it.
    pub fn lock(&self, now: DateTime<Utc>) -> Result<RunLock, StateError> {
        let lock = RunLock::acquire(&self.layout.lock(), now)?;
        let _no_writer_is_at_work = Exclusive::acquire(&self.layout)?;
        for dir in self.written_dirs()? {
            atomic::sweep(&dir)?;
        }
        Ok(lock)
    }

    /// Who holds the lock of a run, or held it and died without letting go; `None` when nobody does.
    /// The lock is not touched.
    pub fn lock_holder(&self) -> Option<Holder> {
        holder(&self.layout.lock())
    }

    /// Ids of the runs that have a journal: they are under way, or died and are not recorded yet.
    pub fn journals(&self) -> Result<Vec<String>, StateError> {
        let files = regular::list(&self.layout.outbox())?;
        let ids = files.into_iter().filter(|(name, _)| Layout::is_lines(name));
        Ok(ids.filter_map(|(name, _)| Some(name.strip_suffix(".jsonl")?.to_owned())).collect())
    }

    /// Takes the lock of a seeding of `ecosystem`; or says who holds it. Runs go on meanwhile.
    pub fn lock_seeding(
        &self,
        ecosystem: &EcosystemId,
        now: DateTime<Utc>,
    ) -> Result<RunLock, StateError> {
        RunLock::acquire(&self.layout.seed_lock(ecosystem), now)
    }

    fn written_dirs(&self) -> Result<Vec<PathBuf>, StateError> {
        let layout = &self.layout;
        let mut dirs = vec![layout.root().to_owned(), layout.queues()];
        dirs.extend([layout.failure_files(), layout.metrics()]);
        for parent in [layout.outputs(), layout.recipes()] {
            let children = regular::list(&parent)?.into_iter().map(|(_, path)| path);
            dirs.extend(children.filter(|path| path.is_dir()));
        }
        Ok(dirs)
    }
}
