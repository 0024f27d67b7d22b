//! Finds the last attempts at a package without reading the whole history.

use std::ops::ControlFlow;

use batch_core::{
    decide::explain::{LastAttempt, Reader, last_attempts},
    io::{HistoryFilter, StateError, StateReader as _, Visited},
    model::{BatchId, FailureRecord, PackageId, QueueEntry, RunRecord},
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{cli::damage::Damage, env::Root};

/// How many attempts are shown.
const N_ATTEMPTS: usize = 5;

/// How far before its last run, or before now, the attempts at a package are searched. Only if there
/// is none, everything is searched for its newest failure.
const PERIOD: TimeDelta = TimeDelta::days(90);

/// The last attempts at `package`, the newest first. The attempt of `failure` is the last of them if
/// it is older than the others.
pub(super) fn attempts(
    package: &PackageId,
    (entry, now): (Option<&QueueEntry>, DateTime<Utc>),
    failure: Option<FailureRecord>,
    (root, reader): (&Root, Reader<'_>),
    damage: &mut Damage,
) -> Result<Vec<LastAttempt>, StateError> {
    // An entry knows its last run, however long ago that was.
    let last = entry.and_then(|entry| entry.last_batch.as_ref()).map(BatchId::started_at);
    let of_package = HistoryFilter { package: Some(package.clone()), ..HistoryFilter::default() };
    let since = last.map_or(now, |last| last.min(now)).checked_sub_signed(PERIOD);
    let recent = HistoryFilter { since, ..of_package.clone() };
    let mut attempts = recent_attempts(package, &recent, (root, reader), damage)?;
    let failure = match failure {
        None if attempts.is_empty() => {
            newest(&HistoryFilter { until: since, ..of_package }, root, damage)?
        }
        failure => failure,
    };
    if let Some(failure) = failure
        && !attempts.iter().any(|attempt| attempt.batch_id == failure.batch_id)
    {
        let of_batch = HistoryFilter::of_batch(&failure.batch_id);
        let (runs, failures) = (root.state.runs(&of_batch)?, root.state.failures(&of_batch)?);
        attempts.extend(last_attempts(package, runs.records, (failures.records, reader), 1));
    }
    Ok(attempts)
}

fn recent_attempts(
    package: &PackageId,
    filter: &HistoryFilter,
    (root, reader): (&Root, Reader<'_>),
    damage: &mut Damage,
) -> Result<Vec<LastAttempt>, StateError> {
    let (mut runs, mut failures): (Vec<RunRecord>, Vec<FailureRecord>) = (vec![], vec![]);
    let mut n_batches = 0;
    root.state.visit_failures(filter, &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(failure) => {
                // The failures of one run follow one another.
                let is_same = failures.last().is_some_and(|it| it.batch_id == failure.batch_id);
                n_batches += usize::from(!is_same);
                if N_ATTEMPTS < n_batches {
                    return ControlFlow::Break(());
                }
                failures.push(failure);
            }
        }
        ControlFlow::Continue(())
    })?;
    root.state.visit_runs(filter, &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(run) => runs.push(run),
        }
        if runs.len() < N_ATTEMPTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(last_attempts(package, runs, (failures, reader), N_ATTEMPTS))
}

/// The newest failure that fits `filter`.
fn newest(
    filter: &HistoryFilter,
    root: &Root,
    damage: &mut Damage,
) -> Result<Option<FailureRecord>, StateError> {
    let mut newest = None;
    root.state.visit_failures(filter, &mut |visited| match visited {
        Visited::Damaged(damaged) => {
            damage.note(damaged);
            ControlFlow::Continue(())
        }
        Visited::Record(failure) => {
            newest = Some(failure);
            ControlFlow::Break(())
        }
    })?;
    Ok(newest)
}
