//! Seeding runs.

use std::collections::BTreeMap;

use crate::{
    decide::import::{
        Import, UNKNOWN, n,
        report::{Oddity, RecordKind, Sum},
    },
    model::{EcosystemId, SCHEMA_VERSION, SeedOutcome, SeedingRecord, SourceRun, Suspicion},
    old_formats::{OldRecords, OldSeeding, SourceChange},
};

impl Import<'_> {
    /// Imports the seeding runs of `file`.
    pub fn seedings(&mut self, file: &str, old: OldRecords<OldSeeding>) {
        self.begin(RecordKind::Seeding, file, &old.refused);
        for seeding in old.records {
            let report = &mut self.imported.report;
            report.count(RecordKind::Seeding).records_in += 1;
            report.add_in(Sum::Added, seeding.new_packages);
            report.add_in(Sum::Refreshed, seeding.stale_refreshed);
            let record = self.seeding(&seeding);
            let is_this = |other: &&SeedingRecord| {
                (&other.ecosystem, other.started_at) == (&record.ecosystem, record.started_at)
            };
            if self.imported.seedings.iter().any(|other| is_this(&other)) {
                let report = &mut self.imported.report;
                report.count(RecordKind::Seeding).merged += 1;
                report.add_out(Sum::Added, n(record.added));
                report.add_out(Sum::Refreshed, n(record.refreshed));
            } else {
                self.imported.seedings.push(record);
            }
        }
    }

    fn seeding(&mut self, old: &OldSeeding) -> SeedingRecord {
        let ecosystem = self.only_source(&old.sources_processed);
        self.note(Oddity::SeedingsOfNoOneEcosystem, u64::from(ecosystem == UNKNOWN));
        let failed = old.sources_failed.len();
        let outcome = match (old.sources_processed.len(), failed, old.n_errors) {
            (0, 1.., _) => SeedOutcome::Unavailable,
            (_, 0, 0) => SeedOutcome::Full,
            (_, _, _) => SeedOutcome::Partial,
        };
        let (added, refreshed) = (count(old.new_packages), count(old.stale_refreshed));
        let flagged = old.source_changes.iter().filter(|change| !change.auto_accepted);
        let suspicious = flagged.map(|change| self.suspicion(change)).collect();
        let of = |outcome| {
            move |name: &String| SourceRun {
                name: name.clone(),
                outcome,
                seen: 0,
                total: None,
                size: None,
                expected: None,
                cursor: None,
                reason: None,
            }
        };
        let read = old.sources_processed.iter().map(of(SeedOutcome::Full));
        let unread = old.sources_failed.iter().map(of(SeedOutcome::Unavailable));
        SeedingRecord {
            schema_version: SCHEMA_VERSION,
            ecosystem,
            started_at: old.run_at,
            ended_at: old.run_at,
            outcome,
            seen: added.saturating_add(refreshed),
            added,
            refreshed,
            unchanged: 0,
            skipped: BTreeMap::new(),
            not_visited: None,
            cursor: None,
            expected: None,
            sources: read.chain(unread).collect(),
            suspicious,
            usage: BTreeMap::new(),
        }
    }

    /// The ecosystem, if there was only one source and it is one of ours.
    fn only_source(&self, sources: &[String]) -> EcosystemId {
        let [source] = sources else { return UNKNOWN };
        self.known.names.resolve(source).cloned().unwrap_or(UNKNOWN)
    }

    /// A change of source that the earlier pipeline left to a person.
    fn suspicion(&self, change: &SourceChange) -> Suspicion {
        let clean = |text: &String| self.known.cleaner.text(text.as_bytes());
        let (old, new) = (clean(&change.old), clean(&change.new));
        Suspicion {
            name: clean(&change.package),
            evidence: format!("a seeding found {new} in place of {old}"),
        }
    }
}

fn count(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
