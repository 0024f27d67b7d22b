//! Candidates are added to a queue.

use batch_core::model::{Queue, QueueEntry, Status, Tier};
use chrono::{DateTime, TimeDelta};

use crate::toy::{Run, candidate, downloads, id, lists, now, page, tool};

fn entry(name: &str, status: Status) -> QueueEntry {
    let added_at = now() - TimeDelta::days(9);
    QueueEntry { status, ..QueueEntry::new(id(name), Tier::REST, added_at) }
}

fn every_status() -> Vec<Status> {
    let because = || "because".to_owned();
    vec![
        Status::Pending,
        Status::InProgress { batch: "toy-2026-11-20T00-00-00Z".parse().unwrap() },
        Status::Success,
        Status::Failed,
        Status::Blocked { by: vec!["x".parse().unwrap()] },
        Status::RequiresManual { reason: because() },
        Status::Excluded { reason: because() },
    ]
}

#[test]
fn a_seeding_changes_popularity_and_tier_of_an_entry_and_nothing_else() {
    for status in every_status() {
        let before = QueueEntry {
            consecutive_failures: 3,
            next_retry_at: Some(now()),
            last_attempt_at: Some(DateTime::UNIX_EPOCH),
            ..entry("a", status)
        };
        let queued = Queue::from([(id("a"), before.clone())]);
        let lists = lists(vec![("top", "", page(vec![tool("a", 2000)], None))]);
        let merged = Run { queued, ..Run::default() }.over(&["top"], &lists).merged;
        let popularity = Some(downloads(2000));
        let expected = QueueEntry { tier: Tier::POPULAR, popularity, ..before };
        assert_eq!(merged.queue[&id("a")], expected);
        assert_eq!((merged.added, merged.refreshed), (0, 1));
    }
}

#[test]
fn entries_that_are_no_longer_listed_are_kept() {
    let queued: Queue = every_status()
        .into_iter()
        .enumerate()
        .map(|(i, status)| (id(&format!("q{i}")), entry(&format!("q{i}"), status)))
        .collect();
    let lists = lists(vec![("top", "", page(vec![tool("a", 1)], None))]);
    let merged = Run { queued: queued.clone(), ..Run::default() }.over(&["top"], &lists).merged;
    assert_eq!(merged.queue.len(), queued.len() + 1);
    assert!(queued.iter().all(|(id, entry)| merged.queue[id] == *entry));
}

#[test]
fn quarantined_packages_are_not_queued_again() {
    let quarantined = [id("a_b"), id("curated"), id("twice")].into();
    let curated = [(id("curated"), Tier::CURATED)].into();
    let queued = Queue::from([(id("twice"), entry("twice", Status::Success))]);
    let all = vec![tool("A-B", 2000), tool("twice", 2000), tool("new", 1)];
    let lists = lists(vec![("top", "", page(all, None))]);
    let run = Run { queued, quarantined, curated, ..Run::default() };
    let ended = run.over(&["top"], &lists);
    let merged = &ended.merged;
    assert_eq!(merged.queue.keys().collect::<Vec<_>>(), [&id("new"), &id("twice")]);
    assert_eq!(merged.queue[&id("twice")].popularity, Some(downloads(2000)), "this one is read");
    assert_eq!((merged.added, merged.refreshed, merged.unchanged), (1, 1, 1));
    // The journal of a run that started before the entry was damaged.
    let before = Run { curated: run.curated.clone(), ..Run::default() }.over(&["top"], &lists);
    let again = Run { facts: before.facts, ..run }.over(&["top"], &lists);
    assert_eq!(again.merged.queue, merged.queue);
}

#[test]
fn the_tier_is_that_of_the_list_or_of_the_popularity() {
    let mut other_unit = tool("weekly-stars", 9000);
    other_unit.popularity.as_mut().unwrap().unit = "stars".to_owned();
    let mut other_period = tool("monthly", 9000);
    other_period.popularity.as_mut().unwrap().period_days = Some(30);
    let all = vec![
        tool("curated", 1),
        tool("well-known", 1000),
        tool("listed", 1000),
        tool("hardly-known", 999),
        candidate("unknown"),
        other_unit,
        other_period,
    ];
    let curated = [
        (id("curated"), Tier::CURATED),
        (id("curated-too"), Tier::CURATED),
        (id("listed"), Tier::REST),
    ]
    .into();
    let run = Run { curated, ..Run::default() };
    let merged = run.over(&["top"], &lists(vec![("top", "", page(all, None))])).merged;
    let tier = |name: &str| u8::from(merged.queue[&id(name)].tier);
    let tiers =
        ["curated", "curated-too", "well-known", "listed", "hardly-known", "unknown"].map(tier);
    assert_eq!(tiers, [1, 1, 2, 2, 3, 3]);
    assert_eq!(["weekly-stars", "monthly"].map(tier), [3, 3], "not to be compared");
    assert_eq!(merged.queue[&id("unknown")].popularity, None, "unknown is not zero");
    assert_eq!(merged.added, 8);
}

#[test]
fn a_known_popularity_is_kept_if_a_source_does_not_state_it() {
    let first = lists(vec![("top", "", page(vec![tool("a", 7)], None))]);
    let queued = Run::default().over(&["top"], &first).merged.queue;
    let second = lists(vec![("top", "", page(vec![candidate("a")], None))]);
    let merged = Run { queued: queued.clone(), ..Run::default() }.over(&["top"], &second).merged;
    assert_eq!(merged.queue, queued);
    let both = lists(vec![
        ("top", "", page(vec![candidate("a")], None)),
        ("more", "", page(vec![tool("a", 7)], None)),
    ]);
    assert_eq!(
        Run::default().over(&["top", "more"], &both).merged.queue[&id("a")].popularity,
        Some(downloads(7))
    );
}

#[test]
fn merging_again_changes_nothing() {
    let lists = lists(vec![(
        "top",
        "",
        page(vec![tool("a", 7), tool("b", 5000), tool("sudo", 1), candidate("libc")], None),
    )]);
    let first = Run::default().over(&["top"], &lists);
    // A process was killed before it recorded that everything is in the state.
    let again = Run { queued: first.merged.queue.clone(), facts: first.facts, ..Run::default() };
    let again = again.over(&["top"], &lists);
    assert_eq!(again.merged.queue, first.merged.queue);
    assert_eq!(again.record.added, first.record.added, "they are this run's, whoever wrote them");
    assert_eq!(again.record.suspicious, first.record.suspicious, "and told again");
    assert_eq!(first.record.suspicious.len(), 1);
}
