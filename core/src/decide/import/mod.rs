//! What becomes of the records of the earlier pipeline. Nothing is dropped silently: every record
//! that comes in goes out, is merged into another one, or is refused with its place, and whatever
//! is odd about the data is counted.

mod control;
mod disambiguations;
mod failures;
mod queue;
mod report;
mod runs;
mod seedings;
mod sources;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use failures::FailureWithText;
pub use report::{Count, Oddity, RecordKind, RefusedPiece, Report, Sum, Total};
pub use sources::{Classify, Known, Normalise};

use crate::{
    decide::import::sources::QueuedNames,
    model::{
        BatchId, Control, CuratedSource, EcosystemId, PackageId, PackageName, Queue, RunRecord,
        SeedingRecord, SourceAudit,
    },
    old_formats::Refused,
};

/// Takes the place of the ecosystem in the ids of packages whose ecosystem is not known.
const UNKNOWN: EcosystemId = EcosystemId::from_static("unknown");

/// Before this instant there was no pipeline, so an instant before it is a mistake. Waiting times
/// of the earlier pipeline overflowed into the year 1734.
const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp(1_577_836_800, 0) {
    Some(instant) => instant, // 2020-01-01
    None => DateTime::UNIX_EPOCH,
};

/// An import: old records go in file by file, the queue first, because it says to which ecosystem
/// a name belongs.
pub struct Import<'a> {
    known: Known<'a>,
    names: QueuedNames,
    imported: Imported,
    /// What the failures say about a package.
    histories: BTreeMap<PackageId, failures::History>,
    /// How many failures have the same id except for its number.
    n_of_id: BTreeMap<String, u32>,
}

/// The records in the current format.
#[derive(Debug, Default)]
pub struct Imported {
    /// Entries by ecosystem.
    pub queues: BTreeMap<EcosystemId, ImportedQueue>,
    /// Failures by batch, in the order of their origins.
    pub failures: BTreeMap<BatchId, Vec<FailureWithText>>,
    /// Runs, in the order of the files.
    pub runs: Vec<RunRecord>,
    /// Seeding runs, in the order of the file.
    pub seedings: Vec<SeedingRecord>,
    /// The sources that a person selected, by tool.
    pub curated_sources: BTreeMap<PackageName, CuratedSource>,
    /// The sources that the earlier program selected, by tool.
    pub audits: BTreeMap<PackageName, SourceAudit>,
    /// The control file; `None` if there was none that could be read.
    pub control: Option<Control>,
    /// Counts, and what was refused.
    pub report: Report,
}

/// Entries of one ecosystem.
#[derive(Debug, Default)]
pub struct ImportedQueue {
    /// When the old queue changed last.
    pub updated_at: DateTime<Utc>,
    /// The entries.
    pub entries: Queue,
}

impl<'a> Import<'a> {
    /// An empty import.
    pub fn new(known: Known<'a>) -> Self {
        Self {
            known,
            names: QueuedNames::default(),
            imported: Imported::default(),
            histories: BTreeMap::new(),
            n_of_id: BTreeMap::new(),
        }
    }

    /// Counts a file of `kind`, and what of it was refused.
    fn begin(&mut self, kind: RecordKind, file: &str, refused: &[Refused]) {
        let report = &mut self.imported.report;
        report.count(kind).files += 1;
        for refused in refused {
            report.refuse(kind, file, refused.clone());
        }
    }

    /// Refuses the whole `file`.
    pub fn refuse_file(&mut self, kind: RecordKind, file: &str, refused: Refused) {
        self.begin(kind, file, &[refused]);
    }

    /// Counts `n` cases of an oddity that was seen outside of the records.
    pub fn note(&mut self, oddity: Oddity, n: u64) {
        self.imported.report.note(oddity, n);
    }

    /// The result.
    pub fn finish(mut self) -> Imported {
        self.complete_entries();
        self.count_unconfirmed();
        self.imported.add_up();
        self.imported
    }
}

impl Imported {
    /// Adds up what is written, independently of what was read.
    fn add_up(&mut self) {
        let report = &mut self.report;
        report.count(RecordKind::QueueEntry).records_out =
            n(self.queues.values().map(|queue| queue.entries.len()).sum());
        report.count(RecordKind::Failure).records_out =
            n(self.failures.values().map(Vec::len).sum());
        report.count(RecordKind::Run).records_out = n(self.runs.len());
        report.count(RecordKind::Control).records_out = n(usize::from(self.control.is_some()));
        report.count(RecordKind::Seeding).records_out = n(self.seedings.len());
        report.count(RecordKind::Selection).records_out = n(self.curated_sources.len());
        report.count(RecordKind::Audit).records_out = n(self.audits.len());
        for run in &self.runs {
            report.add_out(Sum::Attempts, run.total);
            report.add_out(Sum::Generated, run.generated);
            report.add_out(Sum::Merged, run.merged);
            report.add_out(Sum::Excluded, run.excluded);
            report.add_out(Sum::Constrained, run.constrained);
            report.add_out(Sum::DurationSeconds, run.duration_seconds);
            for counts in run.environments.values() {
                report.add_out(Sum::Tested, counts.tested);
                report.add_out(Sum::Passed, counts.passed);
                report.add_out(Sum::Failed, counts.failed);
            }
        }
        for seeding in &self.seedings {
            report.add_out(Sum::Added, n(seeding.added));
            report.add_out(Sum::Refreshed, n(seeding.refreshed));
        }
        for failure in self.failures.values().flatten() {
            report.add_out(Sum::BlockedBy, n(failure.record.blocked_by.len()));
        }
    }
}

fn n(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
