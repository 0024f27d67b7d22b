//! A state of a small ecosystem in which only that is kept on which decisions depend, so that equal
//! states are recognised: instants relative to now, or as ranks where only their order counts.

use std::{collections::BTreeMap, sync::LazyLock};

use super::*;
use crate::model::{Fingerprint, Open, UniformRow};

/// The moment at which a [`SmallState`] is looked at.
pub(super) fn now() -> DateTime<Utc> {
    second(1_000_000 * 3600)
}

fn hours(n: u8) -> TimeDelta {
    TimeDelta::hours(n.into())
}

/// A small ecosystem, with waiting times so short that the number of its states stays small. They
/// have the properties that the real ones have: they grow, and they have an upper limit.
#[derive(Debug)]
pub(super) struct Model {
    /// The number of its entries.
    pub(super) n: usize,
    pub(super) policies: Policies,
    /// Further failures in a row of one package change nothing.
    max_failures: u32,
}

pub(super) const LONGEST_PAUSE: u8 = 4;
/// Further unhealthy runs in a row, and further pauses, change nothing.
const MAX_RUNS: u32 = 2;
const MAX_LEVEL: u32 = 3;

impl Model {
    /// `n` entries, batches of `size`, and so many probes. Two equal failures open the breaker.
    pub(super) fn new(n: usize, size: usize, probes: usize) -> Self {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        let backoff = BackoffPolicy {
            structural: [hours(1), hours(2), hours(2)],
            structural_longest: hours(2),
            fault: hours(1),
            fault_longest: hours(1),
        };
        let breaker = BreakerPolicy {
            open_after: MAX_RUNS,
            first_pause: hours(1),
            longest_pause: hours(LONGEST_PAUSE.into()),
            probes,
            systemic_row: 2,
            ..BreakerPolicy::default()
        };
        Self { n, policies: Policies { size, backoff, breaker }, max_failures: 2 }
    }

    /// The same with fewer states: waiting times of packages do not grow, and no number of equal
    /// failures opens the breaker.
    pub(super) fn reduced(n: usize, size: usize, probes: usize) -> Self {
        let mut reduced = Self::new(n, size, probes);
        let backoff = &mut reduced.policies.backoff;
        backoff.structural = [backoff.structural_longest; 3];
        reduced.policies.breaker.systemic_row = n + 1;
        Self { max_failures: 0, ..reduced }
    }

    /// Whether a shared cause can open the breaker.
    pub(super) fn has_signatures(&self) -> bool {
        self.policies.breaker.systemic_row <= self.n
    }

    /// What of `state` at [`now`] decisions depend on.
    pub(super) fn small(&self, state: &EcosystemState) -> SmallState {
        let EcosystemState { queue, breaker } = state;
        let open = breaker.open.as_ref().map(|open| SmallOpen {
            until_in: hours_until(open.until),
            level: open.level.min(MAX_LEVEL),
            has_signature: open.signature.is_some(),
        });
        let number = |id: &PackageId| IDS.iter().position(|it| it == id).unwrap();
        // A row that the entries cannot complete changes nothing.
        let row = breaker.row.iter().filter(|_| self.has_signatures());
        let row = row.flat_map(|row| &row.packages).map(number).collect();
        let live = || queue.values().filter(|entry| is_live(entry));
        let attempts = ranks(live().filter_map(|entry| entry.last_attempt_at));
        let probes = ranks(live().filter_map(|entry| entry.last_probe_at));
        let small = |entry: &QueueEntry| {
            is_live(entry).then(|| SmallEntry {
                failures: entry.consecutive_failures.min(self.max_failures),
                retry_in: entry.next_retry_at.map_or(0, hours_until),
                attempted: entry.last_attempt_at.map_or(0, |at| attempts[&at]),
                probed: entry.last_probe_at.map_or(0, |at| probes[&at]),
            })
        };
        let unhealthy_runs = breaker.unhealthy_runs.min(MAX_RUNS);
        SmallState { unhealthy_runs, open, row, entries: queue.values().map(small).collect() }
    }
}

