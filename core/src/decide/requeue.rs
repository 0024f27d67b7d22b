//! What becomes due again, or is needed now, because something else changed: packages that others
//! wait for, and packages whose last attempt had other inputs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        blockers::Graph,
        plan,
        route::{Overrides, Plugins, Queues},
    },
    model::{KnownRecipes, PackageId, QueueEntry, Status, Tier},
};

/// What requeueing depends on.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The recipes that exist.
    pub known: &'a KnownRecipes,
    /// What the plugins say.
    pub plugins: &'a dyn Plugins,
    /// The decisions of people about sources.
    pub overrides: &'a Overrides,
    /// Name and version of the generator that makes the next recipes; `None` if none will be made.
    pub generator: Option<&'a str>,
    /// The time.
    pub now: DateTime<Utc>,
}

/// The entries that change. Doing it again with them changes nothing.
#[must_use]
pub fn changed(queues: &Queues<'_>, inputs: &Inputs<'_>) -> Vec<QueueEntry> {
    let mut changes: BTreeMap<PackageId, QueueEntry> = BTreeMap::new();
    for entry in queues.values().flat_map(|queue| queue.values()) {
        if let Some(changed) = due_again(entry, inputs) {
            changes.insert(entry.id.clone(), changed);
        }
    }
    for (id, (tier, by)) in needed(queues, inputs.known) {
        let stored = queues.get(&id.ecosystem).and_then(|queue| queue.get(&id));
        match changes.get(&id).or(stored) {
            Some(entry) if entry.tier <= tier => (),
            Some(entry) => {
                let raised = QueueEntry { tier, ..entry.clone() };
                changes.insert(id, raised);
            }
            None if inputs.plugins.unsupported(&id).is_some() => (),
            None => {
                let notes = vec![format!("queued because {by} needs it")];
                let new = QueueEntry { notes, ..QueueEntry::new(id.clone(), tier, inputs.now) };
                changes.insert(id, new);
            }
        }
    }
    changes.into_values().collect()
}

/// Whether `after` is due at `now` and `before`, the same entry earlier, was not.
pub fn is_due_again(before: &QueueEntry, after: &QueueEntry, now: DateTime<Utc>) -> bool {
    let is_due = |entry: &QueueEntry| {
        let is_wanted = matches!(entry.status, Status::Pending | Status::Failed);
        is_wanted && plan::due_since(entry, now).is_some()
    };
    !is_due(before) && is_due(after)
}

/// The packages that others wait for, each with the best tier of those, and one that has it.
fn needed(queues: &Queues<'_>, known: &KnownRecipes) -> BTreeMap<PackageId, (Tier, PackageId)> {
    let graph = Graph::new(queues, known);
    let tier = |id: &PackageId| {
        queues.get(&id.ecosystem).and_then(|queue| queue.get(id)).map_or(Tier::REST, |it| it.tier)
    };
    let mut needed: BTreeMap<PackageId, (Tier, PackageId)> = BTreeMap::new();
    let mut waiting: Vec<(Tier, &PackageId)> =
        graph.missing().map(|(id, _)| (tier(id), id)).collect();
    // The most important ones first, so that each package gets its tier once.
    waiting.sort_unstable();
    for (tier, start) in waiting {
        let mut next = vec![start];
        while let Some(id) = next.pop() {
            for missing in graph.missing_of(id).into_iter().flatten() {
                if !needed.contains_key(missing) {
                    needed.insert(missing.clone(), (tier, start.clone()));
                    next.push(missing);
                }
            }
        }
    }
    needed
}

/// `entry` without its waiting time, if its last attempt had other inputs than the next one; `None`
/// if it does not wait, or if nothing changed.
fn due_again(entry: &QueueEntry, inputs: &Inputs<'_>) -> Option<QueueEntry> {
    let waits = entry.next_retry_at.is_some_and(|at| inputs.now < at);
    // A fault is no judgement about the inputs.
    if !waits || entry.status != Status::Failed {
        return None;
    }
    let has_newer = || {
        let (before, now) = (entry.generator_version.as_deref()?, inputs.generator?);
        is_other_version(before, now).then_some(())
    };
    let is_selected_since = || {
        let selects = |at: &DateTime<Utc>| entry.last_attempt_at.is_some_and(|last| last < *at);
        let sources = inputs.overrides.iter().filter(|source| source.selected == entry.id);
        sources.filter_map(|source| source.reviewed_at).any(|at| selects(&at))
    };
    (has_newer().is_some() || is_selected_since()).then(|| {
        let mut entry = entry.clone();
        end_wait(&mut entry);
        entry
    })
}

