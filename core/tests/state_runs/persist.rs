//! The results of a run are stored.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
};

use batch_core::{
    decide::seeding::{Merging, TrustedSize, Walk},
    io::{
        FsState, HistoryFilter, QueueFile, Records, StateError, StateErrorKind, StateReader,
        StateWriter, Visitor,
    },
    model::{
        BreakerTransition, Candidate, CircuitState, Control, Delta, EcosystemId, FailureRecord,
        Health, OutputRef, PackageId, PackageName, Page, QueueHeader, RecipeName, Remembered,
        RunRecord, SCHEMA_VERSION, SeedLine, SeedSkip, SeedStart, SeedVerdict, SeedingRecord,
        Status, TierMeanings,
    },
    persist::{Persisted, SeedingTraffic, persist_seeding},
};
use batch_sim::{attempt, succeeded};
use chrono::{DateTime, Utc};

use crate::{ECO, OWN, delta, mixed, put, root, second, tree, unhealthy};

/// A state whose disk is full after a number of writes.
struct LimitedDisk<'a> {
    state: &'a FsState,
    writes_left: Mutex<usize>,
}

impl LimitedDisk<'_> {
    fn take(&self) -> Result<(), StateError> {
        let mut left = self.writes_left.lock().unwrap();
        let full = || StateError { path: "disk".into(), kind: StateErrorKind::DiskFull };
        *left = left.checked_sub(1).ok_or_else(full)?;
        Ok(())
    }
}

impl StateReader for LimitedDisk<'_> {
    fn control(&self) -> Result<Control, StateError> {
        self.state.control()
    }
    fn queued_ecosystems(&self) -> Result<Vec<EcosystemId>, StateError> {
        self.state.queued_ecosystems()
    }
    fn queue(&self, ecosystem: &EcosystemId) -> Result<Option<Arc<QueueFile>>, StateError> {
        self.state.queue(ecosystem)
    }
    fn visit_runs(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, RunRecord>,
    ) -> Result<(), StateError> {
        self.state.visit_runs(filter, visit)
    }
    fn visit_failures(
        &self,
        filter: &HistoryFilter,
        visit: Visitor<'_, FailureRecord>,
    ) -> Result<(), StateError> {
        self.state.visit_failures(filter, visit)
    }
    fn breaker_log(&self) -> Result<Records<BreakerTransition>, StateError> {
        self.state.breaker_log()
    }
    fn seeding_runs(&self) -> Result<Records<SeedingRecord>, StateError> {
        self.state.seeding_runs()
    }
    fn remembered(
        &self,
        ecosystem: &EcosystemId,
    ) -> Result<BTreeMap<PackageName, Remembered>, StateError> {
        self.state.remembered(ecosystem)
    }
    fn output(&self, sha256: &str) -> Result<Option<String>, StateError> {
        self.state.output(sha256)
    }
    fn recipe(&self, name: &RecipeName) -> Result<Option<String>, StateError> {
        self.state.recipe(name)
    }
    fn recipe_names(&self) -> Result<Vec<RecipeName>, StateError> {
        self.state.recipe_names()
    }
}

impl StateWriter for LimitedDisk<'_> {
    fn exclusive(&self) -> Result<Box<dyn Send + '_>, StateError> {
        self.state.exclusive()
    }
    fn lock_run(&self, now: DateTime<Utc>) -> Result<Box<dyn Send + '_>, StateError> {
        self.state.lock_run(now)
    }
    fn put_control(&self, control: &Control) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_control(control))
    }
    fn put_queue(&self, queue: &QueueFile) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_queue(queue))
    }
    fn put_output(&self, text: &str, truncated: bool) -> Result<OutputRef, StateError> {
        self.take().and_then(|()| self.state.put_output(text, truncated))
    }
    fn put_failures(&self, batch_id: &str, records: &[FailureRecord]) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_failures(batch_id, records))
    }
    fn put_transition(&self, transition: &BreakerTransition) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_transition(transition))
    }
    fn put_seeding_run(&self, record: &SeedingRecord) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_seeding_run(record))
    }
    fn put_remembered(
        &self,
        ecosystem: &EcosystemId,
        packages: &BTreeMap<PackageName, Remembered>,
    ) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_remembered(ecosystem, packages))
    }
    fn put_recipe(&self, name: &RecipeName, toml: &str) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_recipe(name, toml))
    }
    fn put_run(&self, record: &RunRecord) -> Result<(), StateError> {
        self.take().and_then(|()| self.state.put_run(record))
    }
}

