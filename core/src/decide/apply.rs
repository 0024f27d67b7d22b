//! What the state becomes once a run has ended.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};

use crate::{
    decide::{
        backoff::BackoffPolicy,
        breaker::{self, BreakerPolicy},
        record,
    },
    model::{
        Attempt, BreakerTransition, CircuitState, Consequence, Control, Delta, EcosystemState,
        Failure, Health, HostPause, Outcome, Queue, QueueEntry, SCHEMA_VERSION, Status,
        StoredBreaker,
    },
};

/// Everything that applying a delta depends on besides state and delta.
#[derive(Debug, Clone)]
pub struct Rules<'a> {
    /// Hosts and tools of the ecosystem: only their faults count for its breaker.
    pub own_services: BTreeSet<&'a str>,
    /// Waiting times of packages.
    pub backoff: &'a BackoffPolicy,
    /// Thresholds of breakers.
    pub breaker: &'a BreakerPolicy,
}

/// A state with a run in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The ecosystem's queue and breaker.
    pub state: EcosystemState,
    /// What the run said about the ecosystem.
    pub health: Health,
    /// For the log, where the breaker moved.
    pub transition: Option<BreakerTransition>,
}

/// `state` with `delta` in it. A delta that is already in changes nothing, so a writer that lost a
/// race, or died half-way, reads the newest state and applies again.
#[must_use]
pub fn delta(state: EcosystemState, delta: &Delta, rules: &Rules) -> Applied {
    let EcosystemState { queue, breaker: before } = state;
    let queue = to_queue(queue, delta, rules.backoff);
    let health = breaker::health(&delta.attempts, &rules.own_services, &before, rules.breaker);
    if before.last_batch.as_ref() == Some(&delta.batch) {
        let state = EcosystemState { queue, breaker: before };
        return Applied { state, health, transition: None };
    }
    let mut after =
        breaker::after_run(&before, &delta.attempts, health, delta.ended_at, rules.breaker);
    after.last_batch = Some(delta.batch.clone());
    let moved =
        before.open.as_ref().map(|open| open.until) != after.open.as_ref().map(|open| open.until);
    let transition = moved.then(|| BreakerTransition {
        schema_version: SCHEMA_VERSION,
        at: delta.ended_at,
        ecosystem: delta.batch.ecosystem().clone(),
        from: StoredBreaker::from(&before).circuit_state,
        to: StoredBreaker::from(&after).circuit_state,
        reason: after.open.as_ref().map_or_else(closing_reason, |open| open.reason.clone()),
        evidence: evidence(delta),
        next_probe_at: after.open.as_ref().map(|open| open.until),
    });
    let state = EcosystemState { queue, breaker: after };
    Applied { state, health, transition }
}

fn closing_reason() -> String {
    "a run reached registry and tool".to_owned()
}

fn evidence(delta: &Delta) -> Vec<String> {
    record::failures(delta).into_iter().map(|noted| noted.record.id).collect()
}

fn to_queue(mut queue: Queue, delta: &Delta, backoff: &BackoffPolicy) -> Queue {
    for attempt in &delta.attempts {
        if let btree_map::Entry::Occupied(mut entry) = queue.entry(attempt.package.clone()) {
            to_entry(entry.get_mut(), attempt, delta, backoff);
        }
    }
    queue
}

fn to_entry(entry: &mut QueueEntry, attempt: &Attempt, delta: &Delta, backoff: &BackoffPolicy) {
    // In already, or older than what is in.
    if entry.last_attempt_at.is_some_and(|at| attempt.ended_at <= at) {
        return;
    }
    entry.last_attempt_at = Some(attempt.ended_at);
    if delta.probing {
        entry.last_probe_at = Some(attempt.ended_at);
    }
    // Someone decided while the run was under way: the newer decision stands.
    if !matches!(entry.status, Status::Pending | Status::Failed) {
        return;
    }
    if attempt.upstream_version.is_some() {
        entry.upstream_version.clone_from(&attempt.upstream_version);
        entry.notes.clone_from(&attempt.notes);
    }
    entry.generator_version = Some(delta.generator.clone());
    match &attempt.outcome {
        Outcome::Succeeded { .. } => settle(entry, Status::Success),
        Outcome::Failed(failure) => to_failed_entry(entry, failure, attempt.ended_at, backoff),
    }
}

