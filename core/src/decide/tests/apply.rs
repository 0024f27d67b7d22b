//! What a run leaves in the state.

use std::collections::BTreeMap;

use chrono::{Datelike as _, TimeDelta, Weekday};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    decide::{
        apply::{self, Applied, Merging, Rules},
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
    },
    ecosystem_state::EcosystemState,
    model::{
        BreakerTransition, CircuitState, Consequence, Control, FailureKind, HostPause, Outcome,
        QueueEntry, RunnerMinutes, Status,
    },
    records::{attempt, failed_on, queue, succeeded},
};

const OWN: &str = "own.example";

fn apply_to(state: &mut EcosystemState, run: &Delta) -> Applied {
    let (backoff, breaker) = (BackoffPolicy::default(), BreakerPolicy::default());
    let own_services = [OWN].into();
    state.apply(
        run,
        &Rules { own_services, backoff: &backoff, breaker: &breaker, merging: Merging::AtOnce },
    )
}

fn after_run(mut state: EcosystemState, run: &Delta) -> EcosystemState {
    apply_to(&mut state, run);
    state
}

fn state_of_a() -> EcosystemState {
    EcosystemState { queue: queue([("a", 1, 0)]), ..EcosystemState::default() }
}

fn entry(state: &EcosystemState) -> &QueueEntry {
    state.queue.values().next().unwrap()
}

/// The entry `a` after runs a day apart, each of which came to one of `outcomes`; the last one first
/// ended at the second that is returned with it.
fn after(outcomes: &[Outcome]) -> (QueueEntry, DateTime<Utc>) {
    let mut state = state_of_a();
    let mut at = second(0);
    for outcome in outcomes {
        at += TimeDelta::days(1);
        apply_to(&mut state, &run_at(at, vec![attempt("eco:a", outcome.clone())]));
    }
    (entry(&state).clone(), at)
}

fn structural() -> Outcome {
    failed_on(FailureKind::InstallFailed, None)
}

fn fault() -> Outcome {
    failed_on(FailureKind::Timeout, Some(OWN))
}

proptest! {
    /// Hours of waiting after the last of any row of failures, as the policy has them.
    #[test]
    fn each_failure_is_tried_again_after_its_wait(is_structural in vec(any::<bool>(), 1..12)) {
        let outcomes: Vec<Outcome> =
            is_structural.iter().map(|&is_it| if is_it { structural() } else { fault() }).collect();
        let (entry, ended_at) = after(&outcomes);
        let n_structural = is_structural.iter().filter(|&&is_it| is_it).count();
        let n_faults = is_structural.iter().rev().take_while(|&&is_it| !is_it).count();
        let hours = match n_faults {
            0 => [24, 72, 168].get(n_structural - 1).copied().unwrap_or(720),
            n => [1, 2, 4, 8, 16].get(n - 1).copied().unwrap_or(24),
        };
        prop_assert_eq!(entry.next_retry_at, Some(ended_at + TimeDelta::hours(hours)));
        prop_assert_eq!(entry.consecutive_failures as usize, n_structural);
        prop_assert_eq!(entry.consecutive_faults as usize, n_faults);
        prop_assert_eq!(entry.last_attempt_at, Some(ended_at));
    }
}

#[test]
fn a_success_forgets_failures_and_faults() {
    for before in [vec![structural(), structural(), fault()], vec![fault()], vec![]] {
        let (entry, ended_at) = after(&[before, vec![succeeded("a")]].concat());
        assert_eq!(entry.status, Status::Success);
        assert_eq!((entry.consecutive_failures, entry.consecutive_faults), (0, 0));
        assert_eq!((entry.next_retry_at, entry.last_attempt_at), (None, Some(ended_at)));
    }
}

#[test]
fn what_ends_the_attempts_of_an_entry_is_no_success_and_leaves_nothing_to_wait_for() {
    for &kind in FailureKind::ALL {
        let settles = matches!(
            kind.consequence(),
            Consequence::Excluded | Consequence::RequiresManual | Consequence::Blocked
        );
        let (entry, _) = after(&[structural(), fault(), failed_on(kind, None)]);
        assert_eq!(entry.next_retry_at.is_none(), settles, "{kind}");
        if settles {
            assert_eq!((entry.consecutive_failures, entry.consecutive_faults), (1, 0), "{kind}");
        }
    }
}

#[test]
fn only_a_probe_counts_as_one() {
    for probing in [false, true] {
        let run = Delta { probing, ..run_at(second(9), vec![attempt("eco:a", structural())]) };
        let state = after_run(state_of_a(), &run);
        assert_eq!(entry(&state).last_probe_at, probing.then_some(second(9)));
    }
}

#[test]
fn the_newest_answer_of_a_registry_is_kept_and_silence_changes_nothing() {
    let said = Attempt {
        upstream_version: Some("2".to_owned()),
        notes: vec!["deprecated".to_owned()],
        ..attempt("eco:a", structural())
    };
    let first = after_run(state_of_a(), &run_at(second(1), vec![said]));
    let silent = run_at(second(2), vec![attempt("eco:a", fault())]);
    for state in [first.clone(), after_run(first, &silent)] {
        assert_eq!(entry(&state).upstream_version.as_deref(), Some("2"));
        assert_eq!(entry(&state).notes, ["deprecated"]);
        assert_eq!(entry(&state).generator_version.as_deref(), Some("builtin 0"));
    }
}

#[test]
fn an_attempt_at_what_has_left_the_queue_adds_no_entry() {
    let run = run_at(second(1), vec![attempt("eco:b", succeeded("b"))]);
    assert_eq!(after_run(state_of_a(), &run).queue, state_of_a().queue);
}