/// Interrupts after every number of writes, and returns how many writes there are.
fn check_every_break(delta: &Delta) -> usize {
    let (undisturbed, state) = root();
    put(&state, delta).unwrap();
    let expected = tree(undisturbed.path());
    for n_writes in 0.. {
        let (dir, state) = root();
        let filling = LimitedDisk { state: &state, writes_left: Mutex::new(n_writes) };
        let Err(error) = put(&filling, delta) else { return n_writes };
        assert!(matches!(error.kind, StateErrorKind::DiskFull));
        assert_eq!(state.run(&delta.batch.to_string()).unwrap(), None, "not all of it is in");
        // Interrupts once more at an earlier write, and then completes.
        let filling = LimitedDisk { state: &state, writes_left: Mutex::new(n_writes / 2) };
        put(&filling, delta).unwrap_err();
        assert!(matches!(put(&state, delta), Ok(Persisted::Now { .. })));
        assert!(tree(dir.path()) == expected, "after {n_writes} writes");
    }
    unreachable!("no run takes so many writes")
}

#[test]
fn storing_a_run_gives_the_same_bytes_after_any_interruption() {
    // Outputs b, c, d; recipe; failures; queue; control; run.
    assert_eq!(check_every_break(&mixed()), 8);
    // Output; failures; queue; transition; control; run.
    assert_eq!(check_every_break(&unhealthy()), 6);
    // Control; run.
    assert_eq!(check_every_break(&delta(vec![])), 2);
}

#[test]
fn a_stored_run_contains_all_its_results() {
    let (dir, state) = root();
    let Persisted::Now { health, transition: None } = put(&state, &mixed()).unwrap() else {
        panic!("it was not there")
    };
    assert_eq!(health, Health::Healthy);
    let id = mixed().batch.to_string();
    let run = state.run(&id).unwrap().unwrap();
    assert_eq!((run.total, run.succeeded, run.failed), (4, 1, 3));
    assert_eq!(state.recipe_names().unwrap(), ["a".parse().unwrap()]);

    let failures = state.failures(&HistoryFilter::of_batch(&id)).unwrap().records;
    let outputs: Vec<_> = failures.iter().map(|failure| failure.output.clone().unwrap()).collect();
    assert_eq!(outputs[0], outputs[2], "stored once per content");
    assert_eq!(outputs.iter().map(|it| it.truncated).collect::<Vec<_>>(), [false, true, false]);
    let cut = state.output(&outputs[1].sha256).unwrap().unwrap();
    assert!(cut.len() < 70_000 && cut.contains("bytes left out"));
    assert_eq!(tree(dir.path()).keys().filter(|name| name.contains("outputs")).count(), 2);

    let queue = state.queue(&ECO).unwrap().unwrap();
    let statuses: Vec<_> = queue.entries.values().map(|entry| entry.status.clone()).collect();
    assert_eq!(statuses, [Status::Success, Status::Failed, Status::Failed, Status::Failed]);
    assert_eq!(queue.header.updated_at, second(200));
    assert!(state.control().unwrap().hosts.contains_key(OWN));
}

#[test]
fn a_breaker_that_opens_is_in_the_control_plane_and_in_the_log() {
    let (_dir, state) = root();
    put(&state, &unhealthy()).unwrap();
    let log = state.breaker_log().unwrap().records;
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].from, log[0].to), (CircuitState::Closed, CircuitState::Open));
    let failures = state.failures(&HistoryFilter::default()).unwrap().records;
    let mut ids: Vec<_> = failures.into_iter().map(|failure| failure.id).collect();
    ids.sort();
    assert_eq!(log[0].evidence, ids);
    assert!(state.control().unwrap().breaker(&ECO).open.is_some());
}

#[test]
fn a_stored_run_is_not_stored_again() {
    let (dir, state) = root();
    put(&state, &mixed()).unwrap();
    let before = tree(dir.path());
    let mut control = state.control().unwrap();
    control.enabled = false;
    state.put_control(&control).unwrap();
    assert_eq!(put(&state, &mixed()).unwrap(), Persisted::Before);
    assert!(!state.control().unwrap().enabled, "what came later stands");
    control.enabled = true;
    state.put_control(&control).unwrap();
    assert!(tree(dir.path()) == before);
}

