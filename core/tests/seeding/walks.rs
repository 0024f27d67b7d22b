//! The order in which lists are read.

use batch_core::{
    decide::seeding::TrustedSize,
    model::{Page, SeedOutcome, SeedSkip, SeedingRecord},
};
use proptest::prelude::*;

use crate::toy::{Ended, Lists, Run, candidate, id, lists, page, tool};

fn many(prefix: &str, n: usize) -> Vec<batch_core::model::Candidate> {
    (0..n).map(|i| candidate(&format!("{prefix}{i}"))).collect()
}

fn two_pages() -> Lists {
    lists(vec![
        ("top", "", page(many("a", 3), Some("2"))),
        ("top", "2", page(vec![candidate("b"), candidate("libc"), candidate("d")], None)),
    ])
}

fn names(ended: &Ended) -> String {
    let names: Vec<&str> = ended.merged.queue.keys().map(|id| id.name.as_str()).collect();
    names.join(" ")
}

fn outcome(record: &SeedingRecord) -> (SeedOutcome, usize) {
    (record.outcome, record.seen)
}

#[test]
fn a_list_is_read_completely_and_each_candidate_is_inspected_once() {
    let ended = Run::default().over(&["top"], &two_pages());
    assert_eq!(outcome(&ended.record), (SeedOutcome::Full, 6));
    assert_eq!(names(&ended), "a0 a1 a2 b d");
    assert_eq!(ended.asked, ["top start", "a0", "a1", "top 2", "a2", "b", "libc", "d"]);
    assert_eq!(ended.record.skipped[&SeedSkip::Library], 1);
    assert_eq!((ended.record.not_visited, ended.record.cursor), (Some(0), None));
}

#[test]
fn queued_candidates_and_those_with_known_commands_are_not_inspected() {
    let lists = lists(vec![("top", "", page(vec![tool("a", 5), candidate("b")], None))]);
    let first = Run::default().over(&["top"], &lists);
    assert_eq!(first.asked, ["top start", "b"]);
    let again =
        Run { queued: first.merged.queue, days_later: 1, ..Run::default() }.over(&["top"], &lists);
    assert_eq!(again.asked, ["top start"]);
    assert_eq!((again.record.added, again.record.unchanged), (0, 2));
}

#[test]
fn a_limit_is_kept_and_the_next_run_continues_after_it() {
    let mut left = vec![];
    let mut queued = batch_core::model::Queue::new();
    let mut asked = vec![];
    for expected in [Some(("top", 2)), Some(("top", 1)), None] {
        let run = Run { limit: Some(2), left, queued, ..Run::default() };
        let ended = run.over(&["top"], &two_pages());
        assert_eq!(outcome(&ended.record), (SeedOutcome::Full, 2));
        let cursor = ended.record.cursor.as_ref();
        assert_eq!(cursor.map(|cursor| (&*cursor.source, cursor.visited)), expected);
        asked.extend(ended.asked);
        (left, queued) = (ended.record.sources, ended.merged.queue);
    }
    let packages = asked.iter().filter(|asked| !asked.contains(' '));
    let packages: Vec<&str> = packages.map(String::as_str).collect();
    assert_eq!(packages.join(" "), "a0 a1 a2 b libc d");
}

#[test]
fn a_page_that_changed_is_read_completely() {
    let run =
        |left, lists: &Lists| Run { limit: Some(2), left, ..Run::default() }.over(&["top"], lists);
    let first = run(vec![], &lists(vec![("top", "", page(many("a", 5), None))]));
    let mut other = many("a", 5);
    other.swap(0, 4);
    let second = run(first.record.sources, &lists(vec![("top", "", page(other, None))]));
    assert_eq!(second.asked, ["top start", "a4", "a1"]);
}

#[test]
fn a_list_whose_pages_repeat_ends() {
    let circle = lists(vec![
        ("top", "", page(many("a", 3), Some("2"))),
        ("top", "2", page(many("b", 2), Some("1"))),
        ("top", "1", page(many("a", 3), Some("9"))),
        ("top", "9", page(many("c", 3), None)),
    ]);
    let ended = Run::default().over(&["top"], &circle);
    assert_eq!(names(&ended), "a0 a1 a2 b0 b1");
    assert_eq!(ended.record.outcome, SeedOutcome::Full);
    let itself = lists(vec![
        ("top", "", page(many("a", 3), Some("2"))),
        ("top", "2", page(many("b", 3), Some("2"))),
    ]);
    assert_eq!(
        Run::default().over(&["top"], &itself).asked.iter().filter(|it| it.contains(' ')).count(),
        2
    );
}

