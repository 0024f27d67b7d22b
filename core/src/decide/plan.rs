//! Chooses the packages that a run attempts.

use std::{cmp::Reverse, collections::HashMap};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    decide::{ahead, breaker::Admission},
    model::{BatchId, PackageId, Plan, Queue, QueueEntry, Skip, SkipReason, Status, Tier},
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
    let entries: Vec<_> = eligible(queue, admission, batch_limit.tier, now).collect();
    let taken = match admission {
        Admission::Batch => batches(&entries, batch_limit.size, now, batch_limit.size),
        Admission::Probes(n) => probes(entries, batch_limit.size.min(*n), now),
        Admission::FirstOfQueue(n) => by_tier(entries, batch_limit.size.min(*n)),
        Admission::Nothing(_) => vec![],
    };
    let attempts = taken.iter().map(|entry| entry.id.clone()).collect();
    let lost_before = taken.iter().filter(|entry| entry.lost).map(|entry| entry.id.clone());
    Plan {
        batch,
        probing: matches!(admission, Admission::Probes(_) | Admission::FirstOfQueue(_)),
        attempts,
        lost_before: lost_before.collect(),
    }
}

/// How many entries a run at `now` can attempt.
pub fn n_eligible(queue: &Queue, admission: &Admission, tier: Tier, now: DateTime<Utc>) -> usize {
    eligible(queue, admission, tier, now).count()
}

/// The entries of all tiers that are due at `now`.
pub fn due(queue: &Queue, now: DateTime<Utc>) -> impl Iterator<Item = &QueueEntry> {
    eligible(queue, &Admission::Batch, Tier::REST, now)
}

/// Since when `entry` has been due at `now`, as far as its times say; `None` if it waits after a
/// failure.
pub fn due_since(entry: &QueueEntry, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if backing_off(entry, now).is_some() {
        return None;
    }
    let last_attempt_at = ahead::past(entry.last_attempt_at, now);
    let waited = entry.next_retry_at.filter(|until| *until <= now);
    let added_at = entry.added_at.min(now);
    Some(waited.or(last_attempt_at).map_or(added_at, |since| since.max(added_at)))
}

/// Whether a run at `now` has something to attempt.
pub fn has_eligible(queue: &Queue, admission: &Admission, tier: Tier, now: DateTime<Utc>) -> bool {
    eligible(queue, admission, tier, now).next().is_some()
}

/// The entries of `queue` that the run of `plan` does not attempt, with the reasons, in the order of
/// their ids. Together with the attempts of the plan these are all entries. `admission` and `tier`
/// are those with which the plan was made.
pub fn skipped(queue: &Queue, admission: &Admission, tier: Tier, plan: &Plan) -> Vec<Skip> {
    let now = plan.batch.started_at();
    let mut taken: Vec<&PackageId> = plan.attempts.iter().collect();
    taken.sort_unstable();
    // Both are in the order of their ids, so each entry is compared with one attempt.
    let mut taken = taken.into_iter().peekable();
    let left = queue.values().filter(|entry| taken.next_if_eq(&&entry.id).is_none());
    let skip = |entry: &QueueEntry| {
        let backs_off = || backing_off(entry, now).map(|until| SkipReason::BackingOff { until });
        let reason = obstacle(entry, admission, tier, now).or_else(backs_off);
        Skip { package_id: entry.id.clone(), reason: reason.unwrap_or(SkipReason::BatchFull) }
    };
    left.map(skip).collect()
}

/// The place of an entry among those that can be attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "QueuePlace")]
pub struct Place {
    /// How many entries are attempted before it.
    pub n_before: usize,
    /// How many entries can be attempted, itself included.
    pub n_eligible: usize,
    /// How many runs of the ecosystem are filled before it is attempted; 0 if the next run attempts
    /// it.
    pub n_runs_before: usize,
}

/// The place of `package` in `queue` at `now`, if nothing changes until its turn; or the reason why
/// it is not attempted now. `None` if it has no entry.
#[must_use]
pub fn place(
    queue: &Queue,
    package: &PackageId,
    admission: &Admission,
    batch_limit: BatchLimit,
    now: DateTime<Utc>,
) -> Option<Result<Place, SkipReason>> {
    queue.get(package)?;
    places(queue, admission, batch_limit, now).remove(package)
}

