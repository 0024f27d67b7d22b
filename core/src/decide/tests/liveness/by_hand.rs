//! What becomes of a breaker that an operator opens while a run is under way.

use super::*;
use crate::{decide::pause, model::CircuitState};

/// The breaker after a run that started before an operator opened it for two hours, or after that,
/// and the line of the log.
fn after_run_started(hours_after: i64, end: End) -> (Breaker, Applied) {
    let opened_at = second(1_000_000);
    let until = opened_at + TimeDelta::hours(2);
    let breaker = pause::opened(&Breaker::default(), until, "maintenance", opened_at);
    let mut state = EcosystemState { breaker: breaker.clone(), ..ecosystem(&[1, 1]) };
    let started_at = opened_at + TimeDelta::hours(hours_after);
    let attempts = ["eco:p0000", "eco:p0001"].map(|id| attempt(id, end.outcome())).to_vec();
    let ended_at = started_at + TimeDelta::minutes(90);
    let run = Delta { ended_at, ..run_at(started_at, attempts) };
    (breaker, Policies::of_size(2).apply(&mut state, &run))
}

#[test]
fn an_opening_by_an_operator_survives_the_run_that_was_under_way() {
    for end in End::ALL {
        let (before, applied) = after_run_started(-1, end);
        let after = applied.breaker;
        assert_eq!(after.open, before.open, "{end:?}");
        assert_eq!(after.unhealthy_runs, before.unhealthy_runs, "{end:?}");
        assert_eq!(applied.transition, None, "{end:?}");
        assert!(after.last_run_at.is_some(), "it counts as served");
    }
}

#[test]
fn a_run_that_starts_after_the_opening_counts() {
    let (_, closed) = after_run_started(2, End::OfPackage);
    assert_eq!(closed.breaker.open, None);
    assert_eq!(closed.transition.map(|it| it.to), Some(CircuitState::Closed));
    let (before, longer) = after_run_started(2, End::OwnFault);
    let until = |breaker: Breaker| breaker.open.unwrap().until;
    assert!(until(before) < until(longer.breaker));
}

#[test]
fn a_breaker_that_a_wrong_clock_opened_is_closed_by_a_healthy_run() {
    let ahead = second(100_000_000);
    let until = ahead + TimeDelta::hours(2);
    let breaker = pause::opened(&Breaker::default(), until, "", ahead);
    let state = EcosystemState { breaker, ..ecosystem(&[1]) };
    let policies = Policies::of_size(1);
    let plan = policies.plan(&state, second(0));
    let after = policies.after(state, &plan, &[End::Success]);
    assert_eq!(after.breaker.open, None);
}

#[test]
fn an_opening_holds_although_an_earlier_run_had_a_wrong_clock() {
    let now = second(1_000_000);
    let last_failure_at = Some(now + TimeDelta::days(300));
    let broken = Breaker { unhealthy_runs: 1, last_failure_at, ..Breaker::default() };
    let breaker = pause::opened(&broken, now + TimeDelta::hours(2), "", now);
    let state = EcosystemState { breaker, ..ecosystem(&[1]) };
    let admission = Policies::of_size(1).admission(&state, now + TimeDelta::hours(1));
    assert!(matches!(admission, Admission::Nothing(_)), "{admission:?}");
}
