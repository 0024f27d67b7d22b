//! No ecosystem stops for ever, and no package waits for ever: every reachable state of small
//! ecosystems, and random histories of larger ones.

mod by_hand;
mod exploration;
mod limits;
mod probes;
mod small_state;
mod waiting;

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::{
    decide::{
        apply::{Applied, Merging, Rules},
        backoff::BackoffPolicy,
        breaker::{self, Admission, BreakerPolicy},
        plan::{self, BatchLimit},
    },
    ecosystem_state::EcosystemState,
    model::{Breaker, FailureKind, Outcome, PackageId, Plan, Queue, QueueEntry, Status, Tier},
    records::{attempt, failed_on, succeeded},
};

const OWN: &str = "own.example";

/// How one attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Success,
    /// A failure of the package that a broken generator could cause as well. All of them are equal.
    Uniform,
    /// A failure that says something about the package only.
    OfPackage,
    /// A host of the ecosystem does not answer.
    OwnFault,
    /// A host of another ecosystem does not answer.
    ForeignFault,
    /// The package needs a recipe that does not exist.
    Blocked,
}

impl End {
    const ALL: [Self; 6] = [
        Self::Success,
        Self::Uniform,
        Self::OfPackage,
        Self::OwnFault,
        Self::ForeignFault,
        Self::Blocked,
    ];

    fn outcome(self) -> Outcome {
        match self {
            Self::Success => succeeded("x"),
            Self::Uniform => failed_on(FailureKind::InstallFailed, None),
            Self::OfPackage => failed_on(FailureKind::PackageNotFound, None),
            Self::OwnFault => failed_on(FailureKind::Timeout, Some(OWN)),
            Self::ForeignFault => failed_on(FailureKind::Timeout, Some("elsewhere.example")),
            Self::Blocked => failed_on(FailureKind::RecipeMissing, None),
        }
    }

    /// Whether it proves that the registry and the tool answer.
    fn is_proof(self) -> bool {
        matches!(self, Self::Success | Self::Uniform | Self::OfPackage)
    }
}

fn any_end() -> impl Strategy<Value = End> {
    proptest::sample::select(End::ALL.to_vec())
}

/// The rules of an ecosystem whose batches have `size` places. All calls of the decisions are here.
#[derive(Debug, Clone, Default)]
struct Policies {
    size: usize,
    backoff: BackoffPolicy,
    breaker: BreakerPolicy,
}

impl Policies {
    fn of_size(size: usize) -> Self {
        Self { size, ..Self::default() }
    }

    fn admission(&self, state: &EcosystemState, now: DateTime<Utc>) -> Admission {
        breaker::admission(&state.breaker, now, &self.breaker)
    }

    fn plan(&self, state: &EcosystemState, now: DateTime<Utc>) -> Plan {
        let batch_limit = BatchLimit { size: self.size, tier: Tier::REST };
        plan::run(&state.queue, &self.admission(state, now), batch_limit, batch(now))
    }

    /// The entries that the plan of `now` does not take, each as often as a reason is given for it.
    fn skipped(&self, state: &EcosystemState, now: DateTime<Utc>) -> Vec<PackageId> {
        let (plan, admission) = (self.plan(state, now), self.admission(state, now));
        let skipped = plan::skipped(&state.queue, &admission, Tier::REST, &plan);
        skipped.into_iter().map(|skip| skip.package_id).collect()
    }

    /// Applies `run` to `state` and returns what changed.
    fn apply(&self, state: &mut EcosystemState, run: &Delta) -> Applied {
        let own_services = [OWN].into();
        let rules = Rules {
            own_services,
            backoff: &self.backoff,
            breaker: &self.breaker,
            merging: Merging::AtOnce,
        };
        state.apply(run, &rules)
    }

    /// The state after the run of `plan`, all of whose attempts ended at `at`.
    fn after(&self, mut state: EcosystemState, plan: &Plan, ends: &[End]) -> EcosystemState {
        self.apply(&mut state, &run_of(plan, ends));
        state
    }
}

/// The run of `plan` in which the attempts ended with `ends`, in this order, when it started.
fn run_of(plan: &Plan, ends: &[End]) -> Delta {
    let attempted = plan.attempts.iter().zip(ends);
    let attempts = attempted.map(|(id, end)| attempt(&id.to_string(), end.outcome())).collect();
    Delta { probing: plan.probing, ..run_at(plan.batch.started_at(), attempts) }
}

/// Whether the entry can be attempted sooner or later without anybody doing anything.
fn is_live(entry: &QueueEntry) -> bool {
    matches!(entry.status, Status::Pending | Status::Failed)
}

fn n_live(queue: &Queue) -> usize {
    queue.values().filter(|entry| is_live(entry)).count()
}

/// Whether a run that is no probe may attempt the entry at `now`.
fn is_eligible(entry: &QueueEntry, now: DateTime<Utc>) -> bool {
    is_live(entry) && entry.next_retry_at.is_none_or(|at| at <= now)
}

/// An ecosystem with entries of these tiers that were never attempted.
fn ecosystem(tiers: &[u8]) -> EcosystemState {
    let names: Vec<String> = (0..tiers.len()).map(|i| format!("p{i:04}")).collect();
    let entries = names.iter().zip(tiers).map(|(name, &tier)| (name.as_str(), tier, 0));
    EcosystemState { queue: records::queue(entries), breaker: Breaker::default() }
}