static IDS: LazyLock<Vec<PackageId>> =
    LazyLock::new(|| ["a", "b", "c", "d"].map(|it| format!("eco:{it}").parse().unwrap()).into());

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SmallState {
    unhealthy_runs: u32,
    open: Option<SmallOpen>,
    /// The numbers of the packages of the row of equal failures.
    row: Vec<usize>,
    /// `None`: it is never attempted again.
    entries: Vec<Option<SmallEntry>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct SmallOpen {
    until_in: u8,
    level: u32,
    has_signature: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct SmallEntry {
    failures: u32,
    retry_in: u8,
    /// 0: never.
    attempted: u8,
    /// 0: never.
    probed: u8,
}

fn uniform() -> Fingerprint {
    Fingerprint(FailureKind::InstallFailed as u64)
}

impl SmallState {
    /// `n` entries that were never attempted.
    pub(super) fn new(n: usize) -> Self {
        let entries = vec![Some(SmallEntry::default()); n];
        Self { unhealthy_runs: 0, open: None, row: vec![], entries }
    }

    pub(super) fn n_live(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    /// In how many hours the breaker admits probes; `None` if it is closed.
    pub(super) fn until_in(&self) -> Option<u8> {
        Some(self.open.as_ref()?.until_in)
    }

    /// Whether a cause that all packages share opened the breaker.
    pub(super) fn has_signature(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.has_signature)
    }

    /// The state `n` hours later, in which nothing happened.
    pub(super) fn later(&self, n: u8) -> Self {
        let mut later = self.clone();
        if let Some(open) = &mut later.open {
            open.until_in = open.until_in.saturating_sub(n);
        }
        for entry in later.entries.iter_mut().flatten() {
            entry.retry_in = entry.retry_in.saturating_sub(n);
        }
        later
    }

    /// The same state as the program has it at [`now`].
    pub(super) fn full(&self) -> EcosystemState {
        let row = (!self.row.is_empty()).then(|| UniformRow {
            fingerprint: uniform(),
            packages: self.row.iter().map(|&i| IDS[i].clone()).collect(),
        });
        let open = self.open.as_ref().map(|open| Open {
            since: now() - hours(1),
            until: now() + hours(open.until_in),
            level: open.level,
            signature: open.has_signature.then(uniform),
            reason: String::new(),
        });
        let entries = self.entries.iter().zip(IDS.iter());
        let queue = entries.map(|(entry, id)| (id.clone(), full_entry(entry.as_ref(), id)));
        let breaker =
            Breaker { unhealthy_runs: self.unhealthy_runs, open, row, ..Breaker::default() };
        EcosystemState { queue: queue.collect(), breaker }
    }
}

fn full_entry(entry: Option<&SmallEntry>, id: &PackageId) -> QueueEntry {
    let mut full = QueueEntry::new(id.clone(), Tier::REST, DateTime::UNIX_EPOCH);
    let Some(entry) = entry else { return QueueEntry { status: Status::Success, ..full } };
    let instant = |rank: u8| (0 < rank).then(|| now() - hours(u8::MAX - rank));
    full.consecutive_failures = entry.failures;
    full.next_retry_at = (0 < entry.retry_in).then(|| now() + hours(entry.retry_in));
    full.last_attempt_at = instant(entry.attempted);
    full.last_probe_at = instant(entry.probed);
    full
}

/// In how many hours `at` comes; 0 if it has been.
fn hours_until(at: DateTime<Utc>) -> u8 {
    (at - now()).num_hours().max(0).try_into().unwrap()
}

/// The rank of each instant, beginning with 1.
fn ranks(instants: impl Iterator<Item = DateTime<Utc>>) -> BTreeMap<DateTime<Utc>, u8> {
    let distinct: BTreeSet<DateTime<Utc>> = instants.collect();
    distinct.into_iter().zip(1..).collect()
}
