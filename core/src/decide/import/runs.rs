//! Runs.

use std::collections::BTreeMap;

use crate::{
    decide::{
        import::{
            Import,
            failures::{start_in_name, stem},
            report::{Oddity, RecordKind, Sum},
        },
        record,
    },
    model::{
        BatchId, EcosystemId, Environment, EnvironmentCounts, InvalidId, RunRecord, SlotOutcome,
    },
    old_formats::{OldRecords, OldRun, Refused},
};

/// Takes the place of the ecosystem in the id of a run that was not for one ecosystem of ours.
const BATCH: EcosystemId = EcosystemId::from_static("batch");

impl Import<'_> {
    /// Imports the runs of `file`.
    pub fn runs(&mut self, file: &str, old: OldRecords<OldRun>) {
        self.begin(RecordKind::Run, file, &old.refused);
        let is_alone = old.records.len() == 1;
        let prefix = stem(file).filter(|_| is_alone);
        let started_at = prefix.and_then(start_in_name);
        for run in old.records {
            let line = run.line;
            let started_at = started_at.unwrap_or(run.timestamp);
            match self.run(&run, started_at) {
                Ok(record) => {
                    self.imported.report.count(RecordKind::Run).records_in += 1;
                    self.add_sums(&run, attempts(&run));
                    self.imported.runs.push(record);
                }
                Err(error) => {
                    let refused = Refused { line, reason: error.to_string() };
                    self.imported.report.refuse(RecordKind::Run, file, refused);
                }
            }
        }
    }

    fn run(
        &mut self,
        old: &OldRun,
        started_at: chrono::DateTime<chrono::Utc>,
    ) -> Result<RunRecord, InvalidId> {
        let environments = environments(old)?;
        let ecosystem = self.ecosystem(old);
        let batch = BatchId::new(ecosystem.clone().unwrap_or(BATCH), started_at);
        let total = attempts(old);
        Ok(RunRecord {
            batch_id: self.unused_id(&batch.to_string()),
            slot: ecosystem.clone(),
            ecosystem,
            duration_seconds: old.duration_seconds,
            outcome: SlotOutcome::Ran,
            skip_reason: None,
            total,
            succeeded: old.merged,
            failed: total.saturating_sub(old.merged),
            generated: old.generated,
            merged: old.merged,
            excluded: old.excluded,
            constrained: old.constrained,
            environments,
            ..record::empty_slot(None, old.timestamp, String::new())
        })
    }

    /// The ecosystem, if the run was for exactly one of ours.
    fn ecosystem(&mut self, old: &OldRun) -> Option<EcosystemId> {
        let mut spellings = old.ecosystem.iter().chain(old.attempts.keys());
        let only = spellings.next().filter(|_| spellings.next().is_none());
        let found = only.and_then(|spelling| self.known.names.resolve(spelling)).cloned();
        let is_alias = only.zip(found.as_ref()).is_some_and(|(text, id)| text != id.as_str());
        self.note(Oddity::Aliases, u64::from(is_alias));
        self.note(Oddity::RunsOfNoOneEcosystem, u64::from(found.is_none()));
        found
    }

    /// `id`, or with a number if there is a run of that id.
    fn unused_id(&mut self, id: &str) -> String {
        let n = self.n_of_id.entry(id.to_owned()).or_default();
        *n += 1;
        if *n == 1 { id.to_owned() } else { format!("{id}-{n}") }
    }

    fn add_sums(&mut self, old: &OldRun, attempts: u64) {
        let report = &mut self.imported.report;
        report.add_in(Sum::Attempts, attempts);
        report.add_in(Sum::Generated, old.generated);
        report.add_in(Sum::Merged, old.merged);
        report.add_in(Sum::Excluded, old.excluded);
        report.add_in(Sum::Constrained, old.constrained);
        report.add_in(Sum::DurationSeconds, old.duration_seconds);
        for counts in old.platforms.values() {
            report.add_in(Sum::Tested, counts.tested);
            report.add_in(Sum::Passed, counts.passed);
            report.add_in(Sum::Failed, counts.failed);
        }
    }
}

/// The old total counts only merged and excluded recipes, so that a run in which every attempt
/// failed had a total of 0.
fn attempts(old: &OldRun) -> u64 {
    let attempted = old.attempts.values().fold(0_u64, |sum, n| sum.saturating_add(*n));
    attempted.max(old.total).max(old.merged)
}

fn environments(old: &OldRun) -> Result<BTreeMap<Environment, EnvironmentCounts>, InvalidId> {
    let mut environments: BTreeMap<Environment, EnvironmentCounts> = BTreeMap::new();
    for (name, counts) in &old.platforms {
        // Two old names may be one environment now.
        let sum = environments.entry(name.parse()?).or_default();
        sum.tested = sum.tested.saturating_add(counts.tested);
        sum.passed = sum.passed.saturating_add(counts.passed);
        sum.failed = sum.failed.saturating_add(counts.failed);
    }
    environments.retain(|_, counts| *counts != EnvironmentCounts::default());
    Ok(environments)
}