#[test]
fn shuffled_pages_lead_to_the_same_queue() {
    let ordered = lists(vec![
        ("top", "", page(many("a", 4), Some("2"))),
        ("top", "2", page(many("b", 4), None)),
    ]);
    let mut mixed = [many("a", 4), many("b", 4), many("a", 2)].concat();
    mixed.reverse();
    let second = mixed.split_off(5);
    let shuffled =
        lists(vec![("top", "", page(mixed, Some("2"))), ("top", "2", page(second, None))]);
    let queue = |lists| Run::default().over(&["top"], lists).merged.queue;
    assert_eq!(queue(&ordered), queue(&shuffled));
}

#[test]
fn two_spellings_of_one_name_are_one_package() {
    let lists =
        lists(vec![("top", "", page(vec![candidate("Foo_Bar"), candidate("foo-bar")], None))]);
    let ended = Run::default().over(&["top"], &lists);
    assert_eq!((names(&ended), ended.record.seen), ("Foo_Bar".to_owned(), 1));
}

#[test]
fn a_list_that_shrank_or_is_empty_is_refused() {
    let check = |n, stated, expected, outcome| {
        let whole = Page { total: stated, ..page(many("a", n), None) };
        let trusted_size = TrustedSize { total: expected, size: None };
        let run = Run { trusted_size, ..Run::default() };
        let ended = run.over(&["top"], &lists(vec![("top", "", whole)]));
        assert_eq!(ended.record.outcome, outcome, "{n} {stated:?} {expected:?}");
        assert_eq!(ended.merged.queue.len(), n, "what came is kept");
        ended.record.trusted_size("top").total
    };
    assert_eq!(check(5, None, Some(10), SeedOutcome::Shrunk), Some(10));
    assert_eq!(check(6, Some(6), Some(10), SeedOutcome::Shrunk), Some(10));
    assert_eq!(check(7, None, Some(10), SeedOutcome::Full), Some(7));
    assert_eq!(check(5, None, None, SeedOutcome::Full), Some(5));
    assert_eq!(check(20, None, Some(10), SeedOutcome::Full), Some(20));
    assert_eq!(check(0, None, Some(10), SeedOutcome::Shrunk), Some(10));
    check(0, None, None, SeedOutcome::Shrunk);
}

#[test]
fn a_partly_read_list_is_refused_if_it_lost_half_of_its_names() {
    let check = |size, outcome| {
        let whole = Page { total: Some(5), size: Some(size), ..page(many("a", 5), None) };
        let trusted_size = TrustedSize { total: Some(5), size: Some(1000) };
        let ended =
            Run { trusted_size, ..Run::default() }.over(&["top"], &lists(vec![("top", "", whole)]));
        assert_eq!(ended.record.outcome, outcome);
        ended.record.trusted_size("top")
    };
    assert_eq!(check(699, SeedOutcome::Shrunk), TrustedSize { total: Some(5), size: Some(1000) });
    assert_eq!(check(700, SeedOutcome::Full), TrustedSize { total: Some(5), size: Some(700) });
}

#[test]
fn a_list_cut_off_before_its_stated_end_is_continued_there_later() {
    let begin = Page { total: Some(6), ..page(many("a", 3), Some("2")) };
    let whole = page(vec![candidate("b"), candidate("c"), candidate("d")], None);
    let stated = Page { total: Some(6), ..Page::default() };
    for broken in [Page::default(), stated, page(many("a", 3), Some("1"))] {
        let with = |second| lists(vec![("top", "", begin.clone()), ("top", "2", second)]);
        let first = Run::default().over(&["top"], &with(broken));
        let source = &first.record.sources[0];
        assert_eq!(outcome(&first.record), (SeedOutcome::Partial, 3));
        let reason = source.reason.as_deref().unwrap();
        assert!(reason.starts_with("it ended after "), "{reason}");
        assert_eq!(source.cursor.as_ref().unwrap().page.as_deref(), Some("2"));
        let (left, queued) = (first.record.sources, first.merged.queue);
        let second = Run { left, queued, ..Run::default() }.over(&["top"], &with(whole.clone()));
        assert_eq!(outcome(&second.record), (SeedOutcome::Full, 3));
        assert_eq!(names(&second), "a0 a1 a2 b c d");
    }
}

#[test]
fn coverage_includes_earlier_runs_of_the_same_seeding() {
    let mut all = two_pages();
    for page in all.values_mut() {
        page.as_mut().unwrap().total = Some(6);
    }
    let (mut left, mut not_visited) = (vec![], vec![]);
    for _ in 0..3 {
        let ended = Run { limit: Some(2), left, ..Run::default() }.over(&["top"], &all);
        not_visited.push(ended.record.not_visited.unwrap());
        left = ended.record.sources;
    }
    assert_eq!(not_visited, [4, 2, 0]);
}

