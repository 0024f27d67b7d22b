//! When entries that waited for recipes were released, which queues do not say.

use std::collections::{HashMap, HashSet};

use batch_core::{
    decide::plan,
    io::StateReader as _,
    model::{PackageId, QueueEntry, Status},
};
use batch_sim::MemoryState;
use chrono::{DateTime, Utc};

/// The entries that wait for recipes, and when the others were released that waited.
#[derive(Debug, Default)]
pub(super) struct Releases {
    waiting: HashSet<PackageId>,
    released_at: HashMap<PackageId, DateTime<Utc>>,
    run_started_at: DateTime<Utc>,
    /// The packages that the present run attempts.
    attempted: Vec<PackageId>,
}

impl Releases {
    /// Nothing was released so far in `state`.
    pub(super) fn new(state: &MemoryState) -> Self {
        let ids = state.queued_ecosystems().unwrap_or_default();
        let queues = ids.iter().filter_map(|id| state.queue(id).ok().flatten());
        let waiting = queues.flat_map(|file| {
            let waiting = file.entries.values().filter(|entry| is_waiting(entry));
            waiting.map(|entry| entry.id.clone()).collect::<Vec<_>>()
        });
        Self { waiting: waiting.collect(), ..Self::default() }
    }

    /// A run starts at `now`.
    pub(super) fn run_starts(&mut self, now: DateTime<Utc>) {
        self.run_started_at = now;
    }

    /// The present run attempts `entry`. Since when it has been due at `now`; `None` if it was not.
    pub(super) fn attempted(
        &mut self,
        entry: &QueueEntry,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        self.attempted.push(entry.id.clone());
        self.due_since(entry, now)
    }

    /// The run that started last has left `state`, finished or not.
    pub(super) fn run_ended(&mut self, state: &MemoryState) {
        let waits = |id: &PackageId| {
            let file = state.queue(&id.ecosystem).ok().flatten();
            file.is_some_and(|file| file.entries.get(id).is_some_and(is_waiting))
        };
        let (at, released_at) = (self.run_started_at, &mut self.released_at);
        self.waiting.retain(|id| {
            let waits = waits(id);
            if !waits {
                released_at.insert(id.clone(), at);
            }
            waits
        });
        self.waiting.extend(self.attempted.drain(..).filter(waits));
    }

    /// Since when `entry` has been due at `now`; `None` if it is not.
    pub(super) fn due_since(
        &self,
        entry: &QueueEntry,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let since = plan::due_since(entry, now)?;
        let in_this_run = self.waiting.contains(&entry.id).then_some(self.run_started_at);
        let released_at = in_this_run.or_else(|| self.released_at.get(&entry.id).copied());
        Some(released_at.map_or(since, |at| since.max(at)))
    }
}

fn is_waiting(entry: &QueueEntry) -> bool {
    matches!(entry.status, Status::Blocked { .. })
}

#[cfg(test)]
mod tests {
    use batch_core::{
        io::{QueueFile, StateWriter as _},
        model::{EcosystemId, QueueHeader, Tier, TierMeanings},
    };

    use super::*;

    const ECO: EcosystemId = EcosystemId::from_static("eco");

    fn second(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n, 0).unwrap()
    }

    /// A state whose only entry was attempted at the second 5 and has this status.
    fn state(status: Status) -> (MemoryState, QueueEntry) {
        let id: PackageId = "eco:a".parse().unwrap();
        let entry = QueueEntry {
            status,
            last_attempt_at: Some(second(5)),
            ..QueueEntry::new(id.clone(), Tier::REST, second(0))
        };
        let header =
            QueueHeader { ecosystem: ECO, updated_at: second(0), tiers: TierMeanings::default() };
        let entries = [(id, entry.clone())].into();
        (MemoryState::new([QueueFile { header, entries, quarantined: vec![] }]), entry)
    }

    fn set(state: &MemoryState, entry: &QueueEntry) {
        let file = state.queue(&ECO).unwrap().unwrap();
        state.put_entries(file, [(entry.id.clone(), entry.clone())].into(), second(0)).unwrap();
    }

    fn blocked() -> Status {
        Status::Blocked { by: vec!["b".parse().unwrap()] }
    }

    #[test]
    fn what_never_waited_is_due_since_its_own_times_say_so() {
        let (state, entry) = state(Status::Pending);
        assert_eq!(Releases::new(&state).due_since(&entry, second(9)), Some(second(5)));
    }

    #[test]
    fn what_waited_is_due_since_the_run_that_released_it() {
        let (state, before) = state(blocked());
        let mut releases = Releases::new(&state);
        releases.run_starts(second(100));
        releases.run_ended(&state);
        let free = QueueEntry { status: Status::Pending, ..before };
        set(&state, &free);
        releases.run_starts(second(200));
        // It may be attempted at once.
        assert_eq!(releases.attempted(&free, second(201)), Some(second(200)));
        releases.run_ended(&state);
        releases.run_starts(second(300));
        assert_eq!(releases.due_since(&free, second(301)), Some(second(200)));
    }

    #[test]
    fn what_an_attempt_blocked_waits_too() {
        let (state, pending) = state(Status::Pending);
        let mut releases = Releases::new(&state);
        releases.run_starts(second(100));
        releases.attempted(&pending, second(101));
        set(&state, &QueueEntry { status: blocked(), ..pending.clone() });
        releases.run_ended(&state);
        set(&state, &pending);
        releases.run_starts(second(200));
        releases.run_ended(&state);
        assert_eq!(releases.due_since(&pending, second(201)), Some(second(200)));
    }
}
