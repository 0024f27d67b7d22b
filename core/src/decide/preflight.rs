//! Who may attempt anything in this run, whose turn it is, and what each takes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        ahead,
        breaker::{self, Admission, BreakerPolicy},
        plan::{self, Share},
        rotation::{self, Slot, Standing},
    },
    model::{BatchId, Control, EcosystemId, Plan, Queue, SkipReason, Turn},
};

/// How one ecosystem stands on this machine, in rotation order.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which.
    pub ecosystem: EcosystemId,
    /// What keeps it from attempting anything, as far as this program and machine go.
    pub obstacle: Option<SkipReason>,
    /// Its entries; empty where they cannot be read, which is an obstacle.
    pub queue: Queue,
}

/// Which ecosystems a run is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The slot's, else the least recently served one that can attempt something.
    Auto,
    /// This one.
    One(EcosystemId),
    /// Every one that can attempt something.
    All,
}

/// A batch to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// Whose turn it was.
    pub turn: Turn,
    /// What to attempt.
    pub plan: Plan,
}

/// What a run will do, decided in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Batches, in rotation order; empty when nothing can be attempted.
    pub batches: Vec<Turned>,
    /// The ecosystems passed over, and why.
    pub skipped: Vec<(EcosystemId, SkipReason)>,
    /// Whose slot it was.
    pub slot: Option<EcosystemId>,
}

/// Decides the run that starts at `now`. Each ecosystem takes at most `share`.
#[must_use]
pub fn run(
    candidates: &[Candidate],
    control: &Control,
    choice: &Choice,
    share: Share,
    (now, policy): (DateTime<Utc>, &BreakerPolicy),
) -> Preflight {
    let (standings, plans): (Vec<Standing>, Vec<Plan>) =
        candidates.iter().map(|candidate| stand(candidate, control, share, now, policy)).unzip();
    let slot = rotation::owner(&standings, now).cloned();
    // Moved, not copied: a plan names every entry that it passes over.
    let mut plans: BTreeMap<EcosystemId, Plan> =
        standings.iter().map(|standing| standing.ecosystem.clone()).zip(plans).collect();
    let mut turned = |id: &EcosystemId, turn: Turn| Some(Turned { turn, plan: plans.remove(id)? });
    let is_free = |standing: &&Standing| standing.obstacle.is_none();
    let batches: Vec<Turned> = match choice {
        Choice::Auto => match rotation::slot(&standings, now) {
            Slot::Ran(id) => turned(&id, Turn::Own).into_iter().collect(),
            Slot::FellThrough { from, reason, to } => {
                turned(&to, Turn::FellThrough { from, reason }).into_iter().collect()
            }
            Slot::Skipped(_) => vec![],
        },
        Choice::One(id) => {
            let chosen = standings.iter().filter(|standing| standing.ecosystem == *id);
            chosen.filter(is_free).filter_map(|s| turned(&s.ecosystem, Turn::Own)).collect()
        }
        Choice::All => {
            let free = standings.iter().filter(is_free);
            free.filter_map(|standing| turned(&standing.ecosystem, Turn::Own)).collect()
        }
    };
    let obstructed = |standing: Standing| Some((standing.ecosystem, standing.obstacle?));
    let is_asked = |standing: &Standing| match choice {
        Choice::One(id) => standing.ecosystem == *id,
        Choice::Auto | Choice::All => true,
    };
    let skipped = standings.into_iter().filter(is_asked).filter_map(obstructed).collect();
    Preflight { batches, skipped, slot }
}

fn stand(
    candidate: &Candidate,
    control: &Control,
    share: Share,
    now: DateTime<Utc>,
    policy: &BreakerPolicy,
) -> (Standing, Plan) {
    let id = &candidate.ecosystem;
    let breaker = control.breaker(id);
    let admission = if control.allows(id) {
        breaker::admission(&breaker, now, policy)
    } else {
        Admission::Nothing(SkipReason::Disabled)
    };
    // Two batches in one second would be one batch. One of the future dates no other.
    let last = ahead::past(breaker.last_batch.as_ref().map(BatchId::started_at), now);
    let start = last.map_or(now, |last| now.max(last + chrono::Duration::seconds(1)));
    let plan = plan::run(&candidate.queue, &admission, share, BatchId::new(id.clone(), start));
    let obstacle = match admission {
        Admission::Nothing(reason) => Some(reason),
        Admission::Batch | Admission::Probes(_) => candidate
            .obstacle
            .clone()
            .or_else(|| plan.attempts.is_empty().then_some(SkipReason::NothingEligible)),
    };
    let last_served_at = ahead::past(breaker.last_run_at, now);
    (Standing { ecosystem: id.clone(), last_served_at, obstacle }, plan)
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
        let share = Share { size: 2, tier: Tier::REST };
        let policy = BreakerPolicy::default();
        let now = DateTime::from_timestamp(3600, 0).unwrap();
        let found = run(&candidates, control, choice, share, (now, &policy));
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
    fn a_slot_goes_to_who_can_use_it_and_everybody_else_says_why() {
        let why = "b: nothing in its queue is due, c: builder not available yet";
        let control = Control::default();
        check(&control, &Choice::Auto, &format!("a*2 | {why}"));
        check(&control, &Choice::All, &format!("a*2 | {why}"));
        let one = |id| Choice::One(EcosystemId::from_static(id));
        check(&control, &one("a"), "a*2 | ");
        check(&control, &one("c"), " | c: builder not available yet");
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
    fn a_run_of_the_future_dates_no_other_and_one_of_this_second_does() {
        let started_with = |last: &str| {
            let candidates = [candidate("a", 3, None)];
            let mut control = Control::default();
            let breaker = crate::model::StoredBreaker {
                last_batch_id: Some(last.parse().unwrap()),
                ..Default::default()
            };
            control.ecosystems.insert(EcosystemId::from_static("a"), breaker);
            let share = Share { size: 2, tier: Tier::REST };
            let now = DateTime::from_timestamp(3600, 0).unwrap();
            let policy = BreakerPolicy::default();
            let found = run(&candidates, &control, &Choice::All, share, (now, &policy));
            found.batches[0].plan.batch.to_string()
        };
        assert_eq!(started_with("a-2099-01-01T00-00-00Z"), "a-1970-01-01T01-00-00Z");
        assert_eq!(started_with("a-1970-01-01T01-00-00Z"), "a-1970-01-01T01-00-01Z");
        assert_eq!(started_with("a-1970-01-01T00-00-00Z"), "a-1970-01-01T01-00-00Z");
    }
}
