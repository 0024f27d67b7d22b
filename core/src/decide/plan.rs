//! Chooses the packages that a run attempts.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use crate::{
    decide::{ahead, breaker::Admission},
    model::{BatchId, Plan, Queue, QueueEntry, Skip, SkipReason, Status, Tier},
};

/// The limits of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimit {
    /// The maximal number of attempts.
    pub size: usize,
    /// Only packages of this tier and of more important tiers.
    pub tier: Tier,
}

/// The plan of the run `batch` for `queue`, at the time of the batch's start.
#[must_use]
pub fn run(queue: &Queue, admission: &Admission, batch_limit: BatchLimit, batch: BatchId) -> Plan {
    let now = batch.started_at();
    let (mut taken, mut skipped) = (vec![], vec![]);
    for entry in queue.values() {
        match obstacle(entry, admission, batch_limit.tier, now) {
            Some(reason) => skipped.push(Skip { package_id: entry.id.clone(), reason }),
            None => taken.push(entry),
        }
    }
    // The queue is sorted by id and both sorts are stable, so equal entries are in the order of
    // their ids.
    let n_places = match admission {
        Admission::Batch => sort_for_batch(&mut taken, batch_limit.size, now),
        Admission::Probes(n) => sort_for_probes(&mut taken, batch_limit.size.min(*n), now),
        Admission::Nothing(_) => 0,
    };
    for entry in taken.split_off(n_places.min(taken.len())) {
        let backs_off = backing_off(entry, now).map(|until| SkipReason::BackingOff { until });
        let reason = backs_off.unwrap_or(SkipReason::BatchFull);
        skipped.push(Skip { package_id: entry.id.clone(), reason });
    }
    skipped.sort_by(|a, b| a.package_id.cmp(&b.package_id));
    let attempts = taken.iter().map(|entry| entry.id.clone()).collect();
    let lost_before = taken.iter().filter(|entry| entry.lost).map(|entry| entry.id.clone());
    Plan {
        batch,
        probing: matches!(admission, Admission::Probes(_)),
        attempts,
        lost_before: lost_before.collect(),
        skipped,
    }
}

/// Half of the places, rounded up, go to the entries that have waited longest, the rest to the most
/// important ones.
///
/// An attempt moves an entry to the end of the waiting order. Therefore each of N eligible entries
/// is attempted within ⌈N / ⌈b/2⌉⌉ runs, whatever fails.
fn sort_for_batch(entries: &mut [&QueueEntry], n_places: usize, now: DateTime<Utc>) -> usize {
    let waiting_since = |entry: &QueueEntry| match ahead::past(entry.last_attempt_at, now) {
        Some(last_attempt_at) => last_attempt_at,
        None => entry.added_at.min(now),
    };
    entries.sort_by_key(|entry| (waiting_since(entry), entry.tier));
    let n_longest = n_places.div_ceil(2).min(entries.len());
    entries[n_longest..]
        .sort_by_key(|entry| (entry.tier, waiting_since(entry), Reverse(popularity(entry))));
    n_places
}

/// Entries that were never probed come first, so that no bad package can keep a breaker open.
/// Entries whose waiting time has not passed come last.
fn sort_for_probes(entries: &mut [&QueueEntry], n_places: usize, now: DateTime<Utc>) -> usize {
    entries.sort_by_key(|entry| {
        let is_backing_off = backing_off(entry, now).is_some();
        (is_backing_off, entry.last_probe_at, entry.last_attempt_at, Reverse(popularity(entry)))
    });
    n_places
}

/// The popularity within one ecosystem. An unknown popularity counts as the lowest.
fn popularity(entry: &QueueEntry) -> u64 {
    entry.popularity.as_ref().map_or(0, |popularity| popularity.value)
}

