//! A run is noted while it lasts.

use std::{collections::BTreeSet, fs};

use batch_core::{
    decide,
    io::{HistoryFilter, Journal, Layout, StateErrorKind, StateReader as _, pending},
    model::{
        Attempt, BatchId, Delta, FailureKind, JournalFinish, JournalLine, JournalStart, Outcome,
        SCHEMA_VERSION, Turn,
    },
    persist::Persisted,
};
use batch_sim::{attempt, failed_on, succeeded};

use crate::{ECO, delta, mixed, put, root, second, tree};

fn start() -> JournalStart {
    JournalStart {
        schema_version: SCHEMA_VERSION,
        batch: BatchId::new(ECO, second(100)),
        turn: Turn::Own,
        probing: true,
        generator: "builtin 0".to_owned(),
        workflow_run_url: None,
    }
}

fn facts(delta: &Delta) -> Vec<JournalLine> {
    let mut lines = vec![];
    for attempt in &delta.attempts {
        lines.push(JournalLine::Began { package: attempt.package.clone(), at: attempt.started_at });
    }
    lines.extend(delta.attempts.iter().cloned().map(Box::new).map(JournalLine::Ended));
    lines.push(JournalLine::Finish(JournalFinish {
        ended_at: delta.ended_at,
        requests: delta.requests.clone(),
        pauses: delta.pauses.clone(),
    }));
    lines
}

fn noted(layout: &Layout, delta: &Delta) -> Journal {
    let mut journal = Journal::create(layout, &start()).unwrap();
    for line in facts(delta) {
        journal.append(&line).unwrap();
    }
    journal
}

#[test]
fn a_journal_gives_back_the_run_that_it_noted() {
    let (_dir, state) = root();
    let mut run = mixed();
    run.probing = true;
    let journal = noted(state.layout(), &run);
    let [found] = &pending(state.layout()).unwrap()[..] else { panic!("one is pending") };
    assert_eq!((found.path.as_path(), found.n_unreadable), (journal.path(), 0));
    assert_eq!(decide::journal::delta(&found.lines, second(999)), Some(run));
    journal.discard().unwrap();
    assert_eq!(pending(state.layout()).unwrap(), []);
}

#[test]
fn a_journal_cut_off_anywhere_loses_only_the_fact_it_was_cut_in() {
    let (_dir, state) = root();
    let run = delta(vec![
        attempt("eco:a", succeeded("a")),
        attempt("eco:b", failed_on(FailureKind::InstallFailed, None)),
    ]);
    let path = noted(state.layout(), &run).path().to_owned();
    let whole = fs::read(&path).unwrap();
    let mut n_attempts_seen = BTreeSet::new();
    for end in 0..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let mut found = pending(state.layout()).unwrap().remove(0);
        found.recover(second(500)).unwrap();
        let recovered = decide::journal::delta(&found.lines, second(999));
        // A second recovery, from the file.
        let again = pending(state.layout()).unwrap().remove(0);
        assert_eq!(decide::journal::delta(&again.lines, second(5_000)), recovered, "cut at {end}");

        let whole_lines = whole[..end].split_inclusive(|&byte| byte == b'\n');
        let n_noted =
            whole_lines.filter(|line| serde_json::from_slice::<JournalLine>(line).is_ok());
        let n_noted = n_noted.count();
        let Some(recovered) = recovered else {
            assert_eq!(n_noted, 0, "cut at {end}");
            continue;
        };
        let n_began = n_noted.saturating_sub(1).min(2);
        let n_ended = n_noted.saturating_sub(3).min(2);
        let is_lost = |attempt: &&Attempt| matches!(&attempt.outcome, Outcome::Failed(failure) if failure.finding.kind == FailureKind::RunnerLost);
        let n_lost = recovered.attempts.iter().filter(is_lost).count();
        assert_eq!(
            (recovered.attempts.len(), n_lost),
            (n_began, n_began - n_ended),
            "cut at {end}"
        );
        assert_eq!(recovered.ended_at, second(if n_noted == 6 { 200 } else { 500 }));
        n_attempts_seen.insert((recovered.attempts.len(), n_lost));
    }
    assert_eq!(
        n_attempts_seen.into_iter().collect::<Vec<_>>(),
        [(0, 0), (1, 1), (2, 0), (2, 1), (2, 2)]
    );
}

#[test]
fn a_bad_line_in_the_middle_is_passed_over() {
    let (_dir, state) = root();
    let path = noted(state.layout(), &mixed()).path().to_owned();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let broken = [&lines[..2], &["{\"began\":", "\u{0}\u{0}"], &lines[2..]].concat().join("\n");
    fs::write(&path, broken).unwrap();
    let [found] = &pending(state.layout()).unwrap()[..] else { panic!("one is pending") };
    assert_eq!(found.n_unreadable, 2);
    assert_eq!(decide::journal::delta(&found.lines, second(999)).unwrap().attempts.len(), 4);
}

#[test]
fn a_dead_run_goes_into_the_state_and_its_packages_wait() {
    let (dir, state) = root();
    let mut journal = Journal::create(state.layout(), &start()).unwrap();
    for line in &facts(&mixed())[..5] {
        journal.append(line).unwrap();
    }
    drop(journal);
    let mut found = pending(state.layout()).unwrap().remove(0);
    found.recover(second(500)).unwrap();
    put(&state, &decide::journal::delta(&found.lines, second(500)).unwrap()).unwrap();
    let before = tree(dir.path());
    // The one that recovers dies before it can discard the journal, and the next one comes later.
    let mut found = pending(state.layout()).unwrap().remove(0);
    found.recover(second(700)).unwrap();
    let again = decide::journal::delta(&found.lines, second(700)).unwrap();
    assert_eq!(put(&state, &again).unwrap(), Persisted::Before);
    assert!(tree(dir.path()) == before);
    found.discard().unwrap();

    let queue = state.queue(&ECO).unwrap().unwrap();
    let lost =
        queue.entries.values().filter(|entry| entry.next_retry_at == Some(second(500 + 3600)));
    assert_eq!(lost.count(), 3, "all but the one that had ended");
    let failures = state.failures(&HistoryFilter::default()).unwrap().records;
    assert!(failures.iter().all(|failure| failure.kind() == FailureKind::RunnerLost));
    assert_eq!(failures.len(), 3);
}

#[test]
fn journals_come_in_the_order_of_their_runs_and_no_two_have_one_id() {
    let (_dir, state) = root();
    for at in [300, 100, 200] {
        let batch = BatchId::new(ECO, second(at));
        Journal::create(state.layout(), &JournalStart { batch, ..start() }).unwrap();
    }
    let order: Vec<_> =
        pending(state.layout()).unwrap().into_iter().map(|found| found.path).collect();
    assert!(order.is_sorted() && order.len() == 3);
    let error = Journal::create(state.layout(), &start()).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
}

#[test]
fn a_journal_of_a_newer_program_is_kept_for_that_program() {
    let (_dir, state) = root();
    Journal::create(state.layout(), &JournalStart { schema_version: 3, ..start() }).unwrap();
    let error = pending(state.layout()).unwrap_err();
    assert!(matches!(error.kind, StateErrorKind::SchemaVersion { found: 3, known: 2 }));
}
