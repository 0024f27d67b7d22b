//! The state as files below a root.

mod archived;
mod bulk;
mod control;
mod digest;
mod history;
mod history_files;
mod history_record;
mod in_order;
mod init;
pub(super) mod lines;
mod located;
mod mend;
mod overrides;
mod queue;
mod read;
mod remembered;
mod survey;
mod write;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use self::{
    archived::ArchiveKind,
    init::InitializedFile,
    located::{EntryLines, Located, OutputFile},
    survey::{FoundFile, FoundKind},
};
pub(crate) use self::{
    archived::{OldFiles, Surveyed, TransitionLine, remove_archived},
    history_record::HistoryRecord,
};
use crate::{
    io::{
        Holder, Layout, RunLock, StateError, StateErrorKind, atomic,
        lock::{Exclusive, holder},
        regular,
    },
    model::EcosystemId,
};

/// The state of one root. Nothing is kept in memory: each call reads or writes files.
#[derive(Debug, Clone)]
pub struct FsState {
    layout: Layout,
}

impl FsState {
    /// Opens the state below `root`, which must contain a control file.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StateError> {
        let layout = Layout::new(root);
        if regular::size(&layout.control())?.is_none() {
            let root = std::path::absolute(layout.root());
            let root = root.unwrap_or_else(|_| layout.root().to_owned());
            return Err(StateError::new(&root, StateErrorKind::NotRoot));
        }
        Ok(Self { layout })
    }

    /// The paths of all files.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Takes the run lock and removes temporary files of writers that died. The error says who
    /// holds the lock.
    pub fn lock(&self, now: DateTime<Utc>) -> Result<RunLock, StateError> {
        let lock = RunLock::acquire(&self.layout.lock(), now)?;
        let _no_writer_is_at_work = Exclusive::acquire(&self.layout)?;
        for dir in self.folders_of_drafts() {
            atomic::sweep(&dir)?;
        }
        Ok(lock)
    }

    /// Who holds the run lock, or held it and died without releasing it. `None` when nobody does.
    /// The lock is not changed.
    pub fn lock_holder(&self) -> Option<Holder> {
        holder(&self.layout.lock())
    }

    /// The ids of the runs that have a journal: they are in progress, or died and are not recorded
    /// yet.
    pub fn journals(&self) -> Result<Vec<String>, StateError> {
        let files = regular::list(&self.layout.outbox())?;
        let ids = files.into_iter().filter(|(name, _)| Layout::is_lines(name));
        Ok(ids.filter_map(|(name, _)| Some(name.strip_suffix(".jsonl")?.to_owned())).collect())
    }

    /// The files that could not be used and were set aside, relative to the root and sorted.
    pub fn set_aside(&self) -> Result<Vec<String>, StateError> {
        let files = regular::list(&self.layout.set_aside())?;
        Ok(files.into_iter().map(|(_, path)| self.layout.label(&path)).collect())
    }

    /// Takes the lock for seeding `ecosystem`. The error says who holds it. Runs do not need this
    /// lock.
    pub fn lock_seeding(
        &self,
        ecosystem: &EcosystemId,
        now: DateTime<Utc>,
    ) -> Result<RunLock, StateError> {
        RunLock::acquire(&self.layout.seed_lock(ecosystem), now)
    }

    /// The folders in which a draft may be left. Drafts of outputs, recipes and archives lie in the
    /// folder above them all, because there may be very many folders of them.
    fn folders_of_drafts(&self) -> [PathBuf; 9] {
        let layout = &self.layout;
        [
            layout.root().to_owned(),
            layout.machine(),
            layout.queues(),
            layout.failure_files(),
            layout.metrics(),
            layout.archive(),
            layout.seeding(),
            layout.outputs(),
            layout.recipes(),
        ]
    }
}