fn obstacle(
    entry: &QueueEntry,
    admission: &Admission,
    tier: Tier,
    now: DateTime<Utc>,
) -> Option<SkipReason> {
    match &entry.status {
        Status::Pending | Status::Failed => (),
        Status::InProgress { batch } => {
            return Some(SkipReason::InProgress { batch: batch.clone() });
        }
        Status::Blocked { by } => return Some(SkipReason::Blocked { by: by.clone() }),
        Status::Success => return Some(SkipReason::Done),
        Status::RequiresManual { reason } | Status::Excluded { reason } => {
            return Some(SkipReason::Settled { reason: reason.clone() });
        }
    }
    if entry.tier > tier {
        return Some(SkipReason::OtherTier);
    }
    match admission {
        Admission::Nothing(reason) => Some(reason.clone()),
        Admission::Probes(_) => None,
        Admission::Batch => backing_off(entry, now).map(|until| SkipReason::BackingOff { until }),
    }
}

/// An attempt in the future says nothing about when the next one is due.
fn backing_off(entry: &QueueEntry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_ahead = entry.last_attempt_at.is_some_and(|at| ahead::is_ahead(at, now));
    entry.next_retry_at.filter(|&until| now < until && !is_ahead)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{model::EcosystemId, records::queue};

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// `expected` has the form "a b | c=reason".
    #[track_caller]
    fn check(queue: &Queue, admission: &Admission, expected: &str) {
        let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
        let plan = run(queue, admission, BatchLimit { size: 2, tier: Tier::REST }, batch);
        let attempts: Vec<String> = plan.attempts.iter().map(|id| id.name.to_string()).collect();
        let skipped: Vec<String> =
            plan.skipped.iter().map(|s| format!("{}={:?}", s.package_id.name, s.reason)).collect();
        assert_eq!(format!("{} | {}", attempts.join(" "), skipped.join(" ")), expected);
    }

    /// Entries of the tiers 1, 2 and 3. The last one has waited longest.
    fn three() -> Queue {
        queue([("a", 1, -1), ("b", 2, -2), ("c", 3, -3)])
    }

    #[test]
    fn the_longest_waiting_and_the_most_popular_entries_share_a_batch() {
        check(&three(), &Admission::Batch, "c a | b=BatchFull");
    }

    #[test]
    fn a_tier_filter_keeps_entries_of_equal_or_higher_priority() {
        let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
        let batch_limit = BatchLimit { size: 9, tier: Tier::POPULAR };
        let plan = run(&three(), &Admission::Batch, batch_limit, batch);
        assert_eq!(plan.attempts.len(), 2);
        assert_eq!(plan.skipped[0].reason, SkipReason::OtherTier);
    }

    #[test]
    fn a_plan_knows_on_which_of_its_packages_a_process_died_last() {
        let mut queue = three();
        for entry in queue.values_mut().skip(1) {
            entry.lost = true;
        }
        let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
        let plan = run(&queue, &Admission::Batch, BatchLimit { size: 2, tier: Tier::REST }, batch);
        assert_eq!(plan.lost_before, ["eco:c".parse().unwrap()].into(), "b is not taken");
    }

    #[test]
    fn an_attempt_of_the_future_holds_nothing_up() {
        let mut queue = three();
        for entry in queue.values_mut() {
            entry.last_attempt_at = Some(NOW + Duration::from_secs(60));
        }
        let first = queue.values_mut().next().unwrap();
        first.last_attempt_at = Some(NOW + Duration::from_secs(1_000_000));
        first.next_retry_at = Some(NOW + Duration::from_secs(2_000_000));
        check(&queue, &Admission::Batch, "a b | c=BatchFull");
    }

    #[test]
    fn an_open_breaker_excludes_every_entry_with_a_reason() {
        let mut queue = three();
        queue.first_entry().unwrap().get_mut().status = Status::Success;
        let admission = Admission::Nothing(SkipReason::Disabled);
        check(&queue, &admission, " | a=Done b=Disabled c=Disabled");
    }

    #[test]
    fn a_probe_prefers_entries_that_were_never_probed() {
        let mut queue = three();
        let [a, b, c] = queue.values_mut().collect::<Vec<_>>().try_into().unwrap();
        a.last_probe_at = Some(NOW);
        c.next_retry_at = Some(NOW + Duration::from_secs(1));
        b.added_at = NOW;
        check(
            &queue,
            &Admission::Probes(1),
            "b | a=BatchFull c=BackingOff { until: 1970-01-01T00:00:01Z }",
        );
    }
}