/// Runs an hour apart, each of two attempts that came to the outcome; what the log gets of each.
fn transitions(outcomes: &[Outcome]) -> Vec<Option<BreakerTransition>> {
    let mut state = EcosystemState { queue: queue([("a", 1, 0), ("b", 1, 0)]), ..state_of_a() };
    let hours = (1..).map(|hour| second(hour * 3600));
    let runs = hours.zip(outcomes).map(|(at, outcome)| {
        run_at(at, ["eco:a", "eco:b"].map(|id| attempt(id, outcome.clone())).to_vec())
    });
    runs.map(|run| apply_to(&mut state, &run).transition).collect()
}

#[test]
fn the_log_says_when_a_breaker_moved_why_and_by_which_failures() {
    use CircuitState::{Closed, Open};

    let log = transitions(&[fault(), fault(), fault(), fault(), succeeded("a"), fault()]);
    let moves: Vec<_> =
        log.iter().map(|it| it.as_ref().map(|it| (it.from, it.to, it.next_probe_at))).collect();
    let hour = |n: i64| second(n * 3600);
    let expected = [
        None,
        None,
        Some((Closed, Open, Some(hour(4)))),
        Some((Open, Open, Some(hour(6)))),
        Some((Open, Closed, None)),
        None,
    ];
    assert_eq!(moves, expected);
    let told: Vec<&BreakerTransition> = log.iter().flatten().collect();
    for (transition, n_failures) in told.iter().zip([2, 2, 0]) {
        let run = batch(transition.at);
        let ids = ["a", "b"].map(|name| format!("{run}-{name}"));
        assert_eq!(transition.evidence, ids[..n_failures]);
        assert_eq!(transition.ecosystem, ECO);
    }
    assert!(told[1].reason.starts_with("4 unhealthy runs"), "{}", told[1].reason);
    assert!(!told[2].reason.contains("unhealthy"), "{}", told[2].reason);
    let mut words: Vec<&str> = told.iter().map(|it| apply::describe(it)).collect();
    words.dedup();
    assert_eq!(words.len(), 3, "each kind of transition has a word of its own: {words:?}");
}

/// The control plane after runs that each used so many minutes, and its budget after each.
fn budgets(runs: &[(DateTime<Utc>, RunnerMinutes)]) -> Control {
    runs.iter().fold(Control::default(), |control, &(at, minutes)| {
        let run = Delta { minutes, ..run_at(at, vec![attempt("eco:a", succeeded("a"))]) };
        let breaker = control.breaker(&ECO);
        let applied = apply_to(&mut EcosystemState { breaker, ..state_of_a() }, &run);
        let control = apply::to_control(control, &run, &applied);
        // Once more: a writer that lost a race begins again.
        let again = apply::to_control(control.clone(), &run, &applied);
        assert_eq!(again, control);
        control
    })
}

proptest! {
    /// Moments of twenty years, in the order in which they come.
    #[test]
    fn minutes_are_added_up_within_an_iso_week(
        hours in vec(0_i64..200, 1..8),
        start in 0_i64..631_152_000,
        linux in 0_u64..100,
        macos in 0_u64..100,
    ) {
        let mut at = second(start);
        let runs: Vec<(DateTime<Utc>, RunnerMinutes)> = hours
            .iter()
            .map(|&hours| {
                at += TimeDelta::hours(hours) + TimeDelta::seconds(1);
                (at, RunnerMinutes { macos, linux })
            })
            .collect();
        let budget = budgets(&runs).budget;
        let week = budget.week_start.unwrap();
        prop_assert_eq!(week.weekday(), Weekday::Mon);
        prop_assert_eq!(week.iso_week(), at.date_naive().iso_week());
        let is_in_week = |(at, _): &&(DateTime<Utc>, RunnerMinutes)| at.date_naive().iso_week() == week.iso_week();
        let n = runs.iter().filter(is_in_week).count() as u64;
        prop_assert_eq!((budget.linux_minutes_used, budget.macos_minutes_used), (n * linux, n * macos));
    }
}

#[test]
fn a_host_is_paused_until_the_latest_moment_that_it_asked_for_and_no_longer() {
    let now = second(100);
    let at = |n: i64| now + TimeDelta::seconds(n);
    let moments = [None, Some(-2), Some(-1), Some(0), Some(1), Some(2)];
    for (known, asked) in moments.iter().flat_map(|known| moments.map(|asked| (*known, asked))) {
        let mut control = Control::default();
        if let Some(n) = known {
            control.hosts.insert("a.example".to_owned(), HostPause { paused_until: at(n) });
        }
        let pauses: BTreeMap<_, _> =
            asked.into_iter().map(|n| ("a.example".to_owned(), at(n))).collect();
        let control = apply::with_pauses(control, &pauses, now);
        let paused_until = control.hosts.get("a.example").map(|pause| pause.paused_until);
        assert_eq!(paused_until, known.max(asked).filter(|n| *n > 0).map(at));
    }
}

#[test]
fn the_control_plane_gets_the_breaker_and_the_pauses_of_a_run() {
    let until = second(1000);
    let pauses = [("a.example".to_owned(), until)].into();
    let run = Delta { pauses, ..run_at(second(9), vec![attempt("eco:a", fault())]) };
    let applied = apply_to(&mut state_of_a(), &run);
    let control = apply::to_control(Control::default(), &run, &applied);
    assert_eq!(control.breaker(&ECO), applied.breaker);
    assert_eq!(control.breaker(&ECO).last_batch, Some(run.batch));
    assert_eq!(control.hosts["a.example"].paused_until, until);
}
