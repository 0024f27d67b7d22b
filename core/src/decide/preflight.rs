//! Decides which ecosystems run, in whose slot, and what each of them attempts.

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        ahead,
        breaker::{self, Admission, BreakerPolicy},
        plan::{self, BatchLimit},
        rotation::{self, RotationCandidate, Slot},
    },
    model::{BatchId, Control, EcosystemId, Plan, Queue, SkipReason, Tier, Turn},
};

/// The state of one ecosystem on this machine. Candidates are in rotation order.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The ecosystem.
    pub ecosystem: EcosystemId,
    /// The reason, in this program or on this machine, why it cannot attempt anything.
    pub obstacle: Option<SkipReason>,
    /// Its entries; empty when they cannot be read, which is an obstacle.
    pub queue: &'a Queue,
}

/// The ecosystems that a run is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The ecosystem of the slot, or else the least recently served one that can attempt something.
    Auto,
    /// One ecosystem.
    One(EcosystemId),
    /// Each of these that can attempt something.
    Several(Vec<EcosystemId>),
    /// Every ecosystem that can attempt something.
    All,
}

impl Choice {
    /// Whether a run may be for `ecosystem`.
    pub fn includes(&self, ecosystem: &EcosystemId) -> bool {
        match self {
            Self::One(id) => id == ecosystem,
            Self::Several(ids) => ids.contains(ecosystem),
            Self::Auto | Self::All => true,
        }
    }
}

/// A batch to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBatch {
    /// Whether the ecosystem has its own slot.
    pub turn: Turn,
    /// The plan.
    pub plan: Plan,
}

/// The complete decision about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The batches in rotation order; empty when nothing can be attempted.
    pub batches: Vec<PlannedBatch>,
    /// The ecosystems that are skipped, with the reasons.
    pub skipped: Vec<(EcosystemId, SkipReason)>,
    /// The ecosystem that owns the slot.
    pub slot: Option<EcosystemId>,
}

