//! Decides which existing recipes are tested again.

use std::{cmp::Reverse, collections::BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::{
    BatchId, EcosystemId, Environment, PackageId, QueueEntry, RunRecord, Status, Verdict,
};

/// The `n` entries of `entries` whose recipes were verified longest ago, the oldest first. A recipe
/// that could not be tested goes to the end too, so that it does not keep others from their turn.
#[must_use]
pub fn oldest<'a>(
    entries: impl IntoIterator<Item = &'a QueueEntry>,
    n: usize,
) -> Vec<&'a QueueEntry> {
    let mut found: Vec<&QueueEntry> =
        entries.into_iter().filter(|entry| has_recipe(entry)).collect();
    found.sort_by_key(|entry| (last_looked_at(entry), entry.id.clone()));
    found.truncate(n);
    found
}

/// The entries of `entries` whose recipes were made since `since` and are not among `known`, the
/// newest first.
#[must_use]
pub fn lately<'a>(
    entries: impl IntoIterator<Item = &'a QueueEntry>,
    since: DateTime<Utc>,
    known: &BTreeSet<PackageId>,
) -> Vec<&'a QueueEntry> {
    let is_wanted = |entry: &&QueueEntry| {
        has_recipe(entry)
            && entry.last_attempt_at.is_some_and(|at| since <= at)
            && !known.contains(&entry.id)
    };
    let mut found: Vec<&QueueEntry> = entries.into_iter().filter(is_wanted).collect();
    found.sort_by_key(|entry| (Reverse(entry.last_attempt_at), entry.id.clone()));
    found
}

/// The entries of `entries` whose recipes lost cells that are to be tried again at `now`, the longest due
/// first, each with the environments in which it had failed. Only cells of which all those environments
/// are among `here` can be tried.
#[must_use]
pub fn rechecks<'a>(
    entries: impl IntoIterator<Item = &'a QueueEntry>,
    now: DateTime<Utc>,
    here: &dyn Fn(&EcosystemId, Environment) -> bool,
) -> Vec<(&'a QueueEntry, Vec<Environment>)> {
    let of = |entry: &'a QueueEntry| {
        let restriction = entry.restriction.as_ref().filter(|it| it.recheck_at <= now)?;
        let can_run = |place: &Environment| here(&entry.id.ecosystem, *place);
        let cells = restriction.removed.iter().filter(|cell| cell.failed_in.iter().all(can_run));
        let places: Vec<Environment> =
            cells.flat_map(|cell| cell.failed_in.iter().copied()).collect();
        (has_recipe(entry) && !places.is_empty()).then_some((restriction.recheck_at, entry, places))
    };
    let mut found: Vec<_> = entries.into_iter().filter_map(of).collect();
    found.sort_by_key(|(at, entry, _)| (*at, entry.id.clone()));
    found.into_iter().map(|(_, entry, places)| (entry, places)).collect()
}

/// Adds to `known` the packages whose recipes `run` has tested in `environment` with a result.
pub fn add_tested(known: &mut BTreeSet<PackageId>, run: &RunRecord, environment: Environment) {
    let has_result = |verdict: Verdict| matches!(verdict, Verdict::Pass | Verdict::Fail);
    let tested = run
        .results
        .iter()
        .filter(|result| result.environment == environment && has_result(result.result));
    known.extend(tested.map(|result| result.package_id.clone()));
}

fn last_looked_at(entry: &QueueEntry) -> DateTime<Utc> {
    let last_batch = entry.last_batch.as_ref().map(BatchId::started_at);
    last_batch.map_or(entry.last_verified_at(), |at| at.max(entry.last_verified_at()))
}

fn has_recipe(entry: &QueueEntry) -> bool {
    entry.status == Status::Success && entry.recipe.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decide::record,
        model::{EcosystemId, Queue, RecordedResult, ValidationSkip},
        records::queue,
    };

    fn second(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n, 0).unwrap()
    }

    /// Entries `a` to `d`; `d` has no recipe. `a` was attempted first, and verified again last.
    fn four() -> Queue {
        let mut queue = queue([("a", 1, 0), ("b", 1, 0), ("c", 1, 0), ("d", 1, 0)]);
        for (n, entry) in queue.values_mut().enumerate() {
            entry.last_attempt_at = Some(second(10 + i64::try_from(n).unwrap()));
            entry.recipe = Some("x".parse().unwrap());
            entry.status = Status::Success;
        }
        queue.first_entry().unwrap().get_mut().verified_at = Some(second(99));
        queue.last_entry().unwrap().get_mut().status = Status::Failed;
        queue
    }

    fn names(entries: &[&QueueEntry]) -> String {
        let names: Vec<&str> = entries.iter().map(|entry| entry.id.name.as_str()).collect();
        names.join(" ")
    }

    #[test]
    fn the_recipes_that_were_verified_longest_ago_come_first() {
        let queue = four();
        assert_eq!(names(&oldest(queue.values(), 2)), "b c");
        assert_eq!(names(&oldest(queue.values(), 9)), "b c a");
        // The sweep that looked at `b` could not test it.
        let mut queue = queue;
        let sweep = BatchId::new(EcosystemId::from_static("eco"), second(50));
        queue.get_mut(&"eco:b".parse().unwrap()).unwrap().last_batch = Some(sweep);
        assert_eq!(names(&oldest(queue.values(), 9)), "c b a");
    }

    #[test]
    fn recipes_of_the_period_that_an_environment_has_not_seen_are_tested_there() {
        let queue = four();
        assert_eq!(names(&lately(queue.values(), second(11), &BTreeSet::new())), "c b");
        let known = ["eco:c".parse().unwrap()].into();
        assert_eq!(names(&lately(queue.values(), second(11), &known)), "b");
    }

    #[test]
    fn only_a_result_in_the_same_environment_makes_a_recipe_known_there() {
        let (here, elsewhere) = (Environment::DebianX86, Environment::MacArm);
        let unknown = Verdict::Skipped { reason: ValidationSkip::Fault };
        let results = [
            ("eco:passed", here, Verdict::Pass),
            ("eco:failed", here, Verdict::Fail),
            ("eco:skipped", here, unknown),
            ("eco:blocked", here, Verdict::Blocked),
            ("eco:elsewhere", elsewhere, Verdict::Pass),
        ];
        let result = |(package, environment, result): (&str, Environment, Verdict)| {
            let package_id = package.parse().unwrap();
            RecordedResult { package_id, environment, result, tries: 1, duration_ms: 1 }
        };
        let run = RunRecord {
            results: results.map(result).to_vec(),
            ..record::empty_slot(None, second(0), String::new())
        };
        let mut known: BTreeSet<PackageId> = ["eco:before".parse().unwrap()].into();
        add_tested(&mut known, &run, here);
        let known: Vec<&str> = known.iter().map(|id| id.name.as_str()).collect();
        assert_eq!(known, ["before", "failed", "passed"]);
    }
}