fn to_failed_entry(
    entry: &mut QueueEntry,
    failure: &Failure,
    ended_at: DateTime<Utc>,
    backoff: &BackoffPolicy,
) {
    let reason = || record::reason(failure);
    match failure.finding.kind.consequence() {
        Consequence::Excluded => settle(entry, Status::Excluded { reason: reason() }),
        Consequence::RequiresManual => settle(entry, Status::RequiresManual { reason: reason() }),
        Consequence::Blocked => settle(entry, Status::Blocked { by: failure.blocked_by.clone() }),
        Consequence::Spared => {
            entry.consecutive_faults = entry.consecutive_faults.saturating_add(1);
            entry.next_retry_at = Some(ended_at + backoff.after_fault(entry.consecutive_faults));
        }
        Consequence::Failed => {
            entry.status = Status::Failed;
            entry.consecutive_failures = entry.consecutive_failures.saturating_add(1);
            entry.consecutive_faults = 0;
            let wait = backoff.after_structural(entry.consecutive_failures);
            entry.next_retry_at = Some(ended_at + wait);
        }
    }
}

fn settle(entry: &mut QueueEntry, status: Status) {
    if status == Status::Success {
        entry.consecutive_failures = 0;
    }
    entry.consecutive_faults = 0;
    entry.next_retry_at = None;
    entry.status = status;
}

