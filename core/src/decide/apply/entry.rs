//! How one queue entry changes when a run has ended.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Merging, Rules};
use crate::{
    decide::{
        backoff::{BackoffPolicy, later},
        record,
    },
    model::{
        Attempt, Consequence, Delta, Failure, FailureKind, Outcome, QueueEntry, Status, Sweep,
        Verdict,
    },
};

/// What `attempt` changes in the entry of its package.
pub(super) fn to_entry(entry: &mut QueueEntry, attempt: &Attempt, delta: &Delta, rules: &Rules) {
    // It was applied already. The time says nothing about that, because clocks can be set back.
    if entry.last_batch.as_ref() == Some(&delta.batch) {
        return;
    }
    entry.last_batch = Some(delta.batch.clone());
    entry.lost = is_lost(attempt);
    entry.last_attempt_at = Some(attempt.ended_at);
    if delta.probing {
        entry.last_probe_at = Some(attempt.ended_at);
    }
    // Somebody changed the entry while the run was in progress. The newer decision is kept.
    if !matches!(entry.status, Status::Pending | Status::Failed) {
        return;
    }
    if attempt.upstream_version.is_some() {
        entry.upstream_version.clone_from(&attempt.upstream_version);
        entry.notes.clone_from(&attempt.notes);
    }
    entry.generator_version = Some(delta.generator.clone());
    match &attempt.outcome {
        Outcome::Succeeded { recipe, restriction, .. } => {
            entry.recipe = Some(recipe.clone());
            entry.restriction.clone_from(restriction);
            match rules.merging {
                Merging::AtOnce => to_merged(entry),
                Merging::PullRequest => {
                    set_status(entry, Status::InProgress { batch: delta.batch.clone() });
                }
            }
        }
        Outcome::Failed(failure) => {
            to_failed_entry(entry, failure, attempt.ended_at, rules.backoff);
        }
    }
}

/// The recipe of `entry` is on the main branch.
pub(in crate::decide) fn to_merged(entry: &mut QueueEntry) {
    (entry.verified_at, entry.regressed_at) = (None, None);
    set_status(entry, Status::Success);
}

/// What a test of its existing recipe changes in an entry. Only a recipe that was seen to fail, or
/// whose package is gone, has regressed: what cannot be tested now says nothing.
pub(super) fn to_swept(
    entry: &mut QueueEntry,
    attempt: &Attempt,
    (delta, sweep): (&Delta, Sweep),
    backoff: &BackoffPolicy,
) {
    let is_new = entry.last_batch.as_ref() != Some(&delta.batch);
    if sweep == Sweep::Elsewhere || entry.status != Status::Success || !is_new {
        return;
    }
    entry.last_batch = Some(delta.batch.clone());
    match &attempt.outcome {
        Outcome::Succeeded { .. } => entry.verified_at = Some(attempt.ended_at),
        Outcome::Failed(failure) => {
            let has_failed = attempt.results.iter().any(|result| result.verdict == Verdict::Fail);
            if has_failed || failure.finding.kind == FailureKind::PackageNotFound {
                entry.regressed_at = Some(attempt.ended_at);
                entry.status = Status::Failed;
                entry.consecutive_failures = 1;
                let wait = backoff.after_structural(1);
                entry.next_retry_at = Some(later(attempt.ended_at, wait));
            }
        }
    }
}

/// What a test where its recipe had failed changes in an entry. The cells that it gets back are still lost
/// as long as a pull request with them may be closed.
pub(super) fn to_rechecked(
    entry: &mut QueueEntry,
    attempt: &Attempt,
    delta: &Delta,
    rules: &Rules,
) {
    if entry.last_batch.as_ref() == Some(&delta.batch) {
        return;
    }
    let Some(mut restriction) = entry.restriction.clone() else { return };
    entry.last_batch = Some(delta.batch.clone());
    let wait = match &attempt.outcome {
        Outcome::Failed(failure) if failure.finding.kind.consequence() == Consequence::Spared => {
            TimeDelta::days(1)
        }
        Outcome::Failed(_) | Outcome::Succeeded { .. } => rules.recheck_after,
    };
    let recheck_at = attempt.ended_at.checked_add_signed(wait);
    restriction.recheck_at = recheck_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    if let (Outcome::Succeeded { restriction: still, .. }, Merging::AtOnce) =
        (&attempt.outcome, rules.merging)
    {
        let is_tested = |cell| attempt.results.iter().any(|it| it.environment.cell() == cell);
        let is_lost = |cell| still.iter().flat_map(|it| &it.removed).any(|it| it.cell == cell);
        restriction.removed.retain(|lost| !is_tested(lost.cell) || is_lost(lost.cell));
    }
    entry.restriction = Some(restriction).filter(|it| !it.removed.is_empty());
}

/// Whether the process that made `attempt` died at work on it.
fn is_lost(attempt: &Attempt) -> bool {
    match &attempt.outcome {
        Outcome::Succeeded { .. } => false,
        Outcome::Failed(failure) => failure.finding.kind == FailureKind::RunnerLost,
    }
}

/// What `failure`, with which an attempt ended at `ended_at`, changes in the entry of its package.
pub(in crate::decide) fn to_failed_entry(
    entry: &mut QueueEntry,
    failure: &Failure,
    ended_at: DateTime<Utc>,
    backoff: &BackoffPolicy,
) {
    let package = entry.id.clone();
    let reason = || record::reason(failure, &package);
    match failure.finding.kind.consequence() {
        Consequence::Excluded => set_status(entry, Status::Excluded { reason: reason() }),
        Consequence::RequiresManual => {
            set_status(entry, Status::RequiresManual { reason: reason() });
        }
        Consequence::Blocked => {
            set_status(entry, Status::Blocked { by: failure.blocked_by.clone() });
        }
        Consequence::Spared => {
            entry.consecutive_faults = entry.consecutive_faults.saturating_add(1);
            let wait = backoff.after_fault(entry.consecutive_faults);
            entry.next_retry_at = Some(later(ended_at, wait));
        }
        Consequence::Failed => {
            entry.status = Status::Failed;
            entry.consecutive_failures = entry.consecutive_failures.saturating_add(1);
            entry.consecutive_faults = 0;
            let wait = backoff.after_structural(entry.consecutive_failures);
            entry.next_retry_at = Some(later(ended_at, wait));
        }
    }
}

fn set_status(entry: &mut QueueEntry, status: Status) {
    if status == Status::Success {
        entry.consecutive_failures = 0;
    }
    entry.consecutive_faults = 0;
    entry.next_retry_at = None;
    entry.status = status;
}
