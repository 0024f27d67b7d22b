//! The stored state, with separate traits for reading and for writing.
//!
//! Bad data affects one entry and never the whole file: what cannot be read is returned as
//! [`Quarantined`] and stays in the file, so that a person can repair it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::{
    io::{HistoryFilter, StateError, Visited, Visitor},
    model::{
        BreakerTransition, Control, CuratedSource, EcosystemId, FailureRecord, FailureSummary,
        OutputRecord, OutputRef, PackageId, PackageName, Queue, QueueHeader, RecipeName,
        Remembered, RunRecord, SCHEMA_VERSION, SeedingRecord, SourceAudit,
    },
};

/// Reads the state. This is the only access that analytics has.
pub trait StateReader: Send + Sync {
    /// The control file.
    fn control(&self) -> Result<Control, StateError>;

    /// Ecosystems that have a queue file, sorted.
    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError>;

    /// The queue of `ecosystem`; `None` when there is no such file. It is shared, so that a state in
    /// memory copies no entries.
    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<Arc<QueueFile>>, StateError>;

    /// Calls `visit` for the runs that fit `filter`, newest first, until it stops.
    ///
    /// The order is that of the starts in the file names. Files without a start in their names come
    /// last.
    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError>;

    /// Calls `visit` for the failures that fit `filter`: the newest run first, and within a run the
    /// failure that ended last.
    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError>;

    /// Calls `visit` for the summaries of the failures that [`Self::visit_failures`] yields, in the
    /// same order. Damage to fields that summaries do not have is not noticed.
    fn visit_failure_summaries(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureSummary>,
    ) -> Result<(), StateError> {
        self.visit_failures(filter, &mut |visited| match visited {
            Visited::Record(record) => visit(Visited::Record(record.into())),
            Visited::Damaged(damaged) => visit(Visited::Damaged(damaged)),
        })
    }

    /// One run; `None` when it has no readable record.
    fn run(&self, batch_id: &str) -> Result<Option<RunRecord>, StateError> {
        let runs = self.runs(&HistoryFilter::of_batch(batch_id))?;
        Ok(runs.records.into_iter().next())
    }

    /// The runs that [`Self::visit_runs`] yields, all in memory.
    fn runs(&self, filter: &HistoryFilter) -> Result<Records<RunRecord>, StateError> {
        Records::collect(|visit| self.visit_runs(filter, visit))
    }

    /// The failures that [`Self::visit_failures`] yields, all in memory.
    fn failures(&self, filter: &HistoryFilter) -> Result<Records<FailureRecord>, StateError> {
        Records::collect(|visit| self.visit_failures(filter, visit))
    }

    /// All changes of breakers, oldest first.
    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError>;

    /// All seeding runs, oldest first.
    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError>;