/// The control plane with the wishes of hosts to be left alone, and without those that have passed
/// at `now`.
#[must_use]
pub fn with_pauses(
    mut control: Control,
    pauses: &BTreeMap<String, DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Control {
    for (host, &paused_until) in pauses {
        let pause = control.hosts.entry(host.clone()).or_insert(HostPause { paused_until });
        pause.paused_until = pause.paused_until.max(paused_until);
    }
    control.hosts.retain(|_, pause| now < pause.paused_until);
    control
}

/// The control plane with `delta` in it, `applied` being what it made of its ecosystem. As
/// repeatable as [`delta`].
#[must_use]
pub fn to_control(mut control: Control, delta: &Delta, applied: &Applied) -> Control {
    let ecosystem = delta.batch.ecosystem().clone();
    let is_in = control.breaker(&ecosystem).last_batch.as_ref() == Some(&delta.batch);
    control = with_pauses(control, &delta.pauses, delta.ended_at);
    if !is_in {
        let week = monday(delta.ended_at);
        if control.budget.week_start != Some(week) {
            control.budget = crate::model::Budget { week_start: Some(week), ..Default::default() };
        }
        control.budget.linux_minutes_used += delta.minutes.linux;
        control.budget.macos_minutes_used += delta.minutes.macos;
    }
    control.ecosystems.insert(ecosystem, (&applied.state.breaker).into());
    control
}

/// First day of the ISO week of `at`.
fn monday(at: DateTime<Utc>) -> NaiveDate {
    let day = at.date_naive();
    day - Days::new(u64::from(day.weekday().num_days_from_monday()))
}

/// What a transition is called.
pub fn describe(transition: &BreakerTransition) -> &'static str {
    match (transition.from, transition.to) {
        (CircuitState::Closed, CircuitState::Open) => "opened",
        (CircuitState::Open, CircuitState::Open) => "stays open",
        (CircuitState::Open | CircuitState::Closed, CircuitState::Closed) => "closed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{BatchId, EcosystemId, FailureKind},
        records::{self, attempt, failed_on, queue, succeeded},
    };

    fn run(second: i64, attempts: Vec<Attempt>) -> Delta {
        let ended_at = DateTime::from_timestamp(second, 0).unwrap();
        let attempts =
            attempts.into_iter().map(|attempt| Attempt { ended_at, ..attempt }).collect();
        Delta {
            probing: true,
            ended_at,
            ..records::delta(BatchId::new(EcosystemId::from_static("eco"), ended_at), attempts)
        }
    }

    fn rules<'a>(backoff: &'a BackoffPolicy, breaker: &'a BreakerPolicy) -> Rules<'a> {
        Rules { own_services: ["own.example"].into(), backoff, breaker }
    }

    #[test]
    fn only_its_own_failures_are_held_against_a_package() {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..EcosystemState::default() };
        for (second, kind, expected) in [
            (1, FailureKind::Timeout, (Status::Pending, 0, 1)),
            (2, FailureKind::Timeout, (Status::Pending, 0, 2)),
            (3, FailureKind::InstallFailed, (Status::Failed, 1, 0)),
        ] {
            let run = run(second, vec![attempt("eco:a", failed_on(kind, None))]);
            state = delta(state, &run, &rules(&backoff, &breaker)).state;
            let entry = state.queue.values().next().unwrap();
            let counts = (entry.consecutive_failures, entry.consecutive_faults);
            assert_eq!((entry.status.clone(), counts.0, counts.1), expected);
            assert!(entry.last_probe_at.is_some());
        }
    }

    #[test]
    fn every_consequence_of_the_table_reaches_the_entry() {
        let (backoff, breaker) = Default::default();
        for &kind in FailureKind::ALL {
            let state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
            let run = run(1, vec![attempt("eco:a", failed_on(kind, None))]);
            let state = delta(state, &run, &rules(&backoff, &breaker)).state;
            let entry = state.queue.values().next().unwrap();
            let status = entry.status.label().as_str();
            let expected = match kind.consequence() {
                Consequence::Excluded => "excluded",
                Consequence::RequiresManual => "requires_manual",
                Consequence::Blocked => "blocked",
                Consequence::Spared => "pending",
                Consequence::Failed => "failed",
            };
            assert_eq!(status, expected, "{kind:?}");
            assert_eq!(entry.next_retry_at.is_some(), ["failed", "pending"].contains(&status));
        }
    }

    #[test]
    fn a_delta_that_is_in_changes_nothing() {
        let (backoff, breaker) = Default::default();
        let rules = rules(&backoff, &breaker);
        let fault = || failed_on(FailureKind::Timeout, Some("own.example"));
        let mut control = Control::default();
        let mut state =
            EcosystemState { queue: queue([("a", 1, 0), ("b", 1, 0)]), ..Default::default() };
        let mut transitions = vec![];
        for second in 1..=3 {
            let run = run(second, vec![attempt("eco:a", fault()), attempt("eco:b", fault())]);
            for _ in 0..2 {
                let applied = delta(state, &run, &rules);
                control = to_control(control, &run, &applied);
                transitions.extend(applied.transition);
                state = applied.state;
            }
        }
        assert_eq!(state.breaker.unhealthy_runs, 3);
        assert_eq!(transitions.len(), 1, "opened once");
        assert_eq!(control.breaker(&EcosystemId::from_static("eco")), state.breaker);
        assert_eq!(state.queue.values().next().unwrap().consecutive_faults, 3);
    }

    #[test]
    fn a_decision_made_during_the_run_stands() {
        let (backoff, breaker) = Default::default();
        let mut state = EcosystemState { queue: queue([("a", 1, 0)]), ..Default::default() };
        let excluded = Status::Excluded { reason: "operator".to_owned() };
        state.queue.values_mut().next().unwrap().status = excluded.clone();
        let run = run(1, vec![attempt("eco:a", succeeded("a"))]);
        let state = delta(state, &run, &rules(&backoff, &breaker)).state;
        assert_eq!(state.queue.values().next().unwrap().status, excluded);
    }
}
