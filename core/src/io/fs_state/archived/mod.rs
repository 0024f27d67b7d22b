//! Old records in compressed files, one file for each kind and month. They are read wherever the
//! other records are read.
//!
//! A record belongs to the month in which its run started, a change of a breaker to the month in
//! which it happened. Only what has its month in its name is archived, so that a filter of history
//! knows which files it need not open. In a file the newest run comes first, and the lines are those
//! of the files that they came from. A record that is also in its own file counts once, and its own
//! file is right: an archive command that was interrupted leaves such records.

mod batches;
mod breaker;
mod frames;
mod lines;
mod moving;
mod outputs;
mod renewal;
mod write;

use crate::{
    io::{FsState, StateError, regular},
    model::Month,
};

pub(in crate::io) use self::{
    batches::{Archived, ArchivedBatch},
    moving::file_name,
};
pub(crate) use self::{
    breaker::TransitionLine,
    moving::{OldFiles, Surveyed},
    write::remove_archived,
};

/// What is archived, each in files of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ArchiveKind {
    /// Failures.
    Failures,
    /// Outputs, and what repeats an attempt.
    Outputs,
    /// Records of runs.
    Runs,
    /// Changes of breakers.
    Breaker,
}

impl ArchiveKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Failures, Self::Outputs, Self::Runs, Self::Breaker];

    /// The name in paths and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Outputs => "outputs",
            Self::Runs => "runs",
            Self::Breaker => "breaker",
        }
    }
}

impl FsState {
    /// The months that have archived records of any kind, the newest first. Folders with other
    /// names are not the archive's.
    pub fn archived_months(&self) -> Result<Vec<Month>, StateError> {
        let names = regular::names(&self.layout.archive())?;
        let mut months: Vec<Month> = names.iter().filter_map(|name| name.parse().ok()).collect();
        months.sort_unstable_by(|a, b| b.cmp(a));
        Ok(months)
    }
}
