//! A state in memory.

use std::{collections::BTreeMap, sync::Arc};

use batch_core::{
    io::{
        HistoryFilter, Quarantined, QueueFile, Records, StateError, StateErrorKind, StateReader,
        Visited, Visitor,
    },
    model::{
        BreakerTransition, Control, CuratedSource, EcosystemId, FailureRecord, OutputRef,
        PackageId, PackageName, QueueEntry, QueueHeader, RecipeName, Remembered, RunRecord,
        SeedingRecord, SourceAudit, StoredEntry, TierMeanings,
    },
};
use chrono::DateTime;
use serde_json::{Value, json};

#[derive(Default)]
pub(crate) struct MemoryState {
    pub(crate) control: Control,
    pub(crate) queues: BTreeMap<EcosystemId, QueueFile>,
    /// Ecosystems whose queue file is damaged as a whole.
    pub(crate) damaged_queues: Vec<EcosystemId>,
    pub(crate) runs: Vec<RunRecord>,
    pub(crate) failures: Records<FailureRecord>,
    pub(crate) transitions: Vec<BreakerTransition>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) recipes: BTreeMap<RecipeName, String>,
    pub(crate) sources: Vec<CuratedSource>,
    pub(crate) audits: Vec<SourceAudit>,
    pub(crate) seedings: Vec<SeedingRecord>,
    /// What [`StateReader::digest`] says.
    pub(crate) digest: Option<u64>,
}

impl MemoryState {
    /// Adds a queue entry given as it is stored.
    pub(crate) fn queue(&mut self, entry: Value) {
        let stored: StoredEntry = serde_json::from_value(entry).unwrap();
        let entry = QueueEntry::try_from(stored).unwrap();
        self.queue_file(&entry.id).entries.insert(entry.id.clone(), entry);
    }

    pub(crate) fn queue_file(&mut self, id: &PackageId) -> &mut QueueFile {
        self.queues.entry(id.ecosystem.clone()).or_insert_with(|| QueueFile {
            header: QueueHeader {
                ecosystem: id.ecosystem.clone(),
                updated_at: DateTime::UNIX_EPOCH,
                tiers: TierMeanings::default(),
            },
            entries: BTreeMap::new(),
            quarantined: vec![],
        })
    }

    /// Adds a run; what is not given is zero or empty.
    pub(crate) fn run(&mut self, given: Value) {
        let zero = json!({
            "schema_version": 2, "duration_seconds": 95, "outcome": "ran", "total": 0,
            "succeeded": 0, "failed": 0, "blocked": 0, "generated": 0, "merged": 0,
        });
        self.runs.push(serde_json::from_value(merged(zero, given)).unwrap());
    }

    /// Adds a failure; its output, if any, is stored under `sha`.
    pub(crate) fn failure(&mut self, given: Value) {
        let usual = json!({
            "schema_version": 2, "stage": "validate", "confidence": "stated",
            "category": "validation_failed", "subcategory": "install_failed",
            "fingerprint": "00000000000000aa", "message": "it failed",
        });
        self.failures.records.push(serde_json::from_value(merged(usual, given)).unwrap());
    }

    pub(crate) fn store_output(&mut self, text: &str) -> Value {
        let sha256 = format!("{:064x}", self.outputs.len() + 1);
        let bytes = u64::try_from(text.len()).unwrap();
        self.outputs.insert(sha256.clone(), text.to_owned());
        serde_json::to_value(OutputRef { sha256, bytes, truncated: false }).unwrap()
    }
}

fn merged(mut base: Value, given: Value) -> Value {
    let Value::Object(given) = given else { panic!("a record is an object") };
    base.as_object_mut().unwrap().extend(given);
    base
}

pub(crate) fn quarantined(file: &str, place: u64, reason: &str, raw: &str) -> Quarantined {
    Quarantined { file: file.into(), place, reason: reason.into(), raw: raw.into() }
}

fn all<T: Clone>(records: &[T]) -> Records<T> {
    Records { records: records.to_vec(), quarantined: vec![] }
}

impl StateReader for MemoryState {
    fn control(&self) -> Result<Control, StateError> {
        Ok(self.control.clone())
    }

    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError> {
        Ok(self.queues.keys().chain(&self.damaged_queues).cloned().collect())
    }

    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<Arc<QueueFile>>, StateError> {
        if self.damaged_queues.contains(ecosystem) {
            let kind =
                StateErrorKind::Malformed { line: 3, column: 7, reason: "expected `,`".into() };
            let path = format!("/root/data/queues/priority-queue-{ecosystem}.json").into();
            return Err(StateError { path, kind });
        }
        Ok(self.queues.get(ecosystem).cloned().map(Arc::new))
    }

    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError> {
        let mut runs: Vec<_> = self.runs.iter().filter(|run| filter.takes_run(run)).collect();
        runs.sort_by(|a, b| (b.timestamp, &b.batch_id).cmp(&(a.timestamp, &a.batch_id)));
        let _ = runs.into_iter().cloned().map(Visited::Record).try_for_each(visit);
        Ok(())
    }

    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError> {
        let Records { records, quarantined } = &self.failures;
        let mut failures: Vec<_> = records.iter().filter(|it| filter.takes_failure(it)).collect();
        failures.sort_by(|a, b| (b.timestamp, &b.id).cmp(&(a.timestamp, &a.id)));
        let damaged = quarantined.iter().cloned().map(Visited::Damaged);
        let _ =
            damaged.chain(failures.into_iter().cloned().map(Visited::Record)).try_for_each(visit);
        Ok(())
    }

    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError> {
        Ok(all(&self.transitions))
    }

    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError> {
        Ok(all(&self.seedings))
    }

    fn curated_sources(&self) -> Result<Records<CuratedSource>, StateError> {
        Ok(all(&self.sources))
    }

    fn source_audits(&self) -> Result<Records<SourceAudit>, StateError> {
        Ok(all(&self.audits))
    }

    fn remembered(&self, _: &EcosystemId) -> Result<BTreeMap<PackageName, Remembered>, StateError> {
        Ok(BTreeMap::new())
    }

    fn output(&self, sha256: &str) -> Result<Option<String>, StateError> {
        Ok(self.outputs.get(sha256).cloned())
    }

    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError> {
        Ok(self.recipes.get(name).cloned())
    }

    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError> {
        Ok(self.recipes.keys().cloned().collect())
    }

    fn digest(&self) -> Option<u64> {
        self.digest
    }
}
