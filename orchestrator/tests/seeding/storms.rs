//! Registries with extreme errors, on the virtual clock.

use std::time::Duration;

use batch_core::model::{SeedOutcome, SeedSkip};

use crate::toy::{Begin, Ended, ordinary_answer, page, seed};

fn outcome(ended: &Ended) -> (SeedOutcome, usize) {
    (ended.record.outcome, ended.merged.queue.len())
}

#[test]
fn five_thousand_packages_are_read_at_the_declared_pace_and_not_faster() {
    let ended = seed(&Begin::default(), |path, _| ordinary_answer(path, 50, 100));
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 5_000));
    let packages: Vec<Duration> =
        ended.sent.iter().filter(|sent| sent.url.contains("/p/")).map(|sent| sent.at).collect();
    assert_eq!(packages.len(), 5_000);
    let period = Duration::from_secs(1);
    assert!(packages.windows(2).all(|pair| pair[0] + period <= pair[1]), "never above");
    // Only the quota of the packages limits the speed, from the first request to the last.
    let used = 5_000.0 / (ended.took.as_secs_f64() / period.as_secs_f64());
    assert!(used >= 0.97, "{used}");
}

#[test]
fn a_run_ends_with_its_cursor_at_its_maximum_of_requests() {
    let ended = seed(&Begin::default(), |path, _| ordinary_answer(path, 80, 2));
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 120));
    let cursor = ended.record.cursor.clone().unwrap();
    assert_eq!((cursor.page.as_deref(), cursor.visited), (Some("60"), 0));
    let reason = ended.record.sources[0].reason.clone().unwrap();
    assert!(reason.contains("the limit of requests for"), "{reason}");
    let begin = Begin { left: ended.record.sources, ..Begin::default() };
    let rest = seed(&begin, |path, _| ordinary_answer(path, 80, 2));
    assert_eq!(outcome(&rest), (SeedOutcome::Full, 40));
}

#[test]
fn many_429_answers_cause_a_pause_and_then_the_run_continues() {
    let ended = seed(&Begin::default(), |path, n| {
        if (20..23).contains(&n) {
            (429, &[("retry-after", "30")], "slow down")
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 60));
    assert!(Duration::from_secs(120) < ended.took, "{:?}", ended.took);
}

#[test]
fn endless_429_answers_keep_the_results_so_far() {
    let ended = seed(&Begin::default(), |path, n| {
        if 20 <= n {
            (429, &[("retry-after", "3600")], "slow down")
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    let (outcome, n_queued) = outcome(&ended);
    assert_eq!((outcome, n_queued), (SeedOutcome::Partial, 17));
    let cursor = ended.record.cursor.unwrap();
    assert_eq!((cursor.page, cursor.visited), (None, 17));
    assert!(ended.sent.len() < 30, "who wants to be left alone is left alone");
}

#[test]
fn many_5xx_answers_about_packages_end_the_run_and_blame_no_package() {
    let ended = seed(&Begin::default(), |path, _| {
        if path.starts_with("/p/") { (503, &[], "down") } else { ordinary_answer(path, 3, 20) }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 0));
    assert!(ended.sent.len() < 200, "{}", ended.sent.len());
    assert!(!ended.record.skipped.contains_key(&SeedSkip::NotThere));
}

#[test]
fn the_lists_of_an_unavailable_registry_are_skipped_and_read_later() {
    let answer = |path: &str, is_down| match path.strip_prefix("/more?page=") {
        _ if is_down && path.starts_with("/p/") => (503, &[][..], "down"),
        Some("0") => (200, &[][..], page(100, 20, None)),
        Some(_) | None => ordinary_answer(path, 3, 20),
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
fn packages_unread_at_a_stop_are_read_by_the_next_run() {
    let first = seed(&Begin::default(), |path, n| {
        if 20 <= n && path.starts_with("/p/") {
            (503, &[], "down")
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    let (outcome_of_first, n_first) = outcome(&first);
    assert_eq!(outcome_of_first, SeedOutcome::Partial);
    let begin = Begin { left: first.record.sources, ..Begin::default() };
    let second = seed(&begin, |path, _| ordinary_answer(path, 3, 20));
    let (outcome, n_second) = outcome(&second);
    assert_eq!((outcome, n_first + n_second), (SeedOutcome::Full, 60));
}

#[test]
fn one_unreadable_package_does_not_affect_others() {
    let ended = seed(&Begin::default(), |path, _| {
        if path == "/p/tool-7" { (500, &[], "oops") } else { ordinary_answer(path, 2, 20) }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 39));
    assert_eq!(ended.record.skipped[&SeedSkip::Unreadable], 1);
}

#[test]
fn many_5xx_answers_of_the_list_make_it_unavailable_or_partial() {
    let ended = seed(&Begin::default(), |path, _| {
        if path.starts_with("/list") {
            (502, &[], "bad gateway")
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Unavailable, 0));
    let ended = seed(&Begin::default(), |path, _| {
        if path == "/list?page=2" {
            (502, &[], "bad gateway")
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 40));
    assert_eq!(ended.record.cursor.unwrap().page.as_deref(), Some("2"));
}

#[test]
fn a_truncated_page_is_not_the_end_of_the_list() {
    let ended = seed(&Begin::default(), |path, _| {
        if path == "/list?page=1" {
            (200, &[], r#"{"names":["tool-20","to"#)
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Partial, 20));
    assert_eq!(ended.record.cursor.unwrap().page.as_deref(), Some("1"));
}

#[test]
fn a_page_of_a_bot_filter_is_not_a_list() {
    let ended = seed(&Begin::default(), |path, _| {
        if path.starts_with("/list") {
            (200, &[("content-type", "text/html")], "<html>Just a moment...</html>")
        } else {
            ordinary_answer(path, 3, 20)
        }
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Unavailable, 0));
}

#[test]
fn pages_that_repeat_end_the_list() {
    let ended = seed(&Begin::default(), |path, _| match path {
        "/list?page=2" => (200, &[], page(0, 20, Some(3))),
        _ => ordinary_answer(path, 50, 20),
    });
    assert_eq!(outcome(&ended), (SeedOutcome::Full, 40));
    let lists = ended.sent.iter().filter(|sent| sent.url.contains("/list")).count();
    assert_eq!(lists, 3);
}

#[test]
fn a_list_that_is_empty_or_lost_half_of_its_names_is_refused() {
    let begin = Begin { expected: Some(80), ..Begin::default() };
    let ended = seed(&begin, |path, _| ordinary_answer(path, 2, 20));
    assert_eq!(outcome(&ended), (SeedOutcome::Shrunk, 40));
    assert_eq!(ended.record.trusted_size("list").total, Some(80));
    let empty = seed(&begin, |_, _| (200, &[], r#"{"names":[],"next":null}"#));
    assert_eq!(outcome(&empty), (SeedOutcome::Shrunk, 0));
}
