//! Decides which ecosystems run, in whose slot, and what each of them attempts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        ahead,
        breaker::{self, Admission, BreakerPolicy},
        plan::{self, BatchLimit},
        rotation::{self, RotationCandidate, Slot},
    },
    model::{BatchId, Control, EcosystemId, Plan, Queue, SkipReason, Turn},
};

/// The state of one ecosystem on this machine. Candidates are in rotation order.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The ecosystem.
    pub ecosystem: EcosystemId,
    /// The reason, in this program or on this machine, why it cannot attempt anything.
    pub obstacle: Option<SkipReason>,
    /// Its entries; empty when they cannot be read, which is an obstacle.
    pub queue: Queue,
}

/// The ecosystems that a run is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The ecosystem of the slot, or else the least recently served one that can attempt something.
    Auto,
    /// One ecosystem.
    One(EcosystemId),
    /// Every ecosystem that can attempt something.
    All,
}

impl Choice {
    /// Whether a run may be for `ecosystem`.
    pub fn includes(&self, ecosystem: &EcosystemId) -> bool {
        match self {
            Self::One(id) => id == ecosystem,
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
    candidates: &[Candidate],
    control: &Control,
    choice: &Choice,
    batch_limit: BatchLimit,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> Preflight {
    let (rotation_candidates, plans): (Vec<RotationCandidate>, Vec<Plan>) = candidates
        .iter()
        .map(|candidate| rotation_candidate(candidate, control, batch_limit, now, policy))
        .unzip();
    let slot = rotation::owner(&rotation_candidates, now).cloned();
    // Moved and not copied, because a plan names every entry that it skips.
    let mut plans: BTreeMap<EcosystemId, Plan> = rotation_candidates
        .iter()
        .map(|candidate| candidate.ecosystem.clone())
        .zip(plans)
        .collect();
    let mut planned =
        |id: &EcosystemId, turn: Turn| Some(PlannedBatch { turn, plan: plans.remove(id)? });
    let is_free = |candidate: &&RotationCandidate| candidate.obstacle.is_none();
    let batches: Vec<PlannedBatch> = match choice {
        Choice::Auto => match rotation::slot(&rotation_candidates, now) {
            Slot::Ran(id) => planned(&id, Turn::Own).into_iter().collect(),
            Slot::FellThrough { from, reason, to } => {
                planned(&to, Turn::FellThrough { from, reason }).into_iter().collect()
            }
            Slot::Skipped(_) => vec![],
        },
        Choice::One(_) | Choice::All => {
            let chosen = rotation_candidates
                .iter()
                .filter(|candidate| choice.includes(&candidate.ecosystem));
            chosen.filter(is_free).filter_map(|s| planned(&s.ecosystem, Turn::Own)).collect()
        }
    };
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
    candidate: &Candidate,
    control: &Control,
    batch_limit: BatchLimit,
    now: DateTime<Utc>,
    policy: &BreakerPolicy,
) -> (RotationCandidate, Plan) {
    let id = &candidate.ecosystem;
    let breaker = control.breaker(id);
    let admission = admission(id, control, (now, policy));
    // Two batches of one ecosystem in the same second would have the same id. A batch in the future
    // has no influence.
    let last = ahead::past(breaker.last_batch.as_ref().map(BatchId::started_at), now);
    let start = last.map_or(now, |last| now.max(last + chrono::Duration::seconds(1)));
    let plan =
        plan::run(&candidate.queue, &admission, batch_limit, BatchId::new(id.clone(), start));
    let obstacle = match admission {
        Admission::Nothing(reason) => Some(reason),
        Admission::Batch | Admission::Probes(_) => candidate
            .obstacle
            .clone()
            .or_else(|| plan.attempts.is_empty().then_some(SkipReason::NothingEligible)),
    };
    let last_served_at = ahead::past(breaker.last_run_at, now);
    (RotationCandidate { ecosystem: id.clone(), last_served_at, obstacle }, plan)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Tier, records};

    fn candidate(id: &'static str, n: usize, obstacle: Option<SkipReason>) -> Candidate {
        let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
        let queue = records::queue(names.iter().map(|name| (&**name, 1, 0)));
        Candidate { ecosystem: EcosystemId::from_static(id), obstacle, queue }
    }

    #[track_caller]
    fn check(control: &Control, choice: &Choice, expected: &str) {
        let candidates = [
            candidate("a", 3, None),
            candidate("b", 0, None),
            candidate("c", 3, Some(SkipReason::BuilderMissing)),
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
            let candidates = [candidate("a", 3, None)];
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