    /// Why packages of `ecosystem` are not queued; empty without such a file.
    fn remembered(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<BTreeMap<PackageName, Remembered>, StateError>;

    /// The decisions of people about sources, in the order in which they are stored. A state has
    /// none unless it says otherwise.
    fn curated_sources(&self) -> Result<Records<CuratedSource>, StateError> {
        Ok(Records::default())
    }

    /// The decisions of the earlier pipeline about sources. A state has none unless it says
    /// otherwise.
    fn source_audits(&self) -> Result<Records<SourceAudit>, StateError> {
        Ok(Records::default())
    }

    /// A stored output; `None` when it does not exist.
    fn output(&self, sha256: &str) -> Result<Option<String>, StateError>;

    /// Calls `visit` for those of the outputs `wanted`, given by their digests, that are stored, in
    /// no order, until it stops. Many outputs are read in less time than with [`Self::output`].
    fn visit_outputs(
        &self,
        wanted: &BTreeSet<String>,
        visit: Visitor<'_, OutputRecord>,
    ) -> Result<(), StateError> {
        for sha256 in wanted {
            let Some(text) = self.output(sha256)? else { continue };
            let (schema_version, sha256) = (SCHEMA_VERSION, sha256.clone());
            let output = OutputRecord { schema_version, sha256, text };
            if visit(Visited::Record(output)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The text of a recipe; `None` when it does not exist.
    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError>;

    /// The names of all recipes, sorted.
    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError>;

    /// A digest of everything that is stored: as long as it is the same, all other functions return the
    /// same. `None` if that cannot be known, as in a state in memory, or where something cannot be read.
    fn digest(&self) -> Option<u64> {
        None
    }
}

/// Writes the state. Each call is atomic, and repeating it changes nothing.
pub trait StateWriter: StateReader {
    /// Prevents other programs from changing the state until the result is dropped. A thread must
    /// not call it again before that. Readers never wait for it.
    fn exclusive(&self) -> Result<Box<dyn Send + '_>, StateError>;

    /// Takes the run lock. Other runs are refused until the result is dropped.
    fn lock_run(&self, now: DateTime<Utc>) -> Result<Box<dyn Send + '_>, StateError>;

    /// Replaces the fields of the control file that this version knows.
    fn put_control(&self, control: &Control) -> Result<(), StateError>;

    /// Replaces a queue. Quarantined entries are written back unchanged.
    fn put_queue(&self, queue: &QueueFile) -> Result<(), StateError>;

    /// Replaces or adds the entries `changed` of the queue `file`, which was just read, at `now`.
    fn put_entries(
        &self,
        file: Arc<QueueFile>,
        changed: Queue,
        now: DateTime<Utc>,
    ) -> Result<(), StateError> {
        let mut file = Arc::unwrap_or_clone(file);
        file.change(changed, now);
        self.put_queue(&file)
    }

    /// Stores an output under its digest. `truncated` says that its middle was left out before.
    fn put_output(&self, text: &str, truncated: bool) -> Result<OutputRef, StateError>;

    /// Replaces the failures of one run.
    fn put_failures(&self, batch_id: &str, records: &[FailureRecord]) -> Result<(), StateError>;

    /// Adds a change of a breaker, unless it was added before.
    fn put_transition(&self, transition: &BreakerTransition) -> Result<(), StateError>;

    /// Adds a seeding run, unless it was added before.
    fn put_seeding_run(&self, record: &SeedingRecord) -> Result<(), StateError>;

    /// Replaces the stored reasons why packages of `ecosystem` are not queued.
    fn put_remembered(
        &self,
        ecosystem: &EcosystemId,
        packages: &BTreeMap<PackageName, Remembered>,
    ) -> Result<(), StateError>;

    /// Writes a recipe.
    fn put_recipe(&self, name: &RecipeName, toml: &str) -> Result<(), StateError>;

    /// Writes the record of a run. A run writes it last.
    fn put_run(&self, record: &RunRecord) -> Result<(), StateError>;
}

/// One queue file.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueFile {
    /// Everything except the entries.
    pub header: QueueHeader,
    /// The entries by id.
    pub entries: Queue,
    /// Entries that could not be read and are kept.
    pub quarantined: Vec<Quarantined>,
}

impl QueueFile {
    /// Replaces or adds the entries `changed` at `now`.
    pub fn change(&mut self, changed: Queue, now: DateTime<Utc>) {
        self.entries.extend(changed);
        self.header.updated_at = self.header.updated_at.max(now);
    }

    /// The packages of quarantined entries, as far as their ids can be read. They are queued,
    /// although their state is unknown. Empty when no entry is quarantined.
    pub fn quarantined_ids(&self) -> BTreeSet<PackageId> {
        let id = |entry: &Quarantined| -> Option<PackageId> {
            // Whatever else is wrong with the entry, even invalid numbers.
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(&entry.raw).ok()?;
            let id: String = serde_json::from_str(fields.get("id")?.get()).ok()?;
            id.parse().ok()
        };
        let ids = self.quarantined.iter().filter_map(id);
        ids.filter(|id| id.ecosystem == self.header.ecosystem).collect()
    }
}

/// The records of several files.
#[derive(Debug, Clone, PartialEq)]
pub struct Records<T> {
    /// The records that could be read.
    pub records: Vec<T>,
    /// The records that could not be read.
    pub quarantined: Vec<Quarantined>,
}

impl<T> Default for Records<T> {
    fn default() -> Self {
        Self { records: vec![], quarantined: vec![] }
    }
}

/// An entry that could not be read. `Display` writes the file, the position and the reason in one
/// line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// The path of the file, relative to the root.
    pub file: String,
    /// The line of a JSONL file, or the number of the entry in a queue; both from 1. 0 means the
    /// whole file.
    pub place: u64,
    /// What is wrong with it, in one line.
    pub reason: String,
    /// The text in the file, unchanged if it is UTF-8. It is hostile input. Empty for a whole file.
    pub raw: String,
}

impl fmt::Display for Quarantined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, reason, .. } = self;
        let has_lines = [".jsonl", ".jsonl.zst"].iter().any(|end| file.ends_with(end));
        match place {
            0 => write!(f, "{file}: {reason}"),
            line if has_lines => write!(f, "{file}, line {line}: {reason}"),
            entry => write!(f, "{file}, entry {entry}: {reason}"),
        }
    }
}
