//! When an ecosystem is left alone, and when it is tried again.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    decide::breaker::{Admission, BreakerPolicy, admission, after_run, health, was_opened_ahead},
    model::{Breaker, FailureKind, Fingerprint, Health, Open, Outcome, PackageId, SkipReason},
    records::{attempt, failed_on, succeeded},
};

const OWN: &str = "own.example";
const UNHEALTHY: Health = Health::Unhealthy { signature: None };

fn open(since: i64, until: i64) -> Open {
    let (since, until) = (second(since), second(until));
    Open { since, until, level: 1, signature: None, reason: String::new() }
}

fn admitted(open: Option<Open>, now: i64) -> Admission {
    let breaker = Breaker { open, ..Breaker::default() };
    admission(&breaker, second(now), &BreakerPolicy::default())
}

#[test]
fn an_open_breaker_admits_nothing_until_its_pause_is_over_and_then_probes() {
    let until = second(100);
    let closed = Admission::Nothing(SkipReason::BreakerOpen { until });
    assert_eq!(admitted(None, 0), Admission::Batch);
    assert_eq!(admitted(Some(open(0, 100)), 0), closed);
    assert_eq!(admitted(Some(open(0, 100)), 99), closed);
    assert_eq!(admitted(Some(open(0, 100)), 100), Admission::Probes(3));
    assert_eq!(admitted(Some(open(0, 100)), 101), Admission::Probes(3));
}

#[test]
fn a_breaker_that_was_opened_in_the_future_counts_as_closed_unless_an_operator_set_its_end() {
    let year = 31_536_000;
    assert_eq!(admitted(Some(open(year, year + 3600)), 0), Admission::Batch);
    let by_hand = open(year, year);
    let closed = Admission::Nothing(SkipReason::BreakerOpen { until: by_hand.until });
    assert_eq!(admitted(Some(by_hand.clone()), 0), closed);
    for (open, now, is_ahead) in [
        (open(year, year + 3600), 0, true),
        (open(year, year + 3600), year, false),
        (by_hand, 0, false),
        (open(0, 3600), 0, false),
    ] {
        let breaker = Breaker { open: Some(open), ..Breaker::default() };
        assert_eq!(was_opened_ahead(&breaker, second(now)), is_ahead, "{breaker:?} at {now}");
    }
}

#[test]
fn a_pause_that_counts_from_a_run_of_the_future_is_not_waited_for() {
    let day = 86_400;
    for (since, failed_at, now, expected) in [
        (0, 9 * day, day, Admission::Batch),
        (
            0,
            9 * day,
            9 * day,
            Admission::Nothing(SkipReason::BreakerOpen { until: second(10 * day) }),
        ),
        // An operator opened it after the last failure.
        (
            8 * day,
            7 * day,
            8 * day,
            Admission::Nothing(SkipReason::BreakerOpen { until: second(10 * day) }),
        ),
    ] {
        let breaker = Breaker {
            open: Some(open(since, 10 * day)),
            last_failure_at: Some(second(failed_at)),
            ..Breaker::default()
        };
        assert_eq!(admission(&breaker, second(now), &BreakerPolicy::default()), expected);
    }
}

