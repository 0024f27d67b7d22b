//! Which packages the probes of a breaker take, and how small ecosystems recover.

use proptest::collection::vec;

use super::*;
use crate::model::Open;

/// A breaker that has just become half-open at `now`.
fn half_open(now: DateTime<Utc>) -> Breaker {
    let open = Open {
        since: now - TimeDelta::hours(24),
        until: now,
        level: 6,
        signature: None,
        reason: String::new(),
    };
    Breaker { unhealthy_runs: 8, open: Some(open), ..Breaker::default() }
}

/// An end after which a breaker is closed, or stays as it is.
fn structural_or_neutral() -> impl Strategy<Value = End> {
    proptest::sample::select(vec![End::OfPackage, End::ForeignFault, End::Blocked])
}

/// The ends of a run in which the ecosystem often does not answer at all.
fn any_run() -> impl Strategy<Value = Vec<End>> {
    prop_oneof![3 => Just(vec![End::OwnFault; 3]), 1 => vec(any_end(), 3)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_day_of_probes_that_end_structurally_or_neutrally_tries_as_many_packages_as_there_are(
        tiers in vec(1_u8..=3, 1..=60),
        size in 1_usize..=12,
        runs in vec(vec(structural_or_neutral(), 12), 24),
    ) {
        let policies = Policies::of_size(size);
        let mut now = second(1_000_000);
        let mut state = EcosystemState { breaker: half_open(now), ..ecosystem(&tiers) };
        let mut tried = BTreeSet::new();
        for ends in runs {
            let plan = policies.plan(&state, now);
            tried.extend(plan.attempts.iter().cloned());
            state = policies.after(state, &plan, &ends);
            now += TimeDelta::hours(1);
        }
        prop_assert!(24.min(tiers.len()) <= tried.len(), "{} of {}", tried.len(), tiers.len());
    }

    /// The attempts before are random, so the orders of last probes and last attempts are too. Days
    /// pass between the runs, so that no waiting time keeps a package from being probed again.
    #[test]
    fn probes_that_prove_nothing_take_every_package_in_turn(
        n in 1_usize..=60,
        size in 1_usize..=12,
        before in vec(0_i64..1000, 60),
    ) {
        let policies = Policies::of_size(size);
        let mut now = second(10_000_000);
        let mut state = EcosystemState { breaker: half_open(now), ..ecosystem(&vec![2; n]) };
        for (entry, hours) in state.queue.values_mut().zip(before) {
            entry.last_probe_at = (0 < hours).then(|| now - TimeDelta::hours(hours));
            entry.last_attempt_at = entry.last_probe_at;
        }
        let n_places = size.min(policies.breaker.probes);
        let mut tried = BTreeSet::new();
        for _ in 0..n.div_ceil(n_places) {
            let plan = policies.plan(&state, now);
            prop_assert!(plan.probing && !plan.attempts.is_empty());
            tried.extend(plan.attempts.iter().cloned());
            state = policies.after(state, &plan, &vec![End::ForeignFault; n_places]);
            now += TimeDelta::days(2);
        }
        prop_assert_eq!(tried.len(), n);
    }

    /// Clocks of machines may be wrong by hours. Whatever they wrote, the ecosystem is asked again no
    /// later than after the longest pause.
    #[test]
    fn no_clock_keeps_a_breaker_from_admitting_something_within_the_longest_pause(
        runs in vec((-100_i64..=100, any_run()), 1..40),
        minutes in -6000_i64..6000,
    ) {
        let policies = Policies::of_size(3);
        let mut state = ecosystem(&[1, 2, 3, 3]);
        let mut now = second(100_000_000);
        for (hours, ends) in runs {
            // Each run has an id of its own, as in the program.
            now += TimeDelta::hours(hours) + TimeDelta::seconds(1);
            let plan = policies.plan(&state, now);
            if !plan.attempts.is_empty() {
                state = policies.after(state, &plan, &ends);
            }
        }
        now += TimeDelta::minutes(minutes);
        let latest = TimeDelta::from_std(policies.breaker.longest_pause).unwrap()
            + crate::decide::ahead::TOLERANCE;
        let is_admitted = |minutes: i64| {
            let at = now + TimeDelta::minutes(minutes);
            !matches!(policies.admission(&state, at), Admission::Nothing(_))
        };
        prop_assert!((0..=latest.num_minutes()).any(is_admitted), "{:?}", state.breaker);
    }
}

#[test]
fn an_ecosystem_with_one_two_or_three_entries_recovers_too() {
    let now = second(1_000_000);
    for n in 1..=3 {
        for is_backing_off in [false, true] {
            let mut state = EcosystemState { breaker: half_open(now), ..ecosystem(&vec![3; n]) };
            for entry in state.queue.values_mut() {
                entry.status = Status::Failed;
                entry.consecutive_failures = 900;
                entry.last_probe_at = Some(now - TimeDelta::hours(24));
                entry.last_attempt_at = entry.last_probe_at;
                entry.next_retry_at = is_backing_off.then(|| now + TimeDelta::days(29));
            }
            let policies = Policies::of_size(10);
            let plan = policies.plan(&state, now);
            assert_eq!((plan.probing, plan.attempts.len()), (true, n));
            let neutral = policies.after(state.clone(), &plan, &vec![End::ForeignFault; n]);
            let next = policies.plan(&neutral, now + TimeDelta::hours(1));
            assert_eq!((next.probing, next.attempts.len()), (true, n), "there are no others");
            for state in [(state, plan), (neutral, next)] {
                let (state, plan) = state;
                let after = policies.after(state, &plan, &vec![End::OfPackage; n]);
                assert_eq!(after.breaker.open, None);
            }
        }
    }
}