#[test]
fn the_recipe_of_an_entry_excluded_during_the_run_is_not_written() {
    let (_dir, state) = root();
    let mut queue = Arc::unwrap_or_clone(state.queue(&ECO).unwrap().unwrap());
    let entry = queue.entries.get_mut(&"eco:a".parse().unwrap()).unwrap();
    entry.status = Status::Excluded { reason: "operator".to_owned() };
    state.put_queue(&queue).unwrap();
    let other = attempt("eco:not-queued", succeeded("other"));
    let delta = delta(vec![attempt("eco:a", succeeded("a")), other]);
    put(&state, &delta).unwrap();
    assert_eq!(state.recipe_names().unwrap(), ["other".parse().unwrap()]);
    let run = state.run(&delta.batch.to_string()).unwrap().unwrap();
    assert_eq!((run.succeeded, run.merged), (2, 1), "what was written is counted");
}

#[test]
fn quarantined_entries_are_kept_by_a_run() {
    let (_dir, state) = root();
    let path = state.layout().queue(&ECO);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"eco:c\"", "\"eco:../c\"", 1)).unwrap();
    put(&state, &mixed()).unwrap();
    let queue = state.queue(&ECO).unwrap().unwrap();
    assert_eq!((queue.entries.len(), queue.quarantined.len()), (3, 1));
    assert!(queue.quarantined[0].raw.contains("eco:../c"));
}

#[test]
fn a_run_without_a_queue_is_recorded_too() {
    let (_dir, state) = root();
    fs::remove_file(state.layout().queue(&ECO)).unwrap();
    put(&state, &mixed()).unwrap();
    assert!(state.run(&mixed().batch.to_string()).unwrap().is_some());
    assert_eq!(state.queue(&ECO).unwrap(), None);
}

/// Stores a seeding in `state` that found a tool and a library, and a host with a requested pause.
fn put_seeding(state: &dyn StateWriter) -> Result<SeedingRecord, StateError> {
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: ECO,
        started_at: now,
        limit: None,
        left: vec![],
    };
    let identity = |name: &PackageName| name.to_string();
    let mut walk = Walk::new(start, &[("top", TrustedSize::default())], &identity, &|_| None);
    let id = |name: &str| PackageId { ecosystem: ECO, name: name.parse().unwrap() };
    let candidate = |name, commands| Candidate { commands, ..Candidate::of(id(name)) };
    let tool = candidate("brand-new", Some(vec!["brand-new".parse().unwrap()]));
    let candidates = vec![tool, candidate("lib", None)];
    let page = Page { candidates, ..Page::default() };
    walk.take(SeedLine::Page { source: "top".to_owned(), cursor: None, page });
    let verdict = SeedVerdict::Not { reason: SeedSkip::Library, why: "nothing".to_owned() };
    walk.take(SeedLine::Verdict { id: id("lib"), verdict });
    walk.fetch(true);
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: None,
        identity: &identity,
        started_at: now,
    };
    let header = QueueHeader { ecosystem: ECO, updated_at: now, tiers: TierMeanings::default() };
    let empty = QueueFile { header, entries: BTreeMap::new(), quarantined: vec![] };
    let until = now + chrono::TimeDelta::hours(1);
    let pauses = [("toy.example".to_owned(), until)].into();
    let seeding_traffic = SeedingTraffic { ended_at: now, pauses, ..SeedingTraffic::default() };
    persist_seeding(state, &walk, &merging, empty, seeding_traffic)
}

#[test]
fn storing_a_seeding_gives_the_same_bytes_after_any_interruption() {
    let (undisturbed, state) = root();
    let record = put_seeding(&state).unwrap();
    assert_eq!((record.added, record.skipped[&SeedSkip::Library]), (1, 1));
    let expected = tree(undisturbed.path());
    // Queue; what was found out; control; record.
    for n_writes in 0..4 {
        let (dir, state) = root();
        let filling = LimitedDisk { state: &state, writes_left: Mutex::new(n_writes) };
        put_seeding(&filling).unwrap_err();
        assert!(state.seeding_runs().unwrap().records.is_empty(), "not all of it is in");
        assert_eq!(put_seeding(&state).unwrap(), record);
        put_seeding(&state).unwrap();
        assert!(tree(dir.path()) == expected, "after {n_writes} writes");
    }
}