#[test]
fn packages_inspected_before_do_not_count_against_the_limit() {
    let all = lists(vec![("top", "", page(many("a", 9), None))]);
    let first = Run { limit: Some(5), ..Run::default() }.over(&["top"], &all);
    let left = first.record.sources;
    let second = Run { limit: Some(3), left, ..Run::default() }.over(&["top"], &all);
    assert_eq!((first.limits, second.limits), (vec![5], vec![8]));
    assert_eq!(second.asked, ["top start", "a5", "a6", "a7"]);
}

#[test]
fn many_unreadable_packages_are_requested_again() {
    let check = |n_broken, outcome, again: usize| {
        let listed = [many("broken", n_broken), many("a", 20)].concat();
        let all = lists(vec![("top", "", page(listed, None))]);
        let first = Run::default().over(&["top"], &all);
        assert_eq!(first.record.outcome, outcome);
        let (left, queued) = (first.record.sources, first.merged.queue);
        let second = Run { left, queued, ..Run::default() }.over(&["top"], &all);
        let asked = second.asked.iter().filter(|asked| asked.starts_with("broken"));
        assert_eq!(asked.count(), again);
    };
    check(4, SeedOutcome::Full, 0);
    check(5, SeedOutcome::Partial, 5);
}

#[test]
fn an_unreadable_source_does_not_stop_the_others() {
    let check =
        |broken: Vec<(&'static str, &str)>, outcome, cursor: Option<(&str, Option<&str>)>| {
            let mut all = two_pages();
            all.extend(lists(vec![("more", "", page(many("m", 2), None))]));
            for (source, at) in broken {
                let at = (!at.is_empty()).then(|| at.to_owned());
                all.insert((source, at), Err("it answered 503"));
            }
            let ended = Run::default().over(&["top", "more"], &all);
            assert_eq!(ended.record.outcome, outcome);
            let found = ended.record.cursor.as_ref();
            assert_eq!(found.map(|it| (&*it.source, it.page.as_deref())), cursor);
            ended
        };
    let ended = check(vec![("top", "")], SeedOutcome::Partial, Some(("top", None)));
    assert_eq!(names(&ended), "m0 m1");
    let ended = check(vec![("top", "2")], SeedOutcome::Partial, Some(("top", Some("2"))));
    assert_eq!(names(&ended), "a0 a1 a2 m0 m1");
    check(vec![("top", ""), ("more", "")], SeedOutcome::Unavailable, Some(("top", None)));
    check(vec![], SeedOutcome::Full, None);
}

#[test]
fn pages_of_an_earlier_run_are_not_read_again() {
    let mut all = two_pages();
    all.extend(lists(vec![("more", "", page(many("m", 2), None))]));
    let mut broken = all.clone();
    broken.insert(("top", Some("2".to_owned())), Err("it answered 503"));
    let first = Run::default().over(&["top", "more"], &broken);
    let left = first.record.sources;
    let second =
        Run { left, queued: first.merged.queue, ..Run::default() }.over(&["top", "more"], &all);
    assert_eq!(second.asked, ["top 2", "b", "libc", "d"]);
    assert_eq!(second.record.outcome, SeedOutcome::Full);
}

proptest! {
    /// Whatever a process recorded before it was killed, and however often that happens: the queue
    /// becomes the same, and no recorded page or package is requested again.
    #[test]
    fn a_killed_run_continues_as_if_it_had_not_been_killed(deaths in prop::collection::vec(1_usize..20, 0..6)) {
        let mut all = two_pages();
        all.extend(lists(vec![
            ("more", "", page([many("m", 3), many("a", 2)].concat(), Some("x"))),
            ("more", "x", page(many("libx", 3), None)),
        ]));
        let undisturbed = Run::default().over(&["top", "more"], &all);
        let mut asked = vec![];
        let mut facts = vec![];
        for death in deaths {
            let dies_after = Some(facts.len() + death);
            let run = Run { facts, dies_after, ..Run::default() };
            let ended = run.over(&["top", "more"], &all);
            asked.extend(ended.asked);
            facts = ended.facts;
        }
        let last = Run { facts, ..Run::default() }.over(&["top", "more"], &all);
        asked.extend(last.asked);
        prop_assert_eq!(&last.merged, &undisturbed.merged);
        prop_assert_eq!(&last.record, &undisturbed.record);
        let n_pages = |asked: &[String]| asked.iter().filter(|it| it.contains(' ')).count();
        prop_assert_eq!(n_pages(&asked), n_pages(&undisturbed.asked));
        let _ = id("x");
    }
}
