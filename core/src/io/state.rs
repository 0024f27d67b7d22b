//! The stored state, behind two rights: reading and writing.
//!
//! Bad data costs one entry, never the file: what cannot be read is handed back as
//! [`Quarantined`] and stays where it was, for a person to mend.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::{
    io::{HistoryFilter, StateError, Visitor},
    model::{
        BreakerTransition, Control, EcosystemId, FailureRecord, OutputRef, PackageId, PackageName,
        Queue, QueueHeader, RecipeName, Remembered, RunRecord, SeedingRecord,
    },
};

/// Reads the state. All that analytics has.
pub trait StateReader: Send + Sync {
    /// The control plane.
    fn control(&self) -> Result<Control, StateError>;

    /// Ecosystems that have a queue file, sorted.
    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError>;

    /// The queue of `ecosystem`; `None` when there is no such file.
    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<QueueFile>, StateError>;

    /// Shows the runs that `filter` takes, newest first, until `visit` has seen enough.
    ///
    /// The order is that of the starts in names of files; what no name dates comes last.
    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError>;

    /// Shows the failures that `filter` takes: the newest run first, and of one run the failure
    /// that ended last.
    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError>;

    /// One run; `None` when it has no record, or none that can be read.
    fn run(&self, batch_id: &str) -> Result<Option<RunRecord>, StateError> {
        let runs = self.runs(&HistoryFilter::of_batch(batch_id))?;
        Ok(runs.records.into_iter().next())
    }

    /// The runs that [`Self::visit_runs`] shows, all of them in memory.
    fn runs(&self, filter: &HistoryFilter) -> Result<Records<RunRecord>, StateError> {
        Records::collect(|visit| self.visit_runs(filter, visit))
    }

    /// The failures that [`Self::visit_failures`] shows, all of them in memory.
    fn failures(&self, filter: &HistoryFilter) -> Result<Records<FailureRecord>, StateError> {
        Records::collect(|visit| self.visit_failures(filter, visit))
    }

    /// Every transition of a breaker, oldest first.
    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError>;

    /// Every run of the seeder, oldest first.
    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError>;

    /// What is known of packages of `ecosystem` that are not queued; empty without such a file.
    fn remembered(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<BTreeMap<PackageName, Remembered>, StateError>;

    /// A stored output; `None` when it is not there.
    fn output(&self, sha256: &str) -> Result<Option<String>, StateError>;

    /// The text of a recipe; `None` when it is not there.
    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError>;

    /// The names of all recipes, sorted.
    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError>;
}

/// Writes the state. Each call is atomic, and repeating it changes nothing.
pub trait StateWriter: StateReader {
    /// Keeps other programs from changing the state until the answer is dropped. Not to be asked
    /// for twice at once by one thread. Readers never wait for it.
    fn exclusive(&self) -> Result<Box<dyn Send + '_>, StateError>;

    /// Takes the lock of a run, which another run asks for in vain until the answer is dropped.
    fn lock_run(&self, now: DateTime<Utc>) -> Result<Box<dyn Send + '_>, StateError>;

    /// Replaces the fields of the control plane that this version knows.
    fn put_control(&self, control: &Control) -> Result<(), StateError>;

    /// Replaces a queue. Entries in quarantine are written back as they were.
    fn put_queue(&self, queue: &QueueFile) -> Result<(), StateError>;

    /// Stores an output under its digest. `truncated` says that its middle was left out before.
    fn put_output(&self, text: &str, truncated: bool) -> Result<OutputRef, StateError>;

    /// Replaces the failures of one run.
    fn put_failures(&self, batch_id: &str, records: &[FailureRecord]) -> Result<(), StateError>;

    /// Adds a transition, unless it is there.
    fn put_transition(&self, transition: &BreakerTransition) -> Result<(), StateError>;

    /// Adds a run of the seeder, unless it is there.
    fn put_seeding_run(&self, record: &SeedingRecord) -> Result<(), StateError>;

    /// Replaces what was found out about packages of `ecosystem` that are not queued.
    fn put_remembered(
        &self,
        ecosystem: &EcosystemId,
        packages: &BTreeMap<PackageName, Remembered>,
    ) -> Result<(), StateError>;

    /// Writes a recipe.
    fn put_recipe(&self, name: &RecipeName, toml: &str) -> Result<(), StateError>;

    /// Writes the record of a run: the last thing a run writes.
    fn put_run(&self, record: &RunRecord) -> Result<(), StateError>;
}

/// One queue file.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFile {
    /// All but the entries.
    pub header: QueueHeader,
    /// By id.
    pub entries: Queue,
    /// What could not be read; kept.
    pub quarantined: Vec<Quarantined>,
}

impl QueueFile {
    /// Packages that the entries in quarantine are about, where so much of them can be read: they
    /// are queued, though nobody knows how they stand. Empty where nothing is in quarantine.
    pub fn quarantined_ids(&self) -> BTreeSet<PackageId> {
        let id = |entry: &Quarantined| -> Option<PackageId> {
            // Whatever else is wrong with it, down to numbers that are none.
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&entry.raw).ok()?;
            let id: String = serde_json::from_str(fields.get("id")?.get()).ok()?;
            id.parse().ok()
        };
        let ids = self.quarantined.iter().filter_map(id);
        ids.filter(|id| id.ecosystem == self.header.ecosystem).collect()
    }
}

/// Records of many files.
#[derive(Debug, Clone, PartialEq)]
pub struct Records<T> {
    /// What could be read.
    pub records: Vec<T>,
    /// What could not.
    pub quarantined: Vec<Quarantined>,
}

impl<T> Default for Records<T> {
    fn default() -> Self {
        Self { records: vec![], quarantined: vec![] }
    }
}

/// One entry that could not be read. Displays as file, place and reason, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Relative to the root.
    pub file: String,
    /// Line of a JSONL file, number of an entry in a queue; both from 1. 0 is the whole file.
    pub place: u64,
    /// What is wrong with it, in one line.
    pub reason: String,
    /// As it stands in the file, byte for byte if it is UTF-8. Hostile. Empty for a whole file.
    pub raw: String,
}

impl fmt::Display for Quarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, reason, .. } = self;
        let has_lines = file.strip_suffix(".jsonl").is_some();
        match place {
            0 => write!(f, "{file}: {reason}"),
            line if has_lines => write!(f, "{file}, line {line}: {reason}"),
            entry => write!(f, "{file}, entry {entry}: {reason}"),
        }
    }
}
