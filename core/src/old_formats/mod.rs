//! The file formats of the earlier pipeline (version 1), as far as an import needs them.
//!
//! Each function turns the bytes of one file into typed records. What cannot be understood is
//! returned as [`Refused`] with its line, and affects nothing else in the file. What becomes of the
//! records is decided in [`decide::import`](crate::decide::import).

mod control;
mod disambiguations;
mod failures;
mod instant;
mod pieces;
mod queue;
mod runs;
mod seedings;

pub use control::{OldBreaker, OldControl, control};
pub use disambiguations::{Audit, Probe, Selection, audit, selections};
pub use failures::{OldFailure, Subject, failures};
pub use instant::OldInstant;
pub use queue::{OldEntry, OldQueue, OldStatus, queue};
pub use runs::{OldCounts, OldRun, runs};
pub use seedings::{OldSeeding, SourceChange, seedings};

/// A part of a file that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// What is wrong with it, in one line.
    pub reason: String,
}

/// The records of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct OldRecords<T> {
    /// The records that were understood, in the order of the file.
    pub records: Vec<T>,
    /// The parts that were not.
    pub refused: Vec<Refused>,
}

impl<T> Default for OldRecords<T> {
    fn default() -> Self {
        Self { records: vec![], refused: vec![] }
    }
}

/// Refuses documents of later versions.
fn check_version(version: Option<u64>) -> Result<(), String> {
    match version {
        Some(version @ 2..) => Err(format!("schema_version {version} is no old format")),
        None | Some(_) => Ok(()),
    }
}
