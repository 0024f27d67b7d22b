//! Registries at their worst, on the virtual clock.

use std::time::Duration;

use batch_core::model::{SeedOutcome, SeedSkip};

use crate::toy::{Begin, Ended, page, seed, well};

fn outcome(ended: &Ended) -> (SeedOutcome, usize) {
    (ended.record.outcome, ended.merged.queue.len())
}

#[test]
fn five_thousand_packages_are_read_at_the_declared_pace_and_not_faster() {
    let ended = seed(&Begin::default(), |path, _| well(path, 50, 100));
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 5_000));
    let packages: Vec<Duration> =
        ended.sent.iter().filter(|sent| sent.url.contains("/p/")).map(|sent| sent.at).collect();
    assert_eq!(packages.len(), 5_000);
    let period = Duration::from_secs(1);
    assert!(packages.windows(2).all(|pair| pair[0] + period <= pair[1]), "never above");
    // All that limits is the quota of the packages, from the first request to the last.
    let used = 5_000.0 / (ended.took.as_secs_f64() / period.as_secs_f64());
    assert!(used >= 0.97, "{used}");
}

#[test]
fn a_spent_maximum_of_a_run_ends_it_with_its_cursor() {
    let ended = seed(&Begin::default(), |path, _| well(path, 80, 2));
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 120));
    let cursor = ended.record.cursor.clone().unwrap();
    assert_eq!((cursor.page.as_deref(), cursor.visited), (Some("60"), 0));
    let reason = ended.record.sources[0].reason.clone().unwrap();
    assert!(reason.contains("has spent its requests"), "{reason}");
    let begin = Begin { left: ended.record.sources, ..Begin::default() };
    let rest = seed(&begin, |path, _| well(path, 80, 2));
    assert_eq!(outcome(&rest), (SeedOutcome::Full, 40));
}

#[test]
fn a_storm_of_429_pauses_and_then_goes_on() {
    let ended = seed(&Begin::default(), |path, n| {
        if (20..23).contains(&n) {
            (429, &[("retry-after", "30")], "slow down")
        } else {
            well(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 60));
    assert!(Duration::from_secs(120) < ended.took, "{:?}", ended.took);
}

#[test]
fn a_storm_of_429_without_end_saves_what_there_is() {
    let ended = seed(&Begin::default(), |path, n| {
        if 20 <= n { (429, &[("retry-after", "3600")], "slow down") } else { well(path, 3, 20) }
    });
    let (outcome, n_queued) = outcome(&ended);
    assert_eq!((outcome, n_queued), (SeedOutcome::Partial, 17));
    let cursor = ended.record.cursor.unwrap();
    assert_eq!((cursor.page, cursor.visited), (None, 17));
    assert!(ended.sent.len() < 30, "who wants to be left alone is left alone");
}

#[test]
fn a_storm_of_5xx_about_packages_ends_the_run_and_blames_no_package() {
    let ended = seed(&Begin::default(), |path, _| {
        if path.starts_with("/p/") { (503, &[], "down") } else { well(path, 3, 20) }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 0));
    assert!(ended.sent.len() < 200, "{}", ended.sent.len());
    assert!(!ended.record.skipped.contains_key(&SeedSkip::NotThere));
}

#[test]
fn each_list_of_a_registry_that_is_down_is_left_soon_and_taken_up_later() {
    let answer = |path: &str, is_down| match path.strip_prefix("/more?page=") {
        _ if is_down && path.starts_with("/p/") => (503, &[][..], "down"),
        Some("0") => (200, &[][..], page(100, 20, None)),
        Some(_) | None => well(path, 3, 20),
    };
    let begin = Begin { both: true, ..Begin::default() };
    let first = seed(&begin, move |path, _| answer(path, true));
    assert_eq!(outcome(&first), (SeedOutcome::Partial, 0));
    assert!(first.sent.len() < 150, "{}", first.sent.len());
    let cursors: Vec<_> = first.record.sources.iter().map(|source| &source.cursor).collect();
    assert!(cursors.iter().all(|cursor| cursor.as_ref().is_some_and(|it| it.visited == 0)));
    let begin = Begin { left: first.record.sources, ..begin };
    let second = seed(&begin, move |path, _| answer(path, false));
    assert_eq!(outcome(&second), (SeedOutcome::Full, 80));
}

#[test]
fn what_could_not_be_read_before_a_stop_is_looked_at_by_the_next_run() {
    let first = seed(&Begin::default(), |path, n| {
        if 20 <= n && path.starts_with("/p/") { (503, &[], "down") } else { well(path, 3, 20) }
    });
    let (outcome_of_first, n_first) = outcome(&first);
    assert_eq!(outcome_of_first, SeedOutcome::Partial);
    let begin = Begin { left: first.record.sources, ..Begin::default() };
    let second = seed(&begin, |path, _| well(path, 3, 20));
    let (outcome, n_second) = outcome(&second);
    assert_eq!((outcome, n_first + n_second), (SeedOutcome::Full, 60));
}

#[test]
fn one_package_that_cannot_be_read_costs_itself() {
    let ended = seed(&Begin::default(), |path, _| {
        if path == "/p/tool-7" { (500, &[], "oops") } else { well(path, 2, 20) }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 39));
    assert_eq!(ended.record.skipped[&SeedSkip::Unreadable], 1);
}

#[test]
fn a_storm_of_5xx_at_the_list_is_unavailable_or_partial() {
    let ended = seed(&Begin::default(), |path, _| {
        if path.starts_with("/list") { (502, &[], "bad gateway") } else { well(path, 3, 20) }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Unavailable, 0));
    let ended = seed(&Begin::default(), |path, _| {
        if path == "/list?page=2" { (502, &[], "bad gateway") } else { well(path, 3, 20) }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 40));
    assert_eq!(ended.record.cursor.unwrap().page.as_deref(), Some("2"));
}

#[test]
fn a_page_that_was_cut_off_is_not_taken_for_the_end_of_the_list() {
    let ended = seed(&Begin::default(), |path, _| {
        if path == "/list?page=1" {
            (200, &[], r#"{"names":["tool-20","to"#)
        } else {
            well(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 20));
    assert_eq!(ended.record.cursor.unwrap().page.as_deref(), Some("1"));
}

#[test]
fn a_page_of_a_bot_filter_is_no_list() {
    let ended = seed(&Begin::default(), |path, _| {
        if path.starts_with("/list") {
            (200, &[("content-type", "text/html")], "<html>Just a moment...</html>")
        } else {
            well(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Unavailable, 0));
}

#[test]
fn pages_that_repeat_end_the_list() {
    let ended = seed(&Begin::default(), |path, _| match path {
        "/list?page=2" => (200, &[], page(0, 20, Some(3))),
        _ => well(path, 50, 20),
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 40));
    let lists = ended.sent.iter().filter(|sent| sent.url.contains("/list")).count();
    assert_eq!(lists, 3);
}

#[test]
fn a_list_that_is_empty_or_half_of_what_it_was_is_not_believed() {
    let begin = Begin { expected: Some(80), ..Begin::default() };
    let ended = seed(&begin, |path, _| well(path, 2, 20));
    assert_eq!(outcome(&ended), (SeedOutcome::Shrunk, 40));
    assert_eq!(ended.record.believed("list").total, Some(80));
    let empty = seed(&begin, |_, _| (200, &[], r#"{"names":[],"next":null}"#));
    assert_eq!(outcome(&empty), (SeedOutcome::Shrunk, 0));
}
