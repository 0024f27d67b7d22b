//! Queue entries.

use std::collections::btree_map::Entry;

use chrono::{DateTime, Utc};

use crate::{
    decide::import::{
        EARLIEST, Import,
        report::{Oddity, RecordKind},
        sources::{Source, Support},
    },
    model::{InvalidId, QueueEntry, RecipeName, Status},
    old_formats::{OldEntry, OldInstant, OldQueue, OldStatus, Refused},
};

impl Import<'_> {
    /// Imports the queue of `file`. It comes before all other records.
    pub fn queue(&mut self, file: &str, old: &OldQueue) {
        self.begin(RecordKind::QueueEntry, file, &old.refused);
        for entry in &old.entries {
            if let Err(error) = self.entry(entry, old.updated_at) {
                let refused = Refused { line: entry.line, reason: error.to_string() };
                self.imported.report.refuse(RecordKind::QueueEntry, file, refused);
            } else {
                self.imported.report.count(RecordKind::QueueEntry).records_in += 1;
            }
        }
    }

    fn entry(&mut self, old: &OldEntry, updated_at: DateTime<Utc>) -> Result<(), InvalidId> {
        let source = self.known.source(&old.source)?;
        self.note(Oddity::Aliases, u64::from(source.is_alias));
        if source.support != Support::Foreign {
            self.names.add(&old.name, &source.id);
        }
        let added_at = self.possible(old.added_at).or(self.possible(old.disambiguated_at));
        let mut entry =
            QueueEntry::new(source.id.clone(), old.tier, added_at.unwrap_or(updated_at));
        entry.next_retry_at = self.possible(old.next_retry_at);
        entry.consecutive_failures = u32::try_from(old.failure_count).unwrap_or(u32::MAX);
        entry.status = self.status(old, &source);
        if entry.status == Status::Success {
            self.reset_success(&mut entry, &old.name);
        }
        let queue = self.imported.queues.entry(source.id.ecosystem.clone()).or_default();
        queue.updated_at = queue.updated_at.max(updated_at);
        match queue.entries.entry(source.id) {
            Entry::Vacant(place) => drop(place.insert(entry)),
            Entry::Occupied(mut place) => {
                merge(place.get_mut(), entry);
                self.imported.report.count(RecordKind::QueueEntry).merged += 1;
                self.note(Oddity::DuplicateSources, 1);
            }
        }
        Ok(())
    }

    /// What cannot be built needs a person, unless a person or a recipe has decided already.
    fn status(&mut self, old: &OldEntry, source: &Source) -> Status {
        let reason = match &source.support {
            Support::Supported => None,
            Support::Refused(reason) => {
                self.note(Oddity::RefusedNames, 1);
                Some(reason.clone())
            }
            Support::Foreign => {
                self.note(Oddity::UnsupportedSources, 1);
                Some(format!("no plugin builds packages of {}", source.id.ecosystem))
            }
        };
        let manual = |reason: String| Status::RequiresManual { reason };
        let imported = |word: &str| format!("{word} in the imported queue");
        match (old.status, reason) {
            (OldStatus::Success, _) => Status::Success,
            (OldStatus::Excluded, _) => Status::Excluded { reason: imported("excluded") },
            (OldStatus::Skipped, _) => {
                self.note(Oddity::Skipped, 1);
                Status::Excluded { reason: imported("skipped") }
            }
            (_, Some(reason)) => manual(format!("unsupported_source: {reason}")),
            (OldStatus::RequiresManual, None) => manual(imported("requires_manual")),
            (OldStatus::Failed, None) => Status::Failed,
            (OldStatus::Blocked, None) => Status::Blocked { by: vec![] },
            (OldStatus::Pending, None) => Status::Pending,
            (OldStatus::Generated, None) => {
                self.note(Oddity::IllegalStatuses, 1);
                Status::Pending
            }
            (OldStatus::InProgress, None) => {
                self.note(Oddity::InProgress, 1);
                Status::Pending
            }
        }
    }

    fn reset_success(&mut self, entry: &mut QueueEntry, name: &str) {
        let has_counters = entry.consecutive_failures > 0 || entry.next_retry_at.is_some();
        self.note(Oddity::CountersOfSuccesses, u64::from(has_counters));
        (entry.consecutive_failures, entry.next_retry_at) = (0, None);
        let is_missing = self.known.has_recipe.is_some_and(|has_recipe| !has_recipe(name));
        self.note(Oddity::SuccessWithoutRecipe, u64::from(is_missing));
        entry.recipe = name.parse::<RecipeName>().ok();
    }

    /// The instant, if it is possible.
    fn possible(&mut self, instant: OldInstant) -> Option<DateTime<Utc>> {
        let possible = instant.at().filter(|at| EARLIEST <= *at);
        let is_bad = instant != OldInstant::Absent && possible.is_none();
        self.note(Oddity::ImpossibleDates, u64::from(is_bad));
        possible
    }

    /// Adds what the failures say about the entries.
    pub(super) fn complete_entries(&mut self) {
        let mut n_unexplained = 0;
        for queue in self.imported.queues.values_mut() {
            for entry in queue.entries.values_mut() {
                let history = self.histories.get(&entry.id);
                entry.last_attempt_at = history.and_then(|history| history.last_attempt_at);
                if let Status::Blocked { by } = &mut entry.status {
                    match history.and_then(|history| history.blocked_by.clone()) {
                        Some((_, names)) => *by = names,
                        None => n_unexplained += 1,
                    }
                }
            }
        }
        self.note(Oddity::BlockedByNothing, n_unexplained);
    }
}

/// Merges two entries of one package: the state that is nearer to an end, the better tier, the
/// older queueing.
fn merge(entry: &mut QueueEntry, other: QueueEntry) {
    let tier = entry.tier.min(other.tier);
    let added_at = entry.added_at.min(other.added_at);
    if finality(&entry.status) < finality(&other.status) {
        *entry = other;
    }
    entry.tier = tier;
    entry.added_at = added_at;
}

fn finality(status: &Status) -> u8 {
    match status {
        Status::Pending => 0,
        Status::Failed => 1,
        Status::Blocked { .. } => 2,
        Status::InProgress { .. } => 3,
        Status::RequiresManual { .. } => 4,
        Status::Excluded { .. } => 5,
        Status::Success => 6,
    }
}
