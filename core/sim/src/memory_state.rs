//! A state in memory.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use batch_core::{
    io::{
        HistoryFilter, QueueFile, Records, StateError, StateErrorKind, StateReader, StateWriter,
        Visited, Visitor,
    },
    model::{
        BreakerTransition, Control, CuratedSource, EcosystemId, FailureRecord, OutputRef,
        PackageName, Queue, RecipeName, Remembered, RunRecord, SeedingRecord, SourceAudit,
    },
};

/// The content of a root in memory: what was written last is what is read. Nothing in it is ever
/// damaged.
#[derive(Debug, Default)]
pub struct MemoryState {
    stored: Mutex<Stored>,
    run: Lock,
    change: Lock,
}

/// A lock that may be released by another thread.
#[derive(Debug, Default)]
struct Lock {
    is_held: Mutex<bool>,
    released: Condvar,
}

struct Held<'a>(&'a Lock);

impl Lock {
    /// Takes the lock, or returns `None` if somebody holds it.
    fn try_hold(&self) -> Option<Held<'_>> {
        let mut is_held = self.is_held.lock().unwrap_or_else(PoisonError::into_inner);
        let was_held = std::mem::replace(&mut *is_held, true);
        (!was_held).then_some(Held(self))
    }

    /// Takes the lock as soon as nobody holds it.
    fn hold(&self) -> Held<'_> {
        let is_held = self.is_held.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.released.wait_while(is_held, |is_held| *is_held);
        *free.unwrap_or_else(PoisonError::into_inner) = true;
        Held(self)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.0.is_held.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.0.released.notify_one();
    }
}

#[derive(Debug, Default)]
struct Stored {
    control: Control,
    queues: BTreeMap<EcosystemId, Arc<QueueFile>>,
    runs: BTreeMap<String, RunRecord>,
    failures: BTreeMap<String, Vec<FailureRecord>>,
    transitions: Vec<BreakerTransition>,
    seeding_runs: Vec<SeedingRecord>,
    remembered: BTreeMap<EcosystemId, BTreeMap<PackageName, Remembered>>,
    outputs: BTreeMap<String, String>,
    recipes: BTreeMap<RecipeName, String>,
    sources: Vec<CuratedSource>,
    audits: Vec<SourceAudit>,
}

impl MemoryState {
    /// A state that contains only these queues.
    pub fn new(queues: impl IntoIterator<Item = QueueFile>) -> Self {
        let queues = queues.into_iter().map(|file| (file.header.ecosystem.clone(), Arc::new(file)));
        let stored = Stored { queues: queues.collect(), ..Stored::default() };
        Self { stored: Mutex::new(stored), ..Self::default() }
    }

    /// The same with what people decided about sources, and with the decisions of an earlier pipeline.
    /// No method changes them, as no run does.
    #[must_use]
    pub fn with_decisions(self, sources: Vec<CuratedSource>, audits: Vec<SourceAudit>) -> Self {
        {
            let mut stored = self.stored();
            (stored.sources, stored.audits) = (sources, audits);
        }
        self
    }

