//! Says who the next slots serve.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};

use crate::{
    decide::{
        ahead,
        breaker::{Admission, BreakerPolicy},
        plan::{self, BatchLimit},
        preflight::{self, Candidate},
        rotation::{self, RotationCandidate, Slot},
    },
    model::{Control, EcosystemId, SkipReason, Turn},
};

/// A slot of the future.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpcomingSlot {
    /// When it begins; the first one has begun.
    pub at: DateTime<Utc>,
    /// The ecosystem that owns it; `None` if there is no ecosystem.
    pub owner: Option<EcosystemId>,
    /// What happens in it.
    pub expected: Expected,
}

/// What happens in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// An ecosystem runs.
    Runs {
        /// Which.
        ecosystem: EcosystemId,
        /// Whether the slot is its own.
        turn: Turn,
        /// How many packages it attempts.
        n_attempts: usize,
        /// Whether they are probes of a half-open breaker.
        probing: bool,
    },
    /// Nothing can be attempted. The reason is that of the owner.
    Nothing(Option<SkipReason>),
}

/// The `n` slots from the one of `now` on, if nothing but time changes: what was attempted is not due
/// again, a probe closes its breaker, and nothing else opens one.
#[must_use]
pub fn slots(
    candidates: &[Candidate<'_>],
    control: &Control,
    batch_limit: BatchLimit,
    n: usize,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> Vec<UpcomingSlot> {
    let mut control = control.clone();
    let mut attempted: BTreeMap<EcosystemId, usize> = BTreeMap::new();
    let mut slots = Vec::with_capacity(n);
    let mut at = now;
    while slots.len() < n {
        let left = |candidate: &Candidate<'_>| {
            let admission = preflight::admission(&candidate.ecosystem, &control, (at, policy));
            let n_due = plan::n_eligible(candidate.queue, &admission, batch_limit.tier, at);
            let taken = attempted.get(&candidate.ecosystem).copied().unwrap_or_default();
            (admission, n_due.saturating_sub(taken))
        };
        let rotation: Vec<RotationCandidate> = candidates
            .iter()
            .map(|candidate| RotationCandidate {
                ecosystem: candidate.ecosystem.clone(),
                last_served_at: ahead::past(control.breaker(&candidate.ecosystem).last_run_at, at),
                obstacle: obstacle(candidate, left(candidate), at),
            })
            .collect();
        let owner = rotation::owner(&rotation, at).cloned();
        let runs = |id: &EcosystemId, turn| {
            let candidate = candidates.iter().find(|candidate| candidate.ecosystem == *id)?;
            let (admission, n_due) = left(candidate);
            let (probing, places) = match admission {
                Admission::Batch => (false, batch_limit.size),
                Admission::Probes(n) | Admission::FirstOfQueue(n) => (true, n),
                Admission::Nothing(_) => return None,
            };
            let n_attempts = n_due.min(places).min(batch_limit.size);
            Some(Expected::Runs { ecosystem: id.clone(), turn, n_attempts, probing })
        };
        let expected = match rotation::slot(&rotation, at) {
            Slot::Ran(id) => runs(&id, Turn::Own),
            Slot::FellThrough { from, reason, to } => runs(&to, Turn::FellThrough { from, reason }),
            Slot::Skipped(reason) => Some(Expected::Nothing(reason)),
        };
        let expected = expected.unwrap_or(Expected::Nothing(None));
        if let Expected::Runs { ecosystem, n_attempts, .. } = &expected {
            *attempted.entry(ecosystem.clone()).or_default() += n_attempts;
            let mut breaker = control.breaker(ecosystem);
            (breaker.last_run_at, breaker.open) = (Some(at), None);
            control.ecosystems.insert(ecosystem.clone(), (&breaker).into());
        }
        slots.push(UpcomingSlot { at, owner, expected });
        let Some(next) = next_hour(at) else { break };
        at = next;
    }
    slots
}

/// Why `candidate`, which has so many entries left, cannot run at `at`.
fn obstacle(
    candidate: &Candidate<'_>,
    (admission, n_left): (Admission, usize),
    at: DateTime<Utc>,
) -> Option<SkipReason> {
    let is_over = |obstacle: &SkipReason| matches!(obstacle, SkipReason::HostPaused { until, .. } if *until <= at);
    let lasting = candidate.obstacle.clone().filter(|obstacle| !is_over(obstacle));
    match admission {
        Admission::Nothing(reason) => Some(reason),
        Admission::Batch | Admission::Probes(_) | Admission::FirstOfQueue(_) => {
            lasting.or_else(|| (n_left == 0).then_some(SkipReason::NothingEligible))
        }
    }
}

fn next_hour(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let hour = TimeDelta::hours(1);
    at.duration_trunc(hour).ok()?.checked_add_signed(hour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Open, Queue, Tier},
        records,
    };

    fn hour(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n * 3600, 0).unwrap()
    }

    fn id(name: &'static str) -> EcosystemId {
        EcosystemId::from_static(name)
    }

    #[track_caller]
    fn check(queues: [&Queue; 3], control: &Control, n: usize, expected: &str) {
        let candidates: Vec<Candidate<'_>> = ["a", "b", "c"]
            .into_iter()
            .zip(queues)
            .map(|(name, queue)| Candidate { ecosystem: id(name), obstacle: None, queue })
            .collect();
        let limit = BatchLimit { size: 2, tier: Tier::REST };
        let start = hour(3) + TimeDelta::minutes(20);
        let found = slots(&candidates, control, limit, n, (start, &BreakerPolicy::default()));
        let text = |slot: &UpcomingSlot| match &slot.expected {
            Expected::Runs { ecosystem, turn, n_attempts, probing } => {
                let how = if *probing { "?" } else { "" };
                let from = match turn {
                    Turn::Own => String::new(),
                    Turn::FellThrough { from, .. } => format!("<{from}"),
                };
                format!("{ecosystem}{from}*{n_attempts}{how}")
            }
            Expected::Nothing(_) => "-".to_owned(),
        };
        let texts: Vec<String> = found.iter().map(text).collect();
        assert_eq!(texts.join(" "), expected);
        assert_eq!(found[0].at, start);
        assert!(found.iter().skip(1).zip(4..).all(|(slot, n)| slot.at == hour(n)));
    }

    fn of(n: usize) -> Queue {
        let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
        records::queue(names.iter().map(|name| (&**name, 1, 0)))
    }

    #[test]
    fn slots_go_round_and_those_of_empty_ecosystems_to_the_least_recently_served() {
        let (three, one, none) = (of(3), of(1), of(0));
        check([&three, &one, &none], &Control::default(), 6, "a*2 b*1 a<c*1 - - -");
    }

    #[test]
    fn a_breaker_is_probed_in_the_first_slot_after_its_pause() {
        let mut control = Control::default();
        let until = hour(5);
        let reason = String::new();
        let open = Open { since: hour(1), until, level: 1, signature: None, reason };
        let breaker = crate::model::Breaker { open: Some(open), ..Default::default() };
        control.ecosystems.insert(id("a"), (&breaker).into());
        let (many, none) = (of(20), of(0));
        check([&many, &none, &none], &control, 4, "- - a<c*2? a*2");
    }

    #[test]
    fn what_backs_off_is_attempted_when_it_is_due() {
        let mut queue = of(1);
        queue.values_mut().next().unwrap().next_retry_at = Some(hour(5));
        let none = of(0);
        check([&queue, &none, &none], &Control::default(), 3, "- - a<c*1");
    }
}
