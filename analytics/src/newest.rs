//! How old the records are.

use std::collections::BTreeMap;

use batch_core::{
    decide::ahead,
    model::{QueueEntry, RunRecord},
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::records::Records;

/// The newest instant in the records that is not later than `as_of`.
pub(crate) fn newest(records: &Records, as_of: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let ended = |run: &RunRecord| {
        let seconds = i64::try_from(run.duration_seconds).ok().and_then(TimeDelta::try_seconds);
        run.timestamp.checked_add_signed(seconds.unwrap_or_default()).unwrap_or(run.timestamp)
    };
    let runs = records.runs.iter().map(ended);
    let failures = records.failures.iter().map(|failure| failure.timestamp);
    let transitions = records.transitions.iter().map(|transition| transition.at);
    let all = runs.chain(failures).chain(transitions);
    let newest = all.filter(|&at| !ahead::is_ahead(at, as_of)).max();
    newest.or_else(|| {
        let entries = records.queues.values().flat_map(BTreeMap::values);
        entries.map(QueueEntry::waiting_since).filter(|&at| !ahead::is_ahead(at, as_of)).max()
    })
}
