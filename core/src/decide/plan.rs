//! Which packages a run attempts.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};

use crate::{
    decide::{ahead, breaker::Admission},
    model::{BatchId, Plan, Queue, QueueEntry, Skip, SkipReason, Status, Tier},
};

/// What one run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// At most so many attempts.
    pub size: usize,
    /// This tier, or a more important one.
    pub tier: Tier,
}

/// Plans the run `batch` over `queue`, as of the batch's start.
#[must_use]
pub fn run(queue: &Queue, admission: &Admission, share: Share, batch: BatchId) -> Plan {
    let now = batch.started_at();
    let (mut taken, mut skipped) = (vec![], vec![]);
    for entry in queue.values() {
        match obstacle(entry, admission, share.tier, now) {
            Some(reason) => skipped.push(Skip { package_id: entry.id.clone(), reason }),
            None => taken.push(entry),
        }
    }
    // The queue is sorted by id and both sorts are stable: ties go by id.
    let n_places = match admission {
        Admission::Batch => sort_for_batch(&mut taken, share.size, now),
        Admission::Probes(n) => sort_for_probes(&mut taken, share.size.min(*n), now),
        Admission::Nothing(_) => 0,
    };
    for entry in taken.split_off(n_places.min(taken.len())) {
        let backs_off = backing_off(entry, now).map(|until| SkipReason::BackingOff { until });
        let reason = backs_off.unwrap_or(SkipReason::BatchFull);
        skipped.push(Skip { package_id: entry.id.clone(), reason });
    }
    skipped.sort_by(|a, b| a.package_id.cmp(&b.package_id));
    let attempts = taken.iter().map(|entry| entry.id.clone()).collect();
    Plan { batch, probing: matches!(admission, Admission::Probes(_)), attempts, skipped }
}

/// Half of the places, rounded up, go to those that wait longest, the rest to the most wanted.
///
/// An attempt sends an entry to the end of the first row, so every eligible one of N entries is
/// attempted within ⌈N / ⌈b/2⌉⌉ runs, whatever fails.
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

/// Never probed first, so that no bad package can keep a breaker open; those backing off last.
fn sort_for_probes(entries: &mut [&QueueEntry], n_places: usize, now: DateTime<Utc>) -> usize {
    entries.sort_by_key(|entry| {
        let is_backing_off = backing_off(entry, now).is_some();
        (is_backing_off, entry.last_probe_at, entry.last_attempt_at, Reverse(popularity(entry)))
    });
    n_places
}

/// Inside one ecosystem; what nobody published counts as least.
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

/// An attempt of the future says nothing about when the next one is due.
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

    /// `expected` is "a b | c=reason".
    #[track_caller]
    fn check(queue: &Queue, admission: &Admission, expected: &str) {
        let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
        let plan = run(queue, admission, Share { size: 2, tier: Tier::REST }, batch);
        let attempts: Vec<String> = plan.attempts.iter().map(|id| id.name.to_string()).collect();
        let skipped: Vec<String> =
            plan.skipped.iter().map(|s| format!("{}={:?}", s.package_id.name, s.reason)).collect();
        assert_eq!(format!("{} | {}", attempts.join(" "), skipped.join(" ")), expected);
    }

    /// Tiers 1, 2, 3; the last waits longest.
    fn three() -> Queue {
        queue([("a", 1, -1), ("b", 2, -2), ("c", 3, -3)])
    }

    #[test]
    fn the_longest_wait_and_the_most_wanted_share_a_batch() {
        check(&three(), &Admission::Batch, "c a | b=BatchFull");
    }

    #[test]
    fn a_tier_lets_through_what_is_at_least_as_important() {
        let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
        let share = Share { size: 9, tier: Tier::POPULAR };
        let plan = run(&three(), &Admission::Batch, share, batch);
        assert_eq!(plan.attempts.len(), 2);
        assert_eq!(plan.skipped[0].reason, SkipReason::OtherTier);
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
    fn nothing_passes_a_closed_door_and_every_entry_says_why() {
        let mut queue = three();
        queue.first_entry().unwrap().get_mut().status = Status::Success;
        let admission = Admission::Nothing(SkipReason::Disabled);
        check(&queue, &admission, " | a=Done b=Disabled c=Disabled");
    }

    #[test]
    fn a_probe_is_an_entry_never_probed_and_one_backing_off_only_for_want_of_others() {
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