/// Notes that a list of the registry names `version` as the newest one of `entry`. If the last attempt
/// failed with another version, and no list named this one before, the entry is due at once. Versions
/// are only compared for equality: it does not matter how many of them nobody attempted, because a
/// person made their recipe or for another reason.
pub(in crate::decide) fn note_version(entry: &mut QueueEntry, version: &str) {
    let before = entry.listed_version.replace(version.to_owned());
    let is_attempted = entry.upstream_version.as_deref() == Some(version);
    let known = before.or_else(|| entry.upstream_version.clone());
    let is_new = known.is_some_and(|known| known != version) && !is_attempted;
    if is_new && entry.status == Status::Failed {
        end_wait(entry);
    }
}

/// Ends the waiting time of an entry that failed: what the failures were about has changed.
fn end_wait(entry: &mut QueueEntry) {
    entry.next_retry_at = None;
    (entry.consecutive_failures, entry.consecutive_faults) = (0, 0);
}

/// Whether both are the same generator in different versions. Another generator is no newer one: an
/// operator may use two of them in turn.
fn is_other_version(before: &str, now: &str) -> bool {
    let name = |text: &str| text.split_whitespace().next().map(str::to_owned);
    before != now && name(before) == name(now)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{
        decide::blockers::tests::{AnyPlugins, ECO, id},
        model::{CuratedSource, Queue, SCHEMA_VERSION},
    };

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn entry(name: &str, tier: u8, by: &[&str]) -> QueueEntry {
        let mut entry = QueueEntry::new(id(name), Tier::try_from(tier).unwrap(), NOW);
        if !by.is_empty() {
            let by = by.iter().map(|name| name.parse().unwrap()).collect();
            entry.status = Status::Blocked { by };
        }
        entry
    }

    /// `queue` after requeueing it with `overrides` and the generator `builtin 2`.
    fn requeued(queue: &Queue, overrides: &Overrides) -> (Vec<PackageId>, Queue) {
        let known = KnownRecipes::default();
        let inputs = Inputs {
            known: &known,
            plugins: &AnyPlugins,
            overrides,
            generator: Some("builtin 2"),
            now: NOW,
        };
        let mut after = queue.clone();
        let changes = changed(&Queues::from([(&ECO, queue)]), &inputs);
        let ids = changes.iter().map(|entry| entry.id.clone()).collect();
        after.extend(changes.into_iter().map(|entry| (entry.id.clone(), entry)));
        assert_eq!(changed(&Queues::from([(&ECO, &after)]), &inputs), [], "repeatable");
        (ids, after)
    }

    fn of(entries: impl IntoIterator<Item = QueueEntry>) -> Queue {
        entries.into_iter().map(|entry| (entry.id.clone(), entry)).collect()
    }

    #[test]
    fn a_missing_dependency_is_queued_and_as_important_as_what_needs_it() {
        let queue = of([
            entry("tool", 1, &["mid", "o/tap"]),
            entry("other", 2, &["mid", "old"]),
            entry("mid", 3, &["lib"]),
            entry("old", 1, &[]),
        ]);
        let (ids, after) = requeued(&queue, &Overrides::default());
        assert_eq!(ids, [id("lib"), id("mid")]);
        let tier = |name: &str| u8::from(after[&id(name)].tier);
        assert_eq!((tier("lib"), tier("mid"), tier("old")), (1, 1, 1));
        assert_eq!(after[&id("lib")].notes, ["queued because eco:tool needs it"]);
        assert!(!after.contains_key(&id("o/tap")), "no plugin builds it");
    }

    #[test]
    fn a_circle_of_dependencies_ends() {
        let queue = of([entry("a", 1, &["b"]), entry("b", 3, &["a"])]);
        let (ids, _) = requeued(&queue, &Overrides::default());
        assert_eq!(ids, [id("b")]);
    }

    #[test]
    fn other_inputs_end_the_waiting_time_of_a_failed_package() {
        let waiting = |name: &str, generator: &str| QueueEntry {
            status: Status::Failed,
            next_retry_at: Some(NOW + TimeDelta::days(30)),
            last_attempt_at: Some(NOW - TimeDelta::days(1)),
            consecutive_failures: 4,
            generator_version: Some(generator.to_owned()),
            ..entry(name, 3, &[])
        };
        let fault = QueueEntry { status: Status::Pending, ..waiting("fault", "builtin 1") };
        let queue = of([
            waiting("same", "builtin 2"),
            waiting("newer", "builtin 1"),
            waiting("another", "tsuku 1"),
            waiting("selected", "builtin 2"),
            fault,
        ]);
        let source = CuratedSource {
            schema_version: SCHEMA_VERSION,
            tool: "tool".parse().unwrap(),
            selected: id("selected"),
            recipe_name: None,
            alternatives: vec![],
            selection_reason: String::new(),
            high_risk: false,
            reviewed_at: Some(NOW),
            expires_at: None,
        };
        let overrides = Overrides::in_force(&[source], None, NOW);
        let (ids, after) = requeued(&queue, &overrides);
        assert_eq!(ids, [id("newer"), id("selected")]);
        let newer = &after[&id("newer")];
        assert_eq!((newer.next_retry_at, newer.consecutive_failures), (None, 0));
    }
}