    /// The number of recorded runs.
    pub fn n_runs(&self) -> usize {
        self.stored().runs.len()
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole<T>(records: Vec<T>) -> Records<T> {
    Records { records, quarantined: vec![] }
}

impl StateReader for MemoryState {
    fn control(&self) -> Result<Control, StateError> {
        Ok(self.stored().control.clone())
    }

    fn curated_sources(&self) -> Result<Records<CuratedSource>, StateError> {
        Ok(whole(self.stored().sources.clone()))
    }

    fn source_audits(&self) -> Result<Records<SourceAudit>, StateError> {
        Ok(whole(self.stored().audits.clone()))
    }

    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError> {
        Ok(self.stored().queues.keys().cloned().collect())
    }

    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<Arc<QueueFile>>, StateError> {
        Ok(self.stored().queues.get(ecosystem).cloned())
    }

    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError> {
        let mut runs: Vec<RunRecord> = match &filter.batch {
            Some(batch) => self.stored().runs.get(batch).cloned().into_iter().collect(),
            None => self.stored().runs.values().cloned().collect(),
        };
        runs.sort_by(|a, b| (b.timestamp, &b.batch_id).cmp(&(a.timestamp, &a.batch_id)));
        for run in runs.into_iter().filter(|run| filter.takes_run(run)) {
            if visit(Visited::Record(run)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn run(&self, batch_id: &str) -> Result<Option<RunRecord>, StateError> {
        Ok(self.stored().runs.get(batch_id).cloned())
    }

    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError> {
        let of_batch = filter.batch.as_ref();
        let mut failures: Vec<FailureRecord> = match of_batch {
            Some(batch) => self.stored().failures.get(batch).cloned().unwrap_or_default(),
            None => self.stored().failures.values().flatten().cloned().collect(),
        };
        failures.sort_by(|a, b| (b.timestamp, &b.id).cmp(&(a.timestamp, &a.id)));
        for failure in failures.into_iter().filter(|failure| filter.takes_failure(failure)) {
            if visit(Visited::Record(failure)).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError> {
        Ok(whole(self.stored().transitions.clone()))
    }

    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError> {
        Ok(whole(self.stored().seeding_runs.clone()))
    }

    fn remembered(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<BTreeMap<PackageName, Remembered>, StateError> {
        Ok(self.stored().remembered.get(ecosystem).cloned().unwrap_or_default())
    }

    fn output(&self, sha256: &str) -> Result<Option<String>, StateError> {
        Ok(self.stored().outputs.get(sha256).cloned())
    }

    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError> {
        Ok(self.stored().recipes.get(name).cloned())
    }

    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError> {
        Ok(self.stored().recipes.keys().cloned().collect())
    }
}

impl StateWriter for MemoryState {
    fn exclusive(&self) -> Result<Box<dyn Send + '_>, StateError> {
        Ok(Box::new(self.change.hold()))
    }

    fn lock_run(&self, _now: DateTime<Utc>) -> Result<Box<dyn Send + '_>, StateError> {
        let kind = StateErrorKind::Locked { holder: None };
        let locked = || StateError { path: Path::new("memory").to_owned(), kind };
        Ok(Box::new(self.run.try_hold().ok_or_else(locked)?))
    }

    fn put_control(&self, control: &Control) -> Result<(), StateError> {
        self.stored().control = control.clone();
        Ok(())
    }

    fn put_queue(&self, queue: &QueueFile) -> Result<(), StateError> {
        let queue = Arc::new(queue.clone());
        self.stored().queues.insert(queue.header.ecosystem.clone(), queue);
        Ok(())
    }

    /// Changes the queue in its place, if nobody reads it at the same time.
    fn put_entries(
        &self,
        file: Arc<QueueFile>,
        changed: Queue,
        now: DateTime<Utc>,
    ) -> Result<(), StateError> {
        let ecosystem = file.header.ecosystem.clone();
        let mut stored = self.stored();
        let stored = stored.queues.entry(ecosystem).or_insert_with(|| Arc::clone(&file));
        drop(file);
        Arc::make_mut(stored).change(changed, now);
        Ok(())
    }

    fn put_output(&self, text: &str, truncated: bool) -> Result<OutputRef, StateError> {
        let digest = Sha256::digest(text);
        let sha256 = digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}"); // a string takes everything
            hex
        });
        self.stored().outputs.insert(sha256.clone(), text.to_owned());
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(OutputRef { sha256, bytes, truncated })
    }

    fn put_failures(&self, batch_id: &str, records: &[FailureRecord]) -> Result<(), StateError> {
        self.stored().failures.insert(batch_id.to_owned(), records.to_vec());
        Ok(())
    }

    fn put_transition(&self, transition: &BreakerTransition) -> Result<(), StateError> {
        let transitions = &mut self.stored().transitions;
        if !transitions.contains(transition) {
            transitions.push(transition.clone());
        }
        Ok(())
    }

    fn put_seeding_run(&self, record: &SeedingRecord) -> Result<(), StateError> {
        let records = &mut self.stored().seeding_runs;
        if !records.contains(record) {
            records.push(record.clone());
        }
        Ok(())
    }

    fn put_remembered(
        &self,
        ecosystem: &EcosystemId,
        packages: &BTreeMap<PackageName, Remembered>,
    ) -> Result<(), StateError> {
        self.stored().remembered.insert(ecosystem.clone(), packages.clone());
        Ok(())
    }

    fn put_recipe(&self, name: &RecipeName, toml: &str) -> Result<(), StateError> {
        self.stored().recipes.insert(name.clone(), toml.to_owned());
        Ok(())
    }

    fn put_run(&self, record: &RunRecord) -> Result<(), StateError> {
        self.stored().runs.insert(record.batch_id.clone(), record.clone());
        Ok(())
    }
}
