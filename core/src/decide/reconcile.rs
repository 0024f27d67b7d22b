//! Bringing a queue up to date with the recipes that are there.

use std::collections::BTreeSet;

use crate::model::{KnownRecipes, PackageName, Queue, QueueEntry, Status};

/// What a recipe that is there, or is not, changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Entries whose recipe turned out to be there.
    pub merged: usize,
    /// Entries whose recipe turned out to be gone.
    pub vanished: usize,
    /// Entries that waited for recipes which are there now.
    pub released: usize,
}

/// `queue` as the recipes say, `installed` being what they install and `known` what may be depended
/// on: without a forge, a recipe that is written counts as merged, and one that was deleted is wanted
/// again. An entry that waited for recipes is due as soon as all of them are there. What a person
/// decided stands.
pub fn queue(
    queue: &mut Queue,
    installed: &BTreeSet<PackageName>,
    known: &KnownRecipes,
) -> Changes {
    let mut changes = Changes::default();
    for entry in queue.values_mut() {
        let is_there = installed.contains(&entry.id.name);
        match &entry.status {
            Status::Pending
            | Status::Failed
            | Status::InProgress { .. }
            | Status::Blocked { .. }
                if is_there =>
            {
                changes.merged += 1;
                settle(entry, Status::Success);
            }
            Status::Success if !is_there => {
                changes.vanished += 1;
                settle(entry, Status::Pending);
            }
            Status::Blocked { by } if by.iter().all(|name| known.provides(name.as_str())) => {
                changes.released += 1;
                settle(entry, Status::Pending);
            }
            Status::Pending
            | Status::Failed
            | Status::InProgress { .. }
            | Status::Blocked { .. }
            | Status::Success
            | Status::RequiresManual { .. }
            | Status::Excluded { .. } => (),
        }
    }
    changes
}

fn settle(entry: &mut QueueEntry, status: Status) {
    entry.status = status;
    entry.next_retry_at = None;
    (entry.consecutive_failures, entry.consecutive_faults) = (0, 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records;

    #[test]
    fn a_recipe_that_is_there_is_merged_and_one_that_is_gone_is_wanted_again() {
        let mut entries = records::queue([("a", 1, 0), ("b", 1, 0), ("c", 1, 0), ("d", 1, 0)]);
        let excluded = Status::Excluded { reason: "operator".to_owned() };
        for (entry, status) in entries.values_mut().zip([
            Status::Failed,
            Status::Success,
            excluded.clone(),
            Status::Pending,
        ]) {
            entry.status = status;
        }
        let installed = ["a", "c"].map(|name| name.parse().unwrap()).into();
        let none = KnownRecipes::default();
        let changes = queue(&mut entries, &installed, &none);
        assert_eq!(changes, Changes { merged: 1, vanished: 1, released: 0 });
        let statuses: Vec<Status> = entries.values().map(|entry| entry.status.clone()).collect();
        assert_eq!(statuses, [Status::Success, Status::Pending, excluded, Status::Pending]);
        assert_eq!(queue(&mut entries, &installed, &none), Changes::default(), "repeatable");
    }

    #[test]
    fn an_entry_is_due_as_soon_as_everything_that_it_waited_for_is_there() {
        let mut entries = records::queue([("a", 1, 0)]);
        let by = vec!["ssl@3".parse().unwrap(), "z".parse().unwrap()];
        let waiting = Status::Blocked { by };
        for entry in entries.values_mut() {
            entry.status = waiting.clone();
        }
        let mut known = KnownRecipes::default();
        let satisfies = [("zoo".to_owned(), vec!["ssl@3".to_owned()])].into();
        known.add_named(&"ssl".parse().unwrap(), &satisfies);
        assert_eq!(queue(&mut entries, &BTreeSet::new(), &known), Changes::default());
        assert!(entries.values().all(|entry| entry.status == waiting));
        known.add_named(&"z".parse().unwrap(), &[].into());
        let changes = queue(&mut entries, &BTreeSet::new(), &known);
        assert_eq!(changes, Changes { released: 1, ..Changes::default() });
        assert!(entries.values().all(|entry| entry.status == Status::Pending));
    }
}
