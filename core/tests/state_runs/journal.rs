//! A batch is recorded while it runs.

use std::{collections::BTreeSet, fs};

use batch_core::{
    decide::{
        fold::{Context, fold, has_ended},
        merge_policy::MergePolicy,
        name_registry::NameRegistry,
    },
    io::{
        FactSink as _, FactWriter as _, FsState, HistoryFilter, Journal, Outbox, StateReader as _,
    },
    model::{
        BatchId, Delta, Environment, Fact, KnownRecipes, PackageId, QueueEntry, Started, Status,
        Verdict,
    },
    persist::Persisted,
};
use batch_sim::{FactsAt, INSTALL};

use crate::{ECO, OWN, put, root, second, tree};

const HERE: Environment = Environment::DebianX86;

fn batch() -> BatchId {
    BatchId::new(ECO, second(100))
}

fn package(name: &str) -> PackageId {
    format!("eco:{name}").parse().unwrap()
}

fn facts_at(at: i64) -> FactsAt {
    FactsAt { batch_id: batch(), at: second(at) }
}

fn started() -> Started {
    facts_at(100).started(&["a", "b", "c"].map(package), &[HERE])
}

fn began(name: &str, environment: Option<Environment>) -> Fact {
    facts_at(101).began(package(name), environment, 1)
}

fn generated(name: &str, command: Option<&str>) -> Fact {
    facts_at(102).generated(package(name), command)
}

fn validated(name: &str, result: Verdict) -> Fact {
    Fact::Validated(Box::new(facts_at(103).validated(package(name), HERE, result)))
}

fn finished(environment: Option<Environment>) -> Fact {
    Fact::Finished(facts_at(200).finished(environment, OWN))
}

/// One package that works, one that fails, and one without a recipe.
fn facts() -> Vec<Fact> {
    vec![
        began("a", None),
        began("b", None),
        generated("a", Some("a")),
        began("a", Some(HERE)),
        generated("b", Some("b")),
        began("c", None),
        validated("a", Verdict::Pass),
        began("b", Some(HERE)),
        generated("c", None),
        validated("b", Verdict::Fail),
        finished(Some(HERE)),
        finished(None),
    ]
}

fn folded(journal: &Journal, now: i64) -> Option<Delta> {
    let plan = journal.started()?;
    let name_registry = NameRegistry::default();
    let context = Context {
        plan,
        actions: &[INSTALL],
        name_registry: &name_registry,
        known: &KnownRecipes::default(),
        policy: &MergePolicy::default(),
    };
    Some(fold(&journal.facts, &context, second(now)))
}

fn noted(state: &FsState, facts: &[Fact]) -> Outbox {
    let outbox = Outbox::new(state.layout());
    outbox.begin(&started()).unwrap();
    for fact in facts {
        outbox.append(&batch(), std::slice::from_ref(fact)).unwrap();
    }
    outbox
}

/// The result of the next run's recovery from this journal.
fn recover(outbox: &Outbox, now: i64) -> Journal {
    let journal = outbox.pending().unwrap().remove(0);
    let Some(started) = journal.started() else { return journal };
    if !has_ended(&journal.facts, started) {
        outbox.append(&batch(), &[facts_at(now).recovered()]).unwrap();
    }
    outbox.pending().unwrap().remove(0)
}

#[test]
fn a_journal_returns_the_recorded_facts() {
    let (_dir, state) = root();
    let outbox = noted(&state, &facts());
    let [found] = &outbox.pending().unwrap()[..] else { panic!("one is pending") };
    let expected = [vec![Fact::Started(Box::new(started()))], facts()].concat();
    assert_eq!((&found.batch_id, &found.facts), (&batch(), &expected));
    assert!(found.unreadable.is_empty());
    let delta = folded(found, 999).unwrap();
    assert_eq!((delta.ended_at, delta.attempts.len(), delta.interrupted), (second(200), 3, false));
    outbox.discard(&batch()).unwrap();
    assert_eq!(outbox.pending().unwrap(), []);
}

#[test]
fn facts_added_at_once_and_one_by_one_are_the_same_bytes() {
    let ((_one, state), (_other, other)) = (root(), root());
    noted(&state, &facts());
    let outbox = noted(&other, &[]);
    outbox.append(&batch(), &facts()).unwrap();
    let text = |state: &FsState| fs::read_to_string(state.layout().journal(&batch())).unwrap();
    assert_eq!(text(&state), text(&other));
}

