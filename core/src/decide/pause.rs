//! What an operator changes in the control file: stops, and breakers that are opened or closed by
//! hand.

use chrono::{DateTime, Utc};

use crate::decide::ahead;
use crate::model::{
    Breaker, BreakerTransition, CircuitState, Control, EcosystemId, Open, Pause, SCHEMA_VERSION,
};

/// A stop that an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PauseRequest {
    /// What is stopped; everything if it is empty.
    pub ecosystems: Vec<EcosystemId>,
    /// When it ends by itself; `None` if an operator ends it.
    pub until: Option<DateTime<Utc>>,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who asks for it, if that is known.
    pub by: Option<String>,
    /// A link to the description of the incident.
    pub incident_url: Option<String>,
}

/// `control` with the stop that `request` asks for at `now`. It takes the place of an earlier pause
/// of the same ecosystem. Pauses that have ended are dropped.
#[must_use]
pub fn paused(mut control: Control, request: &PauseRequest, now: DateTime<Utc>) -> Control {
    control.pauses.retain(|pause| now < pause.until);
    let Some(until) = request.until else { return stopped(control, request, now) };
    let each = request.ecosystems.iter().cloned().map(Some);
    let subjects: Vec<Option<EcosystemId>> =
        if request.ecosystems.is_empty() { vec![None] } else { each.collect() };
    control.pauses.retain(|pause| !subjects.contains(&pause.ecosystem));
    control.pauses.extend(subjects.into_iter().map(|ecosystem| Pause {
        ecosystem,
        since: now,
        until,
        reason: request.reason.clone(),
        by: request.by.clone(),
        incident_url: request.incident_url.clone(),
    }));
    control
}

fn stopped(mut control: Control, request: &PauseRequest, now: DateTime<Utc>) -> Control {
    if request.ecosystems.is_empty() {
        control.enabled = false;
    }
    for ecosystem in &request.ecosystems {
        if !control.disabled_ecosystems.contains(ecosystem) {
            control.disabled_ecosystems.push(ecosystem.clone());
        }
    }
    Control {
        reason: Some(request.reason.clone()),
        incident_url: request.incident_url.clone(),
        disabled_by: request.by.clone(),
        disabled_at: Some(now),
        expected_resume: None,
        ..control
    }
}

/// `control` without the stops of `ecosystems`; without the stops of everything if there are none in
/// the list. A stop of everything and those of single ecosystems are independent of each other. The
/// reason is kept as long as something without an end is stopped.
#[must_use]
pub fn resumed(mut control: Control, ecosystems: &[EcosystemId], now: DateTime<Utc>) -> Control {
    let is_resumed = |subject: &Option<EcosystemId>| match subject {
        None => ecosystems.is_empty(),
        Some(id) => ecosystems.contains(id),
    };
    control.pauses.retain(|pause| now < pause.until && !is_resumed(&pause.ecosystem));
    control.disabled_ecosystems.retain(|id| !ecosystems.contains(id));
    control.enabled |= ecosystems.is_empty();
    if control.enabled && control.disabled_ecosystems.is_empty() {
        control.reason = None;
        control.incident_url = None;
        control.disabled_by = None;
        control.disabled_at = None;
        control.expected_resume = None;
    }
    control
}

/// The breaker that an operator opens at `now` until `until`, from when on its ecosystem is probed.
/// A probe closes it, or opens it again for longer, as after any other cause.
#[must_use]
pub fn opened(
    breaker: &Breaker,
    until: DateTime<Utc>,
    reason: &str,
    now: DateTime<Utc>,
) -> Breaker {
    let level = breaker.open.as_ref().map_or(1, |open| open.level);
    let reason = format!("opened by an operator: {reason}");
    let open = Open { since: now, until, level, signature: None, reason };
    // A run of the future would make this opening look as if a wrong clock had caused it.
    let last_failure_at = ahead::past(breaker.last_failure_at, now);
    Breaker { open: Some(open), last_failure_at, ..breaker.clone() }
}

/// The breaker that an operator closes. Its row of equal failures is forgotten, because it would
/// open the breaker again with the next failure.
#[must_use]
pub fn closed(breaker: &Breaker) -> Breaker {
    Breaker { unhealthy_runs: 0, open: None, row: None, ..breaker.clone() }
}

