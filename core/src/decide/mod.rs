//! Pure decisions: facts and `now` in, decision and reasons out. No clock, no I/O, no async.

pub mod ahead;
pub mod apply;
pub mod backoff;
pub mod breaker;
pub mod claims;
pub mod classify;
pub mod clean;
pub mod dependencies;
pub mod evidence;
pub mod fold;
pub mod gate;
pub mod health;
pub mod plan;
pub mod preflight;
mod quoted;
pub mod recipe;
pub mod reconcile;
pub mod record;
pub mod rotation;
pub mod seeding;
pub mod signs;
mod system;
pub mod unknown_names;
pub mod verification;