/// What [`place`] says about each entry of `queue`, for the work of one.
#[must_use]
pub fn places<'q>(
    queue: &'q Queue,
    admission: &Admission,
    batch_limit: BatchLimit,
    now: DateTime<Utc>,
) -> HashMap<&'q PackageId, Result<Place, SkipReason>> {
    let mut places = HashMap::with_capacity(queue.len());
    let mut entries = vec![];
    for entry in queue.values() {
        match obstacle(entry, admission, batch_limit.tier, now) {
            Some(reason) => drop(places.insert(&entry.id, Err(reason))),
            None => entries.push(entry),
        }
    }
    let n_eligible = entries.len();
    let (in_turn, n_places) = match admission {
        Admission::Batch => {
            (batches(&entries, batch_limit.size, now, n_eligible), batch_limit.size)
        }
        Admission::Probes(n) => (probes(entries, n_eligible, now), batch_limit.size.min(*n)),
        Admission::FirstOfQueue(n) => (by_tier(entries, n_eligible), batch_limit.size.min(*n)),
        Admission::Nothing(_) => (entries, 0),
    };
    for (n_before, entry) in in_turn.into_iter().enumerate() {
        // A run without places attempts nothing.
        let n_runs_before = n_before.checked_div(n_places).unwrap_or(usize::MAX);
        places.insert(&entry.id, Ok(Place { n_before, n_eligible, n_runs_before }));
    }
    places
}

/// The entries that can be attempted, in the order of their ids.
fn eligible<'a>(
    queue: &'a Queue,
    admission: &'a Admission,
    tier: Tier,
    now: DateTime<Utc>,
) -> impl Iterator<Item = &'a QueueEntry> {
    queue.values().filter(move |entry| is_eligible(entry, admission, tier, now))
}

/// The first `n` of `entries`, which are in the order of their ids, in the order in which runs with
/// `n_places` attempt them. Half of the places of each run, rounded up, go to the entries that have
/// waited longest, the rest to the most important ones. Equal entries are in the order of their ids.
///
/// An attempt moves an entry to the end of the waiting order. Therefore each of N eligible entries
/// is attempted within ⌈N / ⌈b/2⌉⌉ runs, whatever fails.
fn batches<'a>(
    entries: &[&'a QueueEntry],
    n_places: usize,
    now: DateTime<Utc>,
    n: usize,
) -> Vec<&'a QueueEntry> {
    let waiting_since = |entry: &QueueEntry| match ahead::past(entry.last_attempt_at, now) {
        Some(last_attempt_at) => last_attempt_at,
        None => entry.added_at.min(now),
    };
    let n = n.min(entries.len());
    let n_places = n_places.max(1);
    let indices = 0..entries.len();
    let by_waiting =
        first(n, indices.clone(), |&i| (waiting_since(entries[i]), entries[i].tier, i));
    let by_importance = first(n, indices, |&i| {
        let entry = entries[i];
        (entry.tier, waiting_since(entry), Reverse(popularity(entry)), i)
    });
    let mut is_taken = vec![false; entries.len()];
    let mut in_turn = Vec::with_capacity(n);
    let (mut by_waiting, mut by_importance) = (by_waiting.into_iter(), by_importance.into_iter());
    while in_turn.len() < n {
        // The last run may have fewer entries than places.
        let n_left = n_places.min(entries.len() - in_turn.len());
        let n_longest = n_left.min(n_places.div_ceil(2));
        let mut take = |order: &mut std::vec::IntoIter<usize>, n: usize| {
            for _ in 0..n {
                let Some(i) = order.find(|&i| !is_taken[i]) else { return };
                is_taken[i] = true;
                in_turn.push(entries[i]);
            }
        };
        take(&mut by_waiting, n_longest);
        take(&mut by_importance, n_left - n_longest);
    }
    in_turn.truncate(n);
    in_turn
}

/// The first `n` of `entries`, which are in the order of their ids, in the order in which they are
/// probed. Entries that were never probed come first, so that no bad package can keep a breaker open.
/// Entries whose waiting time has not passed come last.
fn probes(entries: Vec<&QueueEntry>, n: usize, now: DateTime<Utc>) -> Vec<&QueueEntry> {
    first(n, entries, |&entry| {
        let is_backing_off = backing_off(entry, now).is_some();
        let last = (entry.last_probe_at, entry.last_attempt_at);
        (is_backing_off, last, Reverse(popularity(entry)), &entry.id)
    })
}

/// The first `n` of `entries` in the order of their tiers and ids.
fn by_tier(entries: Vec<&QueueEntry>, n: usize) -> Vec<&QueueEntry> {
    first(n, entries, |&entry| (entry.tier, &entry.id))
}

/// The `n` items with the least keys, in the order of their keys. All keys are different, and each is
/// computed once. Of a long queue only the few entries that a run attempts are kept and sorted.
fn first<T, K: Ord>(n: usize, items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    if n == 0 {
        return vec![];
    }
    let n_kept = n.saturating_mul(2).max(1_000);
    let mut least: Vec<(K, T)> = vec![];
    for item in items {
        least.push((key(&item), item));
        if least.len() == n_kept {
            keep_least(n, &mut least);
        }
    }
    keep_least(n, &mut least);
    least.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    least.into_iter().map(|(_, item)| item).collect()
}