/// The line of the breaker log for the change from `before` to `after` by an operator.
pub fn transition(
    ecosystem: &EcosystemId,
    (before, after): (&Breaker, &Breaker),
    reason: &str,
    now: DateTime<Utc>,
) -> BreakerTransition {
    let state = |breaker: &Breaker| match breaker.open {
        Some(_) => CircuitState::Open,
        None => CircuitState::Closed,
    };
    let verb = if after.open.is_some() { "opened" } else { "closed" };
    BreakerTransition {
        schema_version: SCHEMA_VERSION,
        at: now,
        ecosystem: ecosystem.clone(),
        from: state(before),
        to: state(after),
        reason: format!("{verb} by an operator: {reason}"),
        evidence: vec![],
        next_probe_at: after.open.as_ref().map(|open| open.until),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        decide::breaker::{Admission, BreakerPolicy, admission},
        model::SkipReason,
    };

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
    const ONE: EcosystemId = EcosystemId::from_static("one");
    const OTHER: EcosystemId = EcosystemId::from_static("other");

    fn at(hours: i64) -> DateTime<Utc> {
        NOW + TimeDelta::hours(hours)
    }

    fn request(ecosystems: &[EcosystemId], until: Option<i64>) -> PauseRequest {
        PauseRequest {
            ecosystems: ecosystems.to_vec(),
            until: until.map(at),
            reason: "why".to_owned(),
            by: Some("somebody".to_owned()),
            incident_url: None,
        }
    }

    #[test]
    fn a_pause_with_an_end_ends_by_itself_and_not_before() {
        let control = paused(Control::default(), &request(&[], Some(2)), NOW);
        let stop = Some(SkipReason::Paused { until: at(2) });
        assert_eq!((control.stop(&ONE, NOW), control.stop(&OTHER, at(1))), (stop.clone(), stop));
        assert_eq!(control.stop(&ONE, at(2)), None);
        assert!(control.enabled, "the switch without an end stays as it is");
        assert_eq!(control.stop_reason(&ONE, at(1)), Some("why"));
        assert_eq!(control.pause_of_all(at(1)).map(|pause| pause.until), Some(at(2)));
        assert_eq!(control.pause_of_all(at(2)), None);
    }

    #[test]
    fn a_pause_of_one_ecosystem_concerns_no_other() {
        for until in [None, Some(2)] {
            let control = paused(Control::default(), &request(&[ONE], until), NOW);
            assert!(control.stop(&ONE, NOW).is_some());
            assert_eq!(control.stop(&OTHER, NOW), None);
            assert_eq!(control.pause_of_all(NOW), None);
            assert_eq!(resumed(control.clone(), &[ONE], NOW), Control::default());
            assert_eq!(resumed(control.clone(), &[], NOW), control, "it was not stopped so");
        }
    }

    #[test]
    fn a_pause_without_an_end_lasts_until_it_is_resumed() {
        let control = paused(Control::default(), &request(&[], None), NOW);
        assert_eq!(control.stop(&ONE, at(1_000_000)), Some(SkipReason::Disabled));
        assert_eq!(control.disabled_by.as_deref(), Some("somebody"));
        assert_eq!(resumed(control, &[], NOW), Control::default());
    }

    #[test]
    fn a_later_pause_replaces_the_earlier_one_of_the_same_ecosystem() {
        let control = paused(Control::default(), &request(&[ONE], Some(9)), NOW);
        let control = paused(control, &request(&[OTHER], Some(1)), NOW);
        let control = paused(control, &request(&[ONE], Some(2)), at(1));
        assert_eq!(control.pauses.len(), 1, "the one that has ended is dropped");
        assert_eq!(control.stop(&ONE, at(1)), Some(SkipReason::Paused { until: at(2) }));
    }

    #[test]
    fn the_reason_stays_while_something_is_stopped() {
        let control = paused(Control::default(), &request(&[ONE, OTHER], None), NOW);
        let control = resumed(control, &[ONE], NOW);
        assert_eq!(control.stop_reason(&OTHER, NOW), Some("why"));
        assert_eq!(control.stop_reason(&ONE, NOW), None);
        assert_eq!(resumed(control, &[OTHER], NOW), Control::default());
    }

    #[test]
    fn a_breaker_that_is_opened_by_hand_is_probed_afterwards_and_can_be_closed() {
        let policy = BreakerPolicy::default();
        let open = opened(&Breaker::default(), at(2), "why", NOW);
        let admitted = |hours| admission(&open, at(hours), &policy);
        assert_eq!(admitted(1), Admission::Nothing(SkipReason::BreakerOpen { until: at(2) }));
        assert_eq!(admitted(2), Admission::Probes(policy.probes));
        assert_eq!(closed(&open), Breaker::default());
        let line = transition(&ONE, (&Breaker::default(), &open), "why", NOW);
        assert_eq!((line.from, line.to), (CircuitState::Closed, CircuitState::Open));
        assert_eq!(line.next_probe_at, Some(at(2)));
        let line = transition(&ONE, (&open, &closed(&open)), "why", NOW);
        assert_eq!((line.to, line.next_probe_at), (CircuitState::Closed, None));
        assert_eq!(line.reason, "closed by an operator: why");
    }
}
