//! The counts of an import.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::old_formats::Refused;

/// A kind of old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Entries of the queue.
    QueueEntry,
    /// Failures.
    Failure,
    /// Runs.
    Run,
    /// The control file.
    Control,
    /// Seeding runs.
    Seeding,
    /// Sources that a person selected.
    Selection,
    /// Sources that the program selected.
    Audit,
}

impl RecordKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::QueueEntry,
        Self::Failure,
        Self::Run,
        Self::Control,
        Self::Seeding,
        Self::Selection,
        Self::Audit,
    ];

    /// The plural for a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueEntry => "queue entries",
            Self::Failure => "failures",
            Self::Run => "runs",
            Self::Control => "control files",
            Self::Seeding => "seeding runs",
            Self::Selection => "selected sources",
            Self::Audit => "audits",
        }
    }
}

/// The records of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// Files that were read.
    pub files: u64,
    /// Records that were read: the sum of the three below.
    pub records_in: u64,
    /// Records in the current format.
    pub records_out: u64,
    /// Records that are parts of others now, because both mean the same.
    pub merged: u64,
    /// Parts of files that are not imported; they are under `quarantined`.
    pub quarantined: u64,
}

/// A number that is added up over all records, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields of run, failure and seeding records")]
pub enum Sum {
    Attempts,
    Generated,
    Merged,
    Excluded,
    Constrained,
    Tested,
    Passed,
    Failed,
    DurationSeconds,
    BlockedBy,
    Added,
    Refreshed,
}

/// A sum before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Total {
    /// In the old records.
    #[serde(rename = "in")]
    pub before: u64,
    /// In the new ones.
    #[serde(rename = "out")]
    pub after: u64,
}

/// Something odd about old data, and what is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// An ecosystem had another name than now.
    Aliases,
    /// Two entries had the same source and are one now.
    DuplicateSources,
    /// An entry whose name its ecosystem refuses, for example of a tap, needs a person now.
    RefusedNames,
    /// An entry of an ecosystem that no plugin builds needs a person now.
    UnsupportedSources,
    /// An entry had a status that was never legal, and is pending now.
    IllegalStatuses,
    /// An entry was in progress, and is pending now.
    InProgress,
    /// An entry was skipped, and is excluded now.
    Skipped,
    /// A blocked entry does not say what it waits for, and no failure says it either.
    BlockedByNothing,
    /// A successful entry had failures in a row or a waiting time; both are removed.
    CountersOfSuccesses,
    /// A successful entry has no recipe in the old tree. The next run decides.
    SuccessWithoutRecipe,
    /// An instant is before 2020, or no instant at all. It is left out.
    ImpossibleDates,
    /// A queue that another one has replaced is not imported.
    OlderQueues,
    /// Entries of such queues.
    EntriesOfOlderQueues,
    /// A file is empty.
    EmptyFiles,
    /// A file below `data/` is of no kind that is imported.
    OtherFiles,
    /// A failure without an ecosystem of ours got the package of the entry of that name.
    PlacedByQueue,
    /// A failure without an ecosystem of ours, of whose name there is no entry.
    PlacedNowhere,
    /// A failure has a category that the old format does not have.
    UnknownCategories,
    /// An environment is not a known one. It is left out.
    UnknownEnvironments,
    /// A name of a missing recipe is not possible. It is left out.
    ImpossibleBlockers,
    /// A run was for several ecosystems, or for none of ours. Its record names none.
    RunsOfNoOneEcosystem,
    /// Two breakers are of the same ecosystem. The one that failed last is kept.
    DuplicateBreakers,
    /// A breaker of an ecosystem that no plugin builds is left out.
    UnsupportedBreakers,
    /// A seeding run was for several ecosystems, or for none of ours. Its ecosystem is `unknown`.
    SeedingsOfNoOneEcosystem,
    /// A pending entry has a source that the program selected although the packages may be different
    /// programs of the same name, and that no person has confirmed.
    UnconfirmedSources,
    /// An unknown ecosystem was disabled. It cannot run anyway.
    UnsupportedDisabled,
}

/// A part of a file that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefusedPiece {
    /// The file, relative to the old tree.
    pub file: String,
    /// The line in which it begins, from 1.
    pub line: u64,
    /// What is wrong with it, in one line.
    pub reason: String,
}

/// The counts of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// By kind.
    pub kinds: BTreeMap<RecordKind, Count>,
    /// Sums before and after.
    pub sums: BTreeMap<Sum, Total>,
    /// Cases of each oddity.
    pub oddities: BTreeMap<Oddity, u64>,
    /// What was not imported.
    pub quarantined: Vec<RefusedPiece>,
}

impl Report {
    pub(super) fn count(&mut self, kind: RecordKind) -> &mut Count {
        self.kinds.entry(kind).or_default()
    }

    /// Counts a part of `file` that is not imported as read.
    pub(super) fn refuse(&mut self, kind: RecordKind, file: &str, refused: Refused) {
        let count = self.count(kind);
        count.records_in += 1;
        count.quarantined += 1;
        let Refused { line, reason } = refused;
        self.quarantined.push(RefusedPiece { file: file.to_owned(), line, reason });
    }

    pub(super) fn note(&mut self, oddity: Oddity, n: u64) {
        if n > 0 {
            *self.oddities.entry(oddity).or_default() += n;
        }
    }

    pub(super) fn add_in(&mut self, sum: Sum, n: u64) {
        let total = self.sums.entry(sum).or_default();
        total.before = total.before.saturating_add(n);
    }

    pub(super) fn add_out(&mut self, sum: Sum, n: u64) {
        let total = self.sums.entry(sum).or_default();
        total.after = total.after.saturating_add(n);
    }

    /// Whether each record that was read went out, was merged or was refused, and every sum is the
    /// same before and after.
    pub fn is_balanced(&self) -> bool {
        let is_whole = |count: &Count| {
            count.records_in == count.records_out + count.merged + count.quarantined
        };
        self.kinds.values().all(is_whole)
            && self.sums.values().all(|total| total.before == total.after)
    }
}
