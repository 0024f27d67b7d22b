//! Who runs, and what.

use chrono::TimeDelta;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    decide::{
        breaker::{Admission, BreakerPolicy},
        plan::{self, BatchLimit},
        preflight::{self, Candidate, Choice},
        rotation::{self, Slot},
    },
    model::{
        BatchId, Control, Plan, Popularity, Queue, SkipReason, Status, StoredBreaker, Tier, Turn,
    },
    records::queue,
};

const LIMIT: BatchLimit = BatchLimit { size: 2, tier: Tier::REST };

fn popularity(value: u64) -> Popularity {
    Popularity {
        value,
        unit: "downloads".to_owned(),
        period_days: None,
        source: "x".to_owned(),
        as_of: second(0).date_naive(),
    }
}

fn planned(queue: &Queue, admission: &Admission, limit: BatchLimit, now: DateTime<Utc>) -> Plan {
    plan::run(queue, admission, limit, batch(now))
}

fn skip_reasons(queue: &Queue, admission: &Admission, plan: &Plan) -> Vec<SkipReason> {
    let skipped = plan::skipped(queue, admission, Tier::REST, plan);
    skipped.into_iter().map(|skip| skip.reason).collect()
}

fn names(plan: &Plan) -> String {
    plan.attempts.iter().map(|id| id.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_entry_that_backs_off_is_due_at_its_moment_and_not_before() {
    let mut queue = queue([("a", 1, 0)]);
    queue.values_mut().next().unwrap().next_retry_at = Some(second(100));
    for (now, n_attempts) in [(99, 0), (100, 1), (101, 1)] {
        let plan = planned(&queue, &Admission::Batch, LIMIT, second(now));
        assert_eq!(plan.attempts.len(), n_attempts, "at {now}");
        let until = second(100);
        let skipped = skip_reasons(&queue, &Admission::Batch, &plan);
        let expected = [SkipReason::BackingOff { until }];
        assert_eq!(skipped, expected[n_attempts..]);
    }
}

#[test]
fn every_status_but_two_keeps_an_entry_from_being_attempted_and_says_why() {
    let why = "why".to_owned();
    let by = vec!["x".parse().unwrap()];
    let of_batch = batch(second(7));
    for (status, expected) in [
        (Status::Pending, None),
        (Status::Failed, None),
        (Status::Success, Some(SkipReason::Done)),
        (Status::Blocked { by: by.clone() }, Some(SkipReason::Blocked { by })),
        (
            Status::InProgress { batch: of_batch.clone() },
            Some(SkipReason::InProgress { batch: of_batch }),
        ),
        (
            Status::Excluded { reason: why.clone() },
            Some(SkipReason::Settled { reason: why.clone() }),
        ),
        (Status::RequiresManual { reason: why.clone() }, Some(SkipReason::Settled { reason: why })),
    ] {
        for admission in [Admission::Batch, Admission::Probes(3)] {
            let mut queue = queue([("a", 1, 0)]);
            queue.values_mut().next().unwrap().status = status.clone();
            let plan = planned(&queue, &admission, LIMIT, second(10));
            let skipped = skip_reasons(&queue, &admission, &plan);
            assert_eq!(skipped.first(), expected.as_ref());
            assert_eq!(plan.attempts.is_empty(), expected.is_some());
            assert_eq!(plan.probing, admission == Admission::Probes(3));
        }
    }
}

#[test]
fn of_those_that_wait_equally_long_the_more_wanted_come_first() {
    let mut queue = queue([("a", 3, 0), ("b", 2, 0), ("c", 2, 0), ("d", 2, 5)]);
    for (entry, value) in queue.values_mut().zip([900, 1, 2, 3]) {
        entry.popularity = Some(popularity(value));
    }
    // One place for the longest wait, one for the most wanted.
    let batch = |queue: &Queue| names(&planned(queue, &Admission::Batch, LIMIT, second(10)));
    assert_eq!(batch(&queue), "b c");
    let all = BatchLimit { size: 9, ..LIMIT };
    assert_eq!(planned(&queue, &Admission::Batch, all, second(10)).attempts.len(), 4);
    let of_size = |size| BatchLimit { size, ..LIMIT };
    assert_eq!(names(&planned(&queue, &Admission::Batch, of_size(1), second(10))), "b");
    assert_eq!(names(&planned(&queue, &Admission::Batch, of_size(3), second(10))), "b c d");
    let mut probes: Vec<String> = vec![];
    for n in 1..=3 {
        probes.push(names(&planned(&queue, &Admission::Probes(n), all, second(10))));
    }
    assert_eq!(probes, ["a", "a d", "a d c"], "probes go by popularity");
    let one = BatchLimit { size: 1, ..LIMIT };
    assert_eq!(names(&planned(&queue, &Admission::Probes(3), one, second(10))), "a");
}

#[test]
fn of_equals_the_most_popular_is_taken_and_what_nobody_counted_is_least() {
    let mut queue = queue([("a", 2, 0), ("b", 2, 0), ("c", 2, 0), ("d", 2, 0)]);
    queue.values_mut().nth(2).unwrap().popularity = Some(popularity(1));
    // The first place goes by the name, where all wait equally long.
    assert_eq!(names(&planned(&queue, &Admission::Batch, LIMIT, second(10))), "a c");
}

#[test]
fn what_was_never_probed_comes_before_what_was_and_the_longest_ago_before_the_latest() {
    let mut queue = queue([("a", 1, 0), ("b", 1, 0), ("c", 1, 0), ("d", 1, 0)]);
    let [a, b, c, d] = queue.values_mut().collect::<Vec<_>>().try_into().unwrap();
    a.last_probe_at = Some(second(9));
    b.last_probe_at = Some(second(8));
    c.last_attempt_at = Some(second(7));
    d.last_attempt_at = Some(second(6));
    let limit = BatchLimit { size: 9, ..LIMIT };
    assert_eq!(names(&planned(&queue, &Admission::Probes(9), limit, second(10))), "d c b a");
}

proptest! {
    /// The promise of the design: each of N entries within ⌈N / ⌈b/2⌉⌉ runs of b, whatever fails and
    /// however wanted the others are.
    #[test]
    fn every_entry_has_its_turn(
        entries in vec((1_u8..=3, 0_u64..1000), 1..14),
        size in 1_usize..6,
    ) {
        let ids: Vec<String> = (0..entries.len()).map(|i| format!("p{i:02}")).collect();
        let mut queue = queue(ids.iter().zip(&entries).map(|(id, (tier, _))| (&**id, *tier, 0)));
        for (entry, (_, value)) in queue.values_mut().zip(&entries) {
            entry.popularity = Some(popularity(*value));
        }
        let n_runs = entries.len().div_ceil(size.div_ceil(2));
        for n in (1..).take(n_runs) {
            let now = second(1_000 * n);
            let limit = BatchLimit { size, tier: Tier::REST };
            let plan = planned(&queue, &Admission::Batch, limit, now);
            prop_assert_eq!(plan.attempts.len(), size.min(entries.len()));
            let skipped = plan::skipped(&queue, &Admission::Batch, Tier::REST, &plan);
            prop_assert_eq!(plan.attempts.len() + skipped.len(), entries.len());
            prop_assert!(skipped.is_sorted_by_key(|skip| skip.package_id.clone()));
            for id in plan.attempts {
                queue.get_mut(&id).unwrap().last_attempt_at = Some(now);
            }
        }
        prop_assert!(queue.values().all(|entry| entry.last_attempt_at.is_some()));
    }
}

fn id(name: &'static str) -> EcosystemId {
    EcosystemId::from_static(name)
}

/// Three ecosystems with something to do, of which those in `idle` cannot do it here.
fn three<'a>(idle: &[&str], queue: &'a Queue) -> [Candidate<'a>; 3] {
    ["a", "b", "c"].map(|name| Candidate {
        ecosystem: id(name),
        obstacle: idle.contains(&name).then_some(SkipReason::NoSandbox),
        queue,
    })
}

fn xyz() -> Queue {
    queue([("x", 1, 0), ("y", 1, 0), ("z", 1, 0)])
}

fn preflight(
    candidates: &[Candidate<'_>],
    control: &Control,
    choice: &Choice,
    now: DateTime<Utc>,
) -> preflight::Preflight {
    preflight::run(candidates, control, choice, LIMIT, (now, &BreakerPolicy::default()))
}

#[test]
fn the_owner_of_the_hour_runs_or_the_least_recently_served_in_its_place() {
    let hour = |n: i64| second(n * 3600);
    let mut control = Control::default();
    for (name, last_run) in [("b", hour(2)), ("c", hour(1))] {
        let breaker = StoredBreaker { last_run: Some(last_run), ..StoredBreaker::default() };
        control.ecosystems.insert(id(name), breaker);
    }
    let found = |idle: &[&str], now| {
        let found = preflight(&three(idle, &xyz()), &control, &Choice::Auto, now);
        let batch = found.batches.first().map(|it| it.plan.batch.ecosystem().to_string());
        (found.slot, batch, found.batches.first().map(|it| it.turn.clone()))
    };
    assert_eq!(found(&[], hour(3)), (Some(id("a")), Some("a".to_owned()), Some(Turn::Own)));
    assert_eq!(found(&[], hour(4)), (Some(id("b")), Some("b".to_owned()), Some(Turn::Own)));
    let fell = Turn::FellThrough { from: id("a"), reason: SkipReason::NoSandbox };
    assert_eq!(found(&["a"], hour(3)), (Some(id("a")), Some("c".to_owned()), Some(fell)));
    // The owner had its turn in this hour.
    let breaker = StoredBreaker { last_run: Some(hour(4)), ..StoredBreaker::default() };
    control.ecosystems.insert(id("b"), breaker);
    let soon = hour(4) + TimeDelta::minutes(59);
    let again = preflight(&three(&["a"], &xyz()), &control, &Choice::Auto, soon);
    let served = Turn::FellThrough { from: id("b"), reason: SkipReason::ServedThisHour };
    assert_eq!((again.batches.len(), &again.batches[0].turn), (1, &served));
    let idle = preflight(&three(&["a", "b", "c"], &xyz()), &control, &Choice::Auto, hour(3));
    assert_eq!((idle.batches.len(), idle.skipped.len()), (0, 3));
}

#[test]
fn whoever_is_asked_for_runs_and_nobody_else_is_told_of() {
    let control = Control::default();
    let one = |name| Choice::One(id(name));
    let found = preflight(&three(&["b"], &xyz()), &control, &one("c"), second(0));
    let batches: Vec<_> =
        found.batches.iter().map(|it| it.plan.batch.ecosystem().clone()).collect();
    assert_eq!((batches, found.skipped), (vec![id("c")], vec![]));
    let found = preflight(&three(&["b"], &xyz()), &control, &one("b"), second(0));
    assert_eq!((found.batches.len(), found.skipped), (0, vec![(id("b"), SkipReason::NoSandbox)]));
    let all = preflight(&three(&["b"], &xyz()), &control, &Choice::All, second(0));
    let batches: Vec<_> = all.batches.iter().map(|it| it.plan.batch.ecosystem().clone()).collect();
    assert_eq!(batches, [id("a"), id("c")]);
    assert_eq!(all.skipped, [(id("b"), SkipReason::NoSandbox)]);
}

#[test]
fn a_batch_never_has_the_id_of_the_one_before() {
    for (last, now, expected) in [(100, 100, 101), (100, 101, 101), (102, 100, 103), (99, 100, 100)]
    {
        let mut control = Control::default();
        let last_batch_id = Some(BatchId::new(id("a"), second(last)));
        let breaker = StoredBreaker { last_batch_id, ..StoredBreaker::default() };
        control.ecosystems.insert(id("a"), breaker);
        let found = preflight(&three(&[], &xyz())[..1], &control, &Choice::All, second(now));
        assert_eq!(found.batches[0].plan.batch.started_at(), second(expected));
    }
}

#[test]
fn without_ecosystems_a_slot_is_nobodys() {
    assert_eq!(rotation::owner(&[], second(0)), None);
    assert_eq!(rotation::slot(&[], second(0)), Slot::Skipped(None));
}
