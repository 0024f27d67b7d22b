//! Pure decisions: their input is facts and `now`, their output is a decision with its reasons.
//! They use no clock, no I/O and no async.

pub mod ahead;
pub mod apply;
pub mod archive;
pub mod backoff;
pub mod blockers;
pub mod breaker;
pub mod classify;
pub mod clean;
pub mod clusters;
pub mod config_check;
pub mod constrain;
pub mod dependencies;
pub mod discovery;
pub mod doctor;
pub mod evidence;
pub mod explain;
pub mod fold;
pub mod gate;
pub mod headline;
pub mod health;
mod imitation;
pub mod import;
pub mod interruption;
pub mod ladder;
pub mod merge_policy;
pub mod name_registry;
pub mod patterns;
pub mod pause;
pub mod plan;
pub mod preflight;
pub mod pull_request;
pub mod queue_edit;
mod quoted;
pub mod recipe;
pub mod reclassify;
pub mod reconcile;
pub mod record;
pub mod requeue;
pub mod reserved;
pub mod rotation;
pub mod route;
pub mod seeding;
pub mod shares;
pub mod shell_word;
pub mod slo;
pub mod sweep;
mod system;
pub mod tsuku;
pub mod unknown_names;
pub mod upcoming;
pub mod verification;

#[cfg(test)]
mod tests;
