//! Explains a run.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Explanation, NextAttempt, Reader, Status, Turns, attempts};
use crate::{
    decide::shell_word::shell_word,
    model::{FailureRecord, RunRecord, SlotOutcome},
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It attempted what it had planned.
    Ran,
    /// It ended before it had attempted what it had planned.
    Interrupted,
    /// Nothing could be attempted.
    Skipped,
    /// It has no record: it is in progress, or it died and the next run records it.
    Unrecorded,
}

impl RunStatus {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Interrupted => "interrupted",
            Self::Skipped => "skipped",
            Self::Unrecorded => "unrecorded",
        }
    }
}

/// Explains the run with the record `run` and its `failures`. `turns` are the runs of its ecosystem.
#[must_use]
pub fn explained(
    run: &RunRecord,
    (failures, reader): (Vec<FailureRecord>, Reader<'_>),
    turns: Turns,
) -> Explanation {
    let reason = run.skip_reason.as_deref().unwrap_or("no reason is recorded");
    let slot = match (run.outcome, &run.slot) {
        (SlotOutcome::Ran, _) => "it ran in its own slot, or was asked for".to_owned(),
        (SlotOutcome::FellThrough, Some(slot)) => format!("it ran in the slot of {slot}: {reason}"),
        (SlotOutcome::FellThrough, None) => {
            format!("it ran in the slot of another ecosystem: {reason}")
        }
        (SlotOutcome::Skipped, _) => format!("nothing ran: {reason}"),
    };
    let deferred = match run.deferred.len() {
        0 => String::new(),
        1 => "; 1 planned package was not attempted and stays due".to_owned(),
        n => format!("; {n} planned packages were not attempted and stay due"),
    };
    let (succeeded, total) = (run.succeeded, run.total);
    let status = match run.outcome {
        SlotOutcome::Skipped => RunStatus::Skipped,
        SlotOutcome::Ran | SlotOutcome::FellThrough if run.interrupted => RunStatus::Interrupted,
        SlotOutcome::Ran | SlotOutcome::FellThrough => RunStatus::Ran,
    };
    let why = match turns.next_slot {
        Some(_) => "then is the next slot of its ecosystem; earlier slots may be free",
        None => "it has no ecosystem whose slots are known",
    };
    let rule = format!("{slot}; {succeeded} of {total} verified{deferred}");
    let next = NextAttempt { at: turns.next_slot, why: why.to_owned() };
    explanation(&run.batch_id, status, rule, next, (Some(run), failures, reader))
}

/// Explains a run that has no record, as far as its `failures` tell.
#[must_use]
pub fn unrecorded(
    batch_id: &str,
    (failures, reader): (Vec<FailureRecord>, Reader<'_>),
) -> Explanation {
    let rule = "it has no record: it is in progress, or it died and the next run records it";
    let why = "its packages are due again unless their attempts are recorded".to_owned();
    let next = NextAttempt { at: None, why };
    explanation(batch_id, RunStatus::Unrecorded, rule.to_owned(), next, (None, failures, reader))
}

fn explanation(
    batch_id: &str,
    status: RunStatus,
    rule: String,
    next_attempt: NextAttempt,
    (run, failures, reader): (Option<&RunRecord>, Vec<FailureRecord>, Reader<'_>),
) -> Explanation {
    let id = shell_word(batch_id);
    let mut commands = vec![];
    if run.is_some() {
        commands.push(format!("tsuku-batch runs show {id}"));
    }
    if !failures.is_empty() {
        commands.push(format!("tsuku-batch failures list --batch {id}"));
        commands.push(format!("tsuku-batch failures top --batch {id}"));
    }
    if run.is_none() {
        commands.push("tsuku-batch status".to_owned());
    }
    Explanation {
        status: Status::Run(status),
        history: None,
        rule,
        last_attempts: attempts::of_run(run, (failures, reader)),
        next_attempt,
        queue_place: None,
        blocks: vec![],
        blocked_by: vec![],
        commands,
    }
}