/// Removes all but the `n` items with the least keys; `n` is not 0.
fn keep_least<T, K: Ord>(n: usize, items: &mut Vec<(K, T)>) {
    if n < items.len() {
        items.select_nth_unstable_by(n - 1, |(a, _), (b, _)| a.cmp(b));
        items.truncate(n);
    }
}

/// The popularity within one ecosystem. An unknown popularity counts as the lowest.
fn popularity(entry: &QueueEntry) -> u64 {
    entry.popularity.as_ref().map_or(0, |popularity| popularity.value)
}

/// Whether nothing prevents an attempt of `entry`: [`obstacle`] finds nothing.
fn is_eligible(entry: &QueueEntry, admission: &Admission, tier: Tier, now: DateTime<Utc>) -> bool {
    matches!(entry.status, Status::Pending | Status::Failed)
        && entry.tier <= tier
        && match admission {
            Admission::Nothing(_) => false,
            Admission::Probes(_) | Admission::FirstOfQueue(_) => true,
            Admission::Batch => backing_off(entry, now).is_none(),
        }
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
        Admission::Probes(_) | Admission::FirstOfQueue(_) => None,
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
        let skipped: Vec<String> = skipped(queue, admission, Tier::REST, &plan)
            .iter()
            .map(|s| format!("{}={:?}", s.package_id.name, s.reason))
            .collect();
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
    fn the_first_of_many_are_those_of_all_in_order() {
        // A permutation, so that late items belong to the first ones too.
        let items: Vec<u64> = (0..5_003).map(|i| i * 1_009 % 5_003).collect();
        for n in [0, 1, 10, 499, 500, 501, 2_501, 5_003, 9_999, usize::MAX] {
            let expected: Vec<u64> = (0..5_003).take(n).collect();
            assert_eq!(first(n, items.iter().copied(), |&item| item), expected, "{n}");
        }
    }

    #[test]
    fn a_tier_filter_keeps_entries_of_equal_or_higher_priority() {
        let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
        let batch_limit = BatchLimit { size: 9, tier: Tier::POPULAR };
        let plan = run(&three(), &Admission::Batch, batch_limit, batch);
        assert_eq!(plan.attempts.len(), 2);
        let skipped = skipped(&three(), &Admission::Batch, Tier::POPULAR, &plan);
        assert_eq!(skipped[0].reason, SkipReason::OtherTier);
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

    #[test]
    fn the_place_of_an_entry_is_the_run_that_attempts_it() {
        let mut queue = queue([
            ("a", 1, -1),
            ("b", 1, -2),
            ("c", 2, -3),
            ("d", 2, -4),
            ("e", 3, -5),
            ("f", 3, -6),
            ("g", 3, -7),
        ]);
        let batch_limit = BatchLimit { size: 3, tier: Tier::REST };
        let admission = Admission::Batch;
        for n_runs in 0..3 {
            let batch = BatchId::new(EcosystemId::from_static("eco"), NOW);
            let before = queue.clone();
            let plan = run(&queue, &admission, batch_limit, batch);
            for (i, package) in plan.attempts.iter().enumerate() {
                let place = place(&before, package, &admission, batch_limit, NOW);
                let n_eligible = before.len();
                let expected = Place { n_before: i, n_eligible, n_runs_before: 0 };
                assert_eq!(place, Some(Ok(expected)), "{n_runs}: {package}");
                queue.remove(package);
            }
            for entry in queue.values() {
                let place = place(&before, &entry.id, &admission, batch_limit, NOW);
                let n_runs_before = place.unwrap().unwrap().n_runs_before;
                assert!(0 < n_runs_before, "{}", entry.id);
            }
        }
        assert!(queue.is_empty());
        let all = three();
        let of = |name: &str, admission: &Admission, size| {
            let id = format!("eco:{name}").parse().unwrap();
            place(&all, &id, admission, BatchLimit { size, tier: Tier::POPULAR }, NOW)
        };
        assert_eq!(of("x", &Admission::Batch, 1), None);
        assert_eq!(of("c", &Admission::Batch, 1), Some(Err(SkipReason::OtherTier)));
        let place =
            |n_before, n_runs_before| Some(Ok(Place { n_before, n_eligible: 2, n_runs_before }));
        assert_eq!(of("a", &Admission::Batch, 1), place(1, 1));
        assert_eq!(of("a", &Admission::Probes(3), 1), place(0, 0));
        assert_eq!(of("b", &Admission::Probes(3), 2), place(1, 0));
        assert_eq!(of("b", &Admission::Batch, 0), place(0, usize::MAX));
        let closed = Admission::Nothing(SkipReason::Disabled);
        assert_eq!(of("b", &closed, 1), Some(Err(SkipReason::Disabled)));
    }
}