proptest! {
    /// The rule of the design in numbers: successes, structural failures, own and foreign faults,
    /// packages that wait for recipes.
    #[test]
    fn own_faults_that_outweigh_everything_else_are_unhealthy(
        n in [0_usize..3, 0_usize..4, 0_usize..4, 0_usize..3, 0_usize..3],
    ) {
        let outcomes = [
            succeeded("x"),
            // Says something about the package, and is never systemic.
            failed_on(FailureKind::LibraryOnly, None),
            failed_on(FailureKind::Timeout, Some(OWN)),
            failed_on(FailureKind::Timeout, Some("elsewhere.example")),
            failed_on(FailureKind::RecipeMissing, None),
        ];
        let of = |(outcome, n): (&Outcome, usize)| vec![attempt("eco:a", outcome.clone()); n];
        let attempts: Vec<Attempt> = outcomes.iter().zip(n).flat_map(of).collect();
        let found = health(&attempts, &[OWN].into(), &Breaker::default(), &BreakerPolicy::default());
        let [n_succeeded, n_structural, n_own, ..] = n;
        let expected = if n_succeeded == 0 && n_own > n_structural {
            UNHEALTHY
        } else if n_succeeded + n_structural + n_own == 0 {
            Health::Neutral
        } else {
            Health::Healthy
        };
        prop_assert_eq!(found, expected);
    }

    /// The packages of the newest failures that are all alike and of distinct packages, at most as
    /// many as make a systemic failure; and that such a row is unhealthy once it is whole.
    #[test]
    fn a_row_holds_the_newest_distinct_packages_that_failed_alike(
        history in vec(prop_oneof![
            12 => (0_u8..14).prop_map(|n| (n, FailureKind::InstallFailed)),
            1 => (0_u8..14).prop_map(|n| (n, FailureKind::VerifyFailed)),
            1 => (0_u8..14).prop_map(|n| (n, FailureKind::LibraryOnly)),
            1 => (0_u8..14).prop_map(|n| (n, FailureKind::RecipeMissing)),
        ], 0..40),
        size in 1_usize..6,
    ) {
        let policy = BreakerPolicy { systemic_row: 5, ..BreakerPolicy::default() };
        let id = |n: u8| -> PackageId { format!("eco:p{n}").parse().unwrap() };
        let mut breaker = Breaker::default();
        for run in history.chunks(size) {
            let attempts: Vec<Attempt> =
                run.iter().map(|&(n, kind)| attempt(&id(n).to_string(), failed_on(kind, None))).collect();
            let found = health(&attempts, &BTreeSet::new(), &breaker, &policy);
            breaker = after_run(&breaker, &attempts, found, second(0), &policy);
            let is_whole = breaker.row.as_ref().is_some_and(|row| row.packages.len() == 5);
            let is_unhealthy = matches!(found, Health::Unhealthy { signature: Some(_) });
            prop_assert!(is_unhealthy || !is_whole);
        }
        let mut expected: Vec<PackageId> = vec![];
        let last = history.last().map(|&(_, kind)| kind);
        for &(n, kind) in history.iter().rev() {
            let is_of_package =
                matches!(kind, FailureKind::LibraryOnly | FailureKind::RecipeMissing);
            let is_alike = Some(kind) == last && !is_of_package;
            if !is_alike || expected.len() == 5 || expected.contains(&id(n)) {
                break;
            }
            expected.insert(0, id(n));
        }
        let row = breaker.row.filter(|row| !row.packages.is_empty());
        let found = row.as_ref().map_or(vec![], |row| row.packages.clone());
        prop_assert_eq!(found, expected);
        if let (Some(row), Some(last)) = (row, last) {
            prop_assert_eq!(row.fingerprint, Fingerprint(last as u64));
        }
    }

    /// Whatever comes: `u` unhealthy, `n` neutral, `h` healthy, one run an hour and a half.
    #[test]
    fn a_breaker_opens_at_the_third_unhealthy_run_in_a_row_and_stays_open_until_a_healthy_one(
        runs in "[unnhu]{0,30}",
    ) {
        let policy = BreakerPolicy::default();
        let mut breaker = Breaker::default();
        let mut now = second(0);
        for (i, run) in runs.char_indices() {
            now += TimeDelta::minutes(90);
            let found = match run {
                'u' => UNHEALTHY,
                'n' => Health::Neutral,
                _ => Health::Healthy,
            };
            let before = breaker.clone();
            breaker = after_run(&before, &[], found, now, &policy);
            prop_assert_eq!(breaker.last_run_at, Some(now));
            let since_healthy = &runs[runs[..=i].rfind('h').map_or(0, |at| at + 1)..=i];
            let n_unhealthy = since_healthy.matches('u').count();
            prop_assert_eq!(breaker.unhealthy_runs as usize, n_unhealthy);
            prop_assert_eq!(breaker.open.is_some(), n_unhealthy >= 3);
            let last_failure_at = if run == 'u' { Some(now) } else { before.last_failure_at };
            prop_assert_eq!(breaker.last_failure_at, last_failure_at);
            let Some(open) = &breaker.open else { continue };
            prop_assert_eq!(open.level as usize, n_unhealthy - 2);
            if run == 'u' {
                let hours = 1 << (n_unhealthy - 3).min(5);
                prop_assert_eq!(open.until, now + TimeDelta::hours(hours.min(24)));
                let n_runs = format!("{n_unhealthy} unhealthy runs");
                prop_assert!(open.reason.starts_with(&n_runs), "{}", open.reason);
                let since = before.open.map_or(now, |open| open.since);
                prop_assert_eq!(open.since, since);
            } else {
                prop_assert_eq!(Some(open), before.open.as_ref());
            }
        }
    }
}

#[test]
fn what_opened_a_breaker_for_one_cause_is_named_by_it() {
    let signature = Some(Fingerprint(0xabc));
    let breaker = Breaker { unhealthy_runs: 2, ..Breaker::default() };
    let unhealthy = Health::Unhealthy { signature };
    let after = after_run(&breaker, &[], unhealthy, second(0), &BreakerPolicy::default());
    let open = after.open.unwrap();
    assert_eq!(open.signature, signature);
    assert!(open.reason.contains("0000000000000abc"), "{}", open.reason);
}