#[test]
fn a_journal_cut_off_anywhere_loses_only_the_fact_it_was_cut_in() {
    let (_dir, state) = root();
    let outbox = noted(&state, &facts());
    let path = state.layout().journal(&batch());
    let whole = fs::read(&path).unwrap();
    let mut seen = BTreeSet::new();
    // Every byte near the ends of lines, which are the critical places, and every seventh byte
    // elsewhere.
    let is_near = |end: &usize| {
        let near = end.saturating_sub(2)..(end + 2).min(whole.len());
        end.is_multiple_of(7) || *end == whole.len() || whole[near].contains(&b'\n')
    };
    for end in (0..=whole.len()).filter(is_near) {
        fs::write(&path, &whole[..end]).unwrap();
        let journal = recover(&outbox, 500);
        let recovered = folded(&journal, 999);
        // A second recovery from the file at another time.
        assert_eq!(folded(&recover(&outbox, 700), 5_000), recovered, "cut at {end}");

        let whole_lines = whole[..end].split_inclusive(|&byte| byte == b'\n');
        let n_noted = whole_lines.filter(|line| serde_json::from_slice::<Fact>(line).is_ok());
        let n_noted = n_noted.count();
        let Some(recovered) = recovered else {
            assert_eq!((n_noted, journal.is_empty()), (0, end == 0), "cut at {end}");
            continue;
        };
        let is_own = |fact: &&Fact| !matches!(fact, Fact::Recovered(_));
        let last = journal.facts.iter().filter(is_own).map(Fact::at).max();
        assert_eq!(Some(recovered.ended_at), last, "it ended with its last fact");
        let (n_ended, n_lost) = (recovered.attempts.len(), recovered.lost.len());
        assert_eq!(n_ended + recovered.deferred.len(), 3, "cut at {end}");
        assert!(recovered.waiting.is_empty() && recovered.refused.is_empty());
        seen.insert((n_noted, n_ended, n_lost));
    }
    // By facts noted: attempts that ended, and packages that were being worked on.
    let expected = [
        (1, 0, 0),
        (2, 0, 1),
        (3, 0, 2),
        (4, 0, 1),
        (5, 0, 2),
        (6, 0, 1),
        (7, 0, 2),
        (8, 1, 1),
        (9, 1, 2),
        (10, 2, 1),
        (11, 3, 0),
        (12, 3, 0),
        (13, 3, 0),
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_bad_line_in_the_middle_is_skipped_and_reported() {
    let (_dir, state) = root();
    let outbox = noted(&state, &facts());
    let path = state.layout().journal(&batch());
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let newer = lines[1].replacen("\"schema_version\":2", "\"schema_version\":3", 1);
    let bad =
        ["{\"fact\":\"began\"", "\u{0}\u{0}", &newer, "{\"fact\":\"ended\",\"schema_version\":2}"];
    let broken = [&lines[..2], &bad, &lines[2..]].concat().join("\n") + "\n";
    fs::write(&path, broken).unwrap();
    let [found] = &outbox.pending().unwrap()[..] else { panic!("one is pending") };
    let places: Vec<u64> = found.unreadable.iter().map(|line| line.place).collect();
    assert_eq!(places, [3, 4, 5, 6]);
    assert!(found.unreadable[2].reason.contains("schema version 3"), "{:?}", found.unreadable);
    assert_eq!(folded(found, 999).unwrap().attempts.len(), 3);
}

/// The journal contains verified results, which are available again when the first line is
/// repaired.
#[test]
fn a_journal_without_its_first_line_is_not_empty() {
    let (_dir, state) = root();
    let outbox = noted(&state, &facts());
    let path = state.layout().journal(&batch());
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("{\"fact\":\"started\"", "{\"fact\":\"star", 1)).unwrap();
    let [found] = &outbox.pending().unwrap()[..] else { panic!("one is pending") };
    assert!(found.started().is_none() && !found.is_empty());
    assert_eq!((found.facts.len(), found.unreadable.len()), (12, 1));
}

#[test]
fn a_dead_run_goes_into_the_state_and_blames_nobody() {
    let (dir, state) = root();
    // a was verified, the installation of b was running, and c was not finished.
    let outbox = noted(&state, &facts()[..8]);
    let journal = recover(&outbox, 500);
    put(&state, &folded(&journal, 500).unwrap()).unwrap();
    let before = tree(dir.path());
    // The recovering process is killed before it can delete the journal, and the next one starts
    // later.
    let again = folded(&recover(&outbox, 700), 700).unwrap();
    assert_eq!(put(&state, &again).unwrap(), Persisted::Before);
    assert!(tree(dir.path()) == before);

    let queue = state.queue(&ECO).unwrap().unwrap();
    let lost: Vec<_> = queue.entries.values().filter(|entry| entry.lost).collect();
    assert_eq!(lost.len(), 2, "all but the one that had ended and the one that was not planned");
    let due = |entry: &QueueEntry| entry.status == Status::Pending && entry.next_retry_at.is_none();
    assert!(lost.iter().all(|entry| due(entry)), "{lost:?}");
    assert_eq!(state.failures(&HistoryFilter::default()).unwrap().records, []);
    let run = state.run(&batch().to_string()).unwrap().unwrap();
    assert_eq!((run.succeeded, run.failed, run.interrupted), (1, 0, true));
    assert_eq!(run.deferred, ["b", "c"].map(package));
    assert_eq!(run.duration_seconds, 3, "it ended with its last fact");
}

#[test]
fn journals_come_in_the_order_of_their_runs_and_no_two_have_one_id() {
    let (_dir, state) = root();
    let outbox = Outbox::new(state.layout());
    for at in [300, 100, 200] {
        let batch_id = BatchId::new(ECO, second(at));
        outbox.begin(&Started { batch_id, ..started() }).unwrap();
    }
    let order: Vec<_> =
        outbox.pending().unwrap().into_iter().map(|found| found.batch_id.started_at()).collect();
    assert_eq!(order, [second(100), second(200), second(300)]);
    let error = outbox.begin(&started()).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
}
