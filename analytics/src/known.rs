//! What is known about each package.

use std::{cmp::Reverse, sync::Arc};

use batch_core::model::{
    FailureRecord, PackageId, QueueEntry, RecipeName, RunRecord, Status, StatusLabel, slug,
};

use crate::{
    Map,
    entries::Entries,
    page::N_ROWS,
    path,
    tried::{Attempts, Tried},
};

/// A package that is in a queue or was attempted.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) id: &'a PackageId,
    pub(crate) entry: Option<&'a QueueEntry>,
    /// The path of the list whose row stands for the package; `None` if it has a page of its own.
    row: Option<Arc<str>>,
    /// The numbers of its attempts, the newest first.
    attempts: Vec<usize>,
    /// Newest first.
    pub(crate) failures: Vec<&'a FailureRecord>,
    pub(crate) recipe: Option<&'a RecipeName>,
}

impl<'a> Known<'a> {
    fn new(id: &'a PackageId, entry: Option<&'a QueueEntry>) -> Self {
        let recipe = entry.and_then(|entry| entry.recipe.as_ref());
        Self { id, entry, row: None, attempts: vec![], failures: vec![], recipe }
    }

    /// Whether a row of a list is all that is said about it: it waits for its first attempt.
    fn is_row(&self) -> bool {
        let waits =
            |entry: &QueueEntry| entry.status == Status::Pending && entry.last_attempt_at.is_none();
        self.attempts.is_empty() && self.entry.is_some_and(waits)
    }

    /// The address of everything that is known about it, relative to the top of the site: its page or
    /// its row.
    pub(crate) fn href(&self) -> String {
        match &self.row {
            None => path::package(self.id),
            Some(list) => [&**list, "#p-", &slug(self.id.name.as_str())].concat(),
        }
    }

    pub(crate) fn n_attempts(&self) -> usize {
        self.attempts.len()
    }

    /// The attempts at it, newest first.
    pub(crate) fn attempts<'s>(
        &'s self,
        all: &'s Attempts<'a>,
    ) -> impl DoubleEndedIterator<Item = &'s Tried<'a>> + ExactSizeIterator + use<'s, 'a> {
        self.attempts.iter().map(|&i| &all.all[i])
    }
}

/// All packages, with the way to find them.
#[derive(Debug, Default)]
pub(crate) struct Packages<'a> {
    /// First those of the queues, in the order of their numbers.
    all: Vec<Known<'a>>,
    numbers: Map<&'a PackageId, usize>,
    n_queued: usize,
}

impl<'a> Packages<'a> {
    /// From `failures`, newest first.
    pub(crate) fn new(
        entries: &Entries<'a>,
        attempts: &Attempts<'a>,
        failures: &'a [FailureRecord],
        runs: &'a [RunRecord],
    ) -> Self {
        let n_queued = entries.all.len();
        let all = entries.all.iter().map(|entry| Known::new(&entry.id, Some(entry))).collect();
        let mut packages = Self { all, numbers: Map::default(), n_queued };
        // Making room for all at once takes less time than making it again and again.
        packages.numbers.reserve(n_queued);
        packages.numbers.extend(entries.all.iter().enumerate().map(|(i, entry)| (&entry.id, i)));
        for (i, tried) in attempts.all.iter().enumerate() {
            packages.found(tried.package).attempts.push(i);
        }
        let all = &attempts.all;
        let key = |&i: &usize| (Reverse(all[i].at), Reverse(all[i].batch_id));
        packages.all.iter_mut().for_each(|known| known.attempts.sort_by_key(key));
        for failure in failures {
            packages.found(&failure.package_id).failures.push(failure);
        }
        packages.give_rows(entries);
        packages.match_recipes(attempts, runs);
        packages
    }