/// Decides the run that starts at `now`. Each ecosystem takes at most `batch_limit`.
#[must_use]
pub fn run(
    candidates: &[Candidate<'_>],
    control: &Control,
    choice: &Choice,
    batch_limit: BatchLimit,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> Preflight {
    let state = |candidate| rotation_candidate(candidate, control, batch_limit.tier, (now, policy));
    let rotation_candidates: Vec<RotationCandidate> = candidates.iter().map(state).collect();
    // Whose turn it is, is decided first. Only what runs is planned.
    let chosen: Vec<(EcosystemId, Turn)> = match choice {
        Choice::Auto => match rotation::slot(&rotation_candidates, now) {
            Slot::Ran(id) => vec![(id, Turn::Own)],
            Slot::FellThrough { from, reason, to } => {
                vec![(to, Turn::FellThrough { from, reason })]
            }
            Slot::Skipped(_) => vec![],
        },
        Choice::One(_) | Choice::Several(_) | Choice::All => {
            let is_chosen =
                |it: &&RotationCandidate| choice.includes(&it.ecosystem) && it.obstacle.is_none();
            let chosen = rotation_candidates.iter().filter(is_chosen);
            chosen.map(|it| (it.ecosystem.clone(), Turn::Own)).collect()
        }
    };
    let planned = |(id, turn): (EcosystemId, Turn)| {
        let candidate = candidates.iter().find(|candidate| candidate.ecosystem == id)?;
        let admission = admission(&id, control, (now, policy));
        let batch = next_batch(&id, control, now);
        let plan = plan::run(candidate.queue, &admission, batch_limit, batch);
        Some(PlannedBatch { turn, plan })
    };
    let batches = chosen.into_iter().filter_map(planned).collect();
    let slot = rotation::owner(&rotation_candidates, now).cloned();
    let obstructed =
        |candidate: RotationCandidate| Some((candidate.ecosystem, candidate.obstacle?));
    let is_asked = |candidate: &RotationCandidate| choice.includes(&candidate.ecosystem);
    let skipped = rotation_candidates.into_iter().filter(is_asked).filter_map(obstructed).collect();
    Preflight { batches, skipped, slot }
}

/// What the operator and the breaker admit for `ecosystem` at `now`.
pub fn admission(
    ecosystem: &EcosystemId,
    control: &Control,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> Admission {
    match control.stop(ecosystem, now) {
        Some(stop) => Admission::Nothing(stop),
        None => breaker::admission(&control.breaker(ecosystem), now, policy),
    }
}

fn rotation_candidate(
    candidate: &Candidate<'_>,
    control: &Control,
    tier: Tier,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> RotationCandidate {
    let id = &candidate.ecosystem;
    let admission = admission(id, control, (now, policy));
    let starts_at = next_batch(id, control, now).started_at();
    let idle = || !plan::has_eligible(candidate.queue, &admission, tier, starts_at);
    let obstacle = match &admission {
        Admission::Nothing(reason) => Some(reason.clone()),
        Admission::Batch | Admission::Probes(_) | Admission::FirstOfQueue(_) => {
            let nothing = || idle().then_some(SkipReason::NothingEligible);
            candidate.obstacle.clone().or_else(nothing)
        }
    };
    let last_served_at = ahead::past(control.breaker(id).last_run_at, now);
    RotationCandidate { ecosystem: id.clone(), last_served_at, obstacle }
}

/// The id of a batch of `ecosystem` that starts at `now`. Two batches of one ecosystem in the same
/// second would have the same id. A batch in the future has no influence.
fn next_batch(ecosystem: &EcosystemId, control: &Control, now: DateTime<Utc>) -> BatchId {
    let breaker = control.breaker(ecosystem);
    let last = ahead::past(breaker.last_batch.as_ref().map(BatchId::started_at), now);
    let start = last.map_or(now, |last| now.max(last + chrono::Duration::seconds(1)));
    BatchId::new(ecosystem.clone(), start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records;

    fn candidate<'a>(
        id: &'static str,
        queue: &'a Queue,
        obstacle: Option<SkipReason>,
    ) -> Candidate<'a> {
        Candidate { ecosystem: EcosystemId::from_static(id), obstacle, queue }
    }

    fn three() -> Queue {
        records::queue([("p0", 1, 0), ("p1", 1, 0), ("p2", 1, 0)])
    }

    #[track_caller]
    fn check(control: &Control, choice: &Choice, expected: &str) {
        let (three, empty) = (three(), Queue::new());
        let candidates = [
            candidate("a", &three, None),
            candidate("b", &empty, None),
            candidate("c", &three, Some(SkipReason::BuilderMissing)),
        ];
        let batch_limit = BatchLimit { size: 2, tier: Tier::REST };
        let policy = BreakerPolicy::default();
        let now = DateTime::from_timestamp(3600, 0).unwrap();
        let found = run(&candidates, control, choice, batch_limit, (now, &policy));
        let batches: Vec<String> = found
            .batches
            .iter()
            .map(|b| format!("{}*{}", b.plan.batch.ecosystem(), b.plan.attempts.len()))
            .collect();
        let skipped: Vec<String> =
            found.skipped.iter().map(|(id, why)| format!("{id}: {why}")).collect();
        assert_eq!(format!("{} | {}", batches.join(" "), skipped.join(", ")), expected);
    }

    #[test]
    fn a_slot_goes_to_an_ecosystem_that_can_use_it_and_the_others_state_why_not() {
        let why = "b: nothing in its queue is due, c: the builder is not available yet";
        let control = Control::default();
        check(&control, &Choice::Auto, &format!("a*2 | {why}"));
        check(&control, &Choice::All, &format!("a*2 | {why}"));
        let one = |id| Choice::One(EcosystemId::from_static(id));
        check(&control, &one("a"), "a*2 | ");
        check(&control, &one("c"), " | c: the builder is not available yet");
    }

    #[test]
    fn the_kill_switch_stops_everything() {
        let stopped = Control { enabled: false, ..Control::default() };
        let why = "disabled in batch-control.json";
        check(&stopped, &Choice::All, &format!(" | a: {why}, b: {why}, c: {why}"));
        let without_a = Control {
            disabled_ecosystems: vec![EcosystemId::from_static("a")],
            ..Control::default()
        };
        check(&without_a, &Choice::One(EcosystemId::from_static("a")), &format!(" | a: {why}"));
    }

    #[test]
    fn a_run_dated_in_the_future_does_not_shift_later_ids() {
        let started_with = |last: &str| {
            let three = three();
            let candidates = [candidate("a", &three, None)];
            let mut control = Control::default();
            let breaker = crate::model::StoredBreaker {
                last_batch_id: Some(last.parse().unwrap()),
                ..Default::default()
            };
            control.ecosystems.insert(EcosystemId::from_static("a"), breaker);
            let batch_limit = BatchLimit { size: 2, tier: Tier::REST };
            let now = DateTime::from_timestamp(3600, 0).unwrap();
            let policy = BreakerPolicy::default();
            let found = run(&candidates, &control, &Choice::All, batch_limit, (now, &policy));
            found.batches[0].plan.batch.to_string()
        };
        assert_eq!(started_with("a-2099-01-01T00-00-00Z"), "a-1970-01-01T01-00-00Z");
        assert_eq!(started_with("a-1970-01-01T01-00-00Z"), "a-1970-01-01T01-00-01Z");
        assert_eq!(started_with("a-1970-01-01T00-00-00Z"), "a-1970-01-01T01-00-00Z");
    }
}
