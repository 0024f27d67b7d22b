//! What must hold of decisions, whatever the facts: properties, and tables of decisions. They use
//! what a module offers to others, so that its inside can change.

mod apply;
mod breaker;
mod classify;
mod clean;
mod evidence;
mod health;
mod import;
mod liveness;
mod name_registry;
mod preflight;
mod recipe;
mod reconcile;
mod record;
mod seeding;
mod verification;

use chrono::{DateTime, Utc};

use crate::{
    model::{Attempt, BatchId, Delta, EcosystemId},
    records,
};

const ECO: EcosystemId = EcosystemId::from_static("eco");

/// So many seconds after the epoch.
fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(n, 0).unwrap()
}

/// The batch that began then.
fn batch(started_at: DateTime<Utc>) -> BatchId {
    BatchId::new(ECO, started_at)
}

/// A run of one moment, in which all of `attempts` ended.
fn run_at(at: DateTime<Utc>, attempts: Vec<Attempt>) -> Delta {
    let attempts =
        attempts.into_iter().map(|attempt| Attempt { ended_at: at, ..attempt }).collect();
    records::delta(batch(at), attempts)
}