    /// What is known about `id`, which is known from now on.
    fn found(&mut self, id: &'a PackageId) -> &mut Known<'a> {
        let i = *self.numbers.entry(id).or_insert(self.all.len());
        if i == self.all.len() {
            self.all.push(Known::new(id, None));
        }
        &mut self.all[i]
    }

    /// Finds the row that stands for a package, if it has no page.
    fn give_rows(&mut self, entries: &Entries<'a>) {
        for ecosystem in entries.ecosystems() {
            let stem = path::status_in(ecosystem, StatusLabel::Pending);
            let numbers = entries.numbers(Some(ecosystem), Some(StatusLabel::Pending));
            for (n, rows) in numbers.chunks(N_ROWS).enumerate() {
                let list: Arc<str> = path::list(&stem, n + 1).into();
                for &i in rows {
                    let known = &mut self.all[i];
                    known.row = known.is_row().then(|| Arc::clone(&list));
                }
            }
        }
    }

    /// Finds out which recipe belongs to which package. Entries say it. Otherwise a run lists its
    /// packages and its recipes in the same order, so the verified packages and the recipes match one
    /// by one. If their numbers differ, none is matched.
    fn match_recipes(&mut self, attempts: &Attempts<'a>, runs: &'a [RunRecord]) {
        for run in runs.iter().filter(|run| !run.recipes_generated.is_empty()) {
            let of_run = attempts.of_batch(&run.batch_id);
            let verified: Vec<&PackageId> =
                of_run.filter(|it| it.ended.is_verified()).map(|it| it.package).collect();
            if verified.len() == run.recipes_generated.len() {
                for (id, recipe) in verified.into_iter().zip(&run.recipes_generated) {
                    self.found(id).recipe.get_or_insert(recipe);
                }
            }
        }
    }

    pub(crate) fn get(&self, id: &PackageId) -> Option<&Known<'a>> {
        Some(&self.all[*self.numbers.get(id)?])
    }

    /// Those that are in a queue; a number of an entry is the position.
    pub(crate) fn queued(&self) -> &[Known<'a>] {
        &self.all[..self.n_queued]
    }

    /// Those that have a page of their own.
    pub(crate) fn with_page(&self) -> Vec<&Known<'a>> {
        self.all.iter().filter(|known| known.row.is_none()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn failure(batch_id: &str, timestamp: &str) -> FailureRecord {
        let record = json!({
            "schema_version": 2, "id": batch_id, "package_id": "eco:a", "ecosystem": "eco",
            "batch_id": batch_id, "stage": "validate", "category": "validation_failed",
            "subcategory": "install_failed", "confidence": "stated", "message": "m",
            "fingerprint": "00000000000000ff", "timestamp": timestamp,
        });
        serde_json::from_value(record).unwrap()
    }

    /// Imported failures have no run, whether they are older or newer than those that have one.
    #[test]
    fn attempts_are_in_the_order_of_time_with_a_run_and_without() {
        let run = json!({
            "schema_version": 2, "batch_id": "with-run", "timestamp": "2026-01-02T00:00:00Z",
            "duration_seconds": 1, "outcome": "ran", "total": 1, "succeeded": 0, "failed": 1,
            "blocked": 0, "generated": 0, "merged": 0, "packages_processed": ["eco:a"],
        });
        let runs: Vec<RunRecord> = vec![serde_json::from_value(run).unwrap()];
        let failures = [
            failure("newer", "2026-01-03T00:00:00Z"),
            failure("with-run", "2026-01-02T00:00:00Z"),
            failure("older", "2026-01-01T00:00:00Z"),
        ];
        let attempts = Attempts::new(&runs, &failures);
        let queues = BTreeMap::new();
        let packages = Packages::new(&Entries::new(&queues), &attempts, &failures, &runs);
        let known = packages.get(&failures[0].package_id).unwrap();
        let batches: Vec<&str> = known.attempts(&attempts).map(|it| it.batch_id).collect();
        assert_eq!(batches, ["newer", "with-run", "older"]);
        assert_eq!((known.href().as_str(), packages.with_page().len()), ("p/eco/a.html", 1));
    }
}
