//! The records with the indexes that the pages need.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use batch_core::{
    decide::headline::{Headline, Remedy, remedy},
    model::{
        EcosystemId, FailureRecord, Fingerprint, PackageId, QueueEntry, RecipeName, RunRecord,
        Status, StatusLabel, slug,
    },
    plugin::Registry,
};
use chrono::{DateTime, Utc};

use crate::{
    Circumstances,
    blockers::{self, Blocker},
    causes::{self, Cause},
    entries::Entries,
    newest::newest,
    page::N_ROWS,
    path,
    records::Records,
    shown::{Shown, view},
    text::https_url,
    threads,
    tried::{Attempts, Tried},
};

/// Where everything that is known about a package is.
#[derive(PartialEq, Eq)]
enum Address {
    /// On a page of its own.
    Page,
    /// In a row on the page at this path: one of its ecosystem's list of pending entries.
    Row(Arc<str>),
}

/// Borrows from one set of records. Lists are in the order in which pages show them.
pub(crate) struct Site<'a> {
    pub(crate) records: &'a Records,
    pub(crate) circumstances: &'a Circumstances<'a>,
    /// The time for which the pages are made.
    pub(crate) as_of: DateTime<Utc>,
    /// The time of the newest record; `None` if there is no record.
    pub(crate) data_as_of: Option<DateTime<Utc>>,
    pub(crate) causes: Vec<Cause<'a>>,
    pub(crate) blockers: Vec<Blocker<'a>>,
    blockers_by_id: HashMap<PackageId, usize>,
    pub(crate) entries: Entries<'a>,
    /// The names of all recipes.
    recipe_names: HashSet<&'a str>,
    pub(crate) attempts: Attempts<'a>,
    /// Where everything that is known about a package is.
    addresses: HashMap<&'a PackageId, Address>,
    /// Every run that has a page. Runs of imported failures have no record.
    pub(crate) batches: HashMap<&'a str, Option<&'a RunRecord>>,
    causes_by_fingerprint: HashMap<Fingerprint, usize>,
    /// By the ids of the failures; many pages show each of them.
    shown: HashMap<&'a str, Shown>,
    failures_by_run: HashMap<&'a str, Vec<&'a FailureRecord>>,
    failures_by_package: HashMap<&'a PackageId, Vec<&'a FailureRecord>>,
    recipes: HashMap<&'a PackageId, &'a RecipeName>,
    /// The address of the repository of the recipes, if a run says it.
    forge: Option<&'a str>,
}

impl<'a> Site<'a> {
    pub(crate) fn new(records: &'a Records, circumstances: &'a Circumstances<'a>) -> Self {
        let as_of = circumstances.as_of;
        let (attempts, (causes, blockers, entries)) = threads::both(
            || Attempts::new(&records.runs, &records.failures),
            || {
                let causes = causes::rank(&records.failures);
                (causes, blockers::rank(records), Entries::new(&records.queues))
            },
        );
        let by_fingerprint = causes.iter().enumerate().map(|(i, it)| (it.fingerprint, i));
        let shown = threads::map(&records.failures, |it| Shown::new(circumstances.registry, it));
        let ids = records.failures.iter().map(|failure| &*failure.id);
        let ids_of_blockers = blockers.iter().enumerate().map(|(i, it)| (it.id.clone(), i));
        let mut site = Self {
            records,
            circumstances,
            as_of,
            data_as_of: newest(records, as_of),
            causes_by_fingerprint: by_fingerprint.collect(),
            shown: ids.zip(shown).collect(),
            causes,
            blockers_by_id: ids_of_blockers.collect(),
            blockers,
            // Making room for all at once takes less time than making it again and again.
            addresses: HashMap::with_capacity(entries.all.len()),
            entries,
            recipe_names: records.recipe_names.iter().map(RecipeName::as_str).collect(),
            batches: attempts.batches().map(|id| (id, None)).collect(),
            attempts,
            failures_by_run: HashMap::with_capacity(records.runs.len()),
            failures_by_package: HashMap::with_capacity(records.failures.len()),
            recipes: HashMap::new(),
            forge: records.runs.iter().find_map(|run| forge(run.workflow_run_url.as_deref()?)),
        };
        for failure in &records.failures {
            site.failures_by_run.entry(&failure.batch_id).or_default().push(failure);
            site.failures_by_package.entry(&failure.package_id).or_default().push(failure);
        }
        site.batches.extend(records.runs.iter().map(|run| (&*run.batch_id, Some(run))));
        site.give_addresses();
        site.match_recipes();
        site
    }

    /// Gives each package its page, or the row that stands for it.
    fn give_addresses(&mut self) {
        let is_row =
            |entry: &QueueEntry| entry.status == Status::Pending && entry.last_attempt_at.is_none();
        let pending = StatusLabel::Pending;
        for ecosystem in self.records.queues.keys() {
            let stem = path::status_in(ecosystem, pending);
            let numbers = self.entries.numbers(Some(ecosystem), Some(pending));
            for (n, rows) in numbers.chunks(N_ROWS).enumerate() {
                let list: Arc<str> = path::list(&stem, n + 1).into();
                let entries = rows.iter().map(|&i| self.entries.all[i]);
                let row = |entry: &'a QueueEntry| (&entry.id, Address::Row(Arc::clone(&list)));
                self.addresses.extend(entries.filter(|entry| is_row(entry)).map(row));
            }
        }
        let others = self.entries.all.iter().filter(|entry| !is_row(entry));
        let others = others.map(|entry| &entry.id);
        // Whatever was attempted has its page.
        let others = others.chain(self.attempts.packages());
        self.addresses.extend(others.map(|id| (id, Address::Page)));
    }

    /// Finds out which recipe belongs to which package. Entries say it. Otherwise a run lists its
    /// packages and its recipes in the same order, so the verified packages and the recipes match one
    /// by one. If their numbers differ, none is matched.
    fn match_recipes(&mut self) {
        let entries = self.records.queues.values().flat_map(BTreeMap::values);
        self.recipes.extend(entries.filter_map(|it| Some((&it.id, it.recipe.as_ref()?))));
        for run in &self.records.runs {
            let verified: Vec<&PackageId> = self
                .attempts
                .of_batch(&run.batch_id)
                .filter(|tried| tried.ended.is_verified())
                .map(|tried| tried.package)
                .collect();
            if verified.len() == run.recipes_generated.len() {
                for (id, recipe) in verified.into_iter().zip(&run.recipes_generated) {
                    self.recipes.entry(id).or_insert(recipe);
                }
            }
        }
    }

    /// The cause of `failure` in one line.
    pub(crate) fn headline(&self, failure: &FailureRecord) -> &Headline {
        &self.shown(failure).headline
    }

    /// What many pages show of `failure`.
    pub(crate) fn shown(&self, failure: &FailureRecord) -> &Shown {
        &self.shown[&*failure.id]
    }

    /// Whether a failure of that id has a page.
    pub(crate) fn has_failure(&self, id: &str) -> bool {
        self.shown.contains_key(id)
    }

    /// What a person can do about `failure`.
    pub(crate) fn remedy(&self, failure: &FailureRecord) -> Remedy {
        remedy(&view(self.circumstances.registry, failure))
    }

    pub(crate) fn failures_of(&self, batch_id: &str) -> &[&'a FailureRecord] {
        self.failures_by_run.get(batch_id).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn failures_with(&self, id: &PackageId) -> &[&'a FailureRecord] {
        self.failures_by_package.get(id).map_or(&[], Vec::as_slice)
    }

    /// The last attempts at a package, at most `n`, newest first.
    pub(crate) fn last_attempts(&self, id: &PackageId, n: usize) -> Vec<&Tried<'a>> {
        self.attempts.of_package(id).take(n).collect()
    }

    pub(crate) fn entry(&self, id: &PackageId) -> Option<&'a QueueEntry> {
        self.records.queues.get(&id.ecosystem)?.get(id)
    }

    /// The address of everything that is known about a package, relative to the top of the site: its
    /// page or its row; empty if nothing is known about it.
    pub(crate) fn package_href(&self, id: &PackageId) -> String {
        match self.addresses.get(id) {
            None => String::new(),
            Some(Address::Page) => path::package(id),
            Some(Address::Row(list)) => [&**list, "#p-", &slug(id.name.as_str())].concat(),
        }
    }

    /// Every package that has a page, in no order.
    pub(crate) fn packages(&self) -> Vec<&'a PackageId> {
        let pages = self.addresses.iter().filter(|(_, address)| **address == Address::Page);
        pages.map(|(id, _)| *id).collect()
    }

    /// The failures with the same fingerprint.
    pub(crate) fn cause(&self, fingerprint: Fingerprint) -> Option<&Cause<'a>> {
        let i = *self.causes_by_fingerprint.get(&fingerprint)?;
        Some(&self.causes[i])
    }

    /// The address of the package in its registry.
    pub(crate) fn registry_page(&self, id: &PackageId) -> Option<String> {
        https_url(&self.circumstances.registry?.get(&id.ecosystem)?.names.web_page(&id.name)?)
    }

    /// The newest run that attempted something, of one ecosystem or of any.
    pub(crate) fn newest_batch(&self, id: Option<&EcosystemId>) -> Option<&'a str> {
        self.attempts.newest_batches(id, self.as_of).first().map(|(batch, _)| *batch)
    }

    /// The name and the text of the recipe of `id`, if it still exists.
    pub(crate) fn recipe(&self, id: &PackageId) -> Option<(&'a RecipeName, &'a str)> {
        let name = *self.recipes.get(id)?;
        Some((name, self.records.recipes.get(name)?))
    }

    /// The name of the recipe of `id`, whether or not its text is there.
    pub(crate) fn recipe_name(&self, id: &PackageId) -> Option<&'a RecipeName> {
        self.recipes.get(id).copied()
    }

    /// The address of a file of the repository on its main branch.
    pub(crate) fn on_forge(&self, file: &str) -> Option<String> {
        Some(format!("{}/blob/main/{file}", self.forge?))
    }

    /// The package as a blocker of others.
    pub(crate) fn blocker(&self, id: &PackageId) -> Option<&Blocker<'a>> {
        Some(&self.blockers[*self.blockers_by_id.get(id)?])
    }

    /// Whether there is a recipe of that name.
    pub(crate) fn has_recipe(&self, name: &str) -> bool {
        self.recipe_names.contains(name)
    }

    /// Every ecosystem that occurs in the records or has a plugin, in the order of the rotation, then by name.
    pub(crate) fn ecosystems(&self) -> Vec<&'a EcosystemId> {
        let records = self.records;
        let of_runs = records.runs.iter().filter_map(|run| run.ecosystem.as_ref());
        let of_failures = records.failures.iter().map(|failure| &failure.package_id.ecosystem);
        let known = records.queues.keys().chain(records.control.ecosystems.keys());
        let served = self
            .circumstances
            .registry
            .into_iter()
            .flat_map(Registry::iter)
            .map(|plugin| &plugin.id);
        let all = known.chain(of_runs).chain(of_failures).chain(served);
        let all: BTreeSet<&EcosystemId> = all.collect();
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|id| (self.rank(id), *id));
        all
    }

    /// Whether a plugin serves the ecosystem. Without a registry every ecosystem counts as served.
    pub(crate) fn is_served(&self, id: &EcosystemId) -> bool {
        self.circumstances.registry.is_none_or(|registry| registry.get(id).is_some())
    }

    fn rank(&self, id: &EcosystemId) -> u16 {
        let plugin = self.circumstances.registry.and_then(|registry| registry.get(id));
        plugin.map_or(u16::MAX, |plugin| plugin.rotation_rank)
    }
}

/// The address of the repository in the address of one of its workflow runs.
fn forge(workflow_run_url: &str) -> Option<&str> {
    https_url(workflow_run_url)?;
    let (repository, _) = workflow_run_url.split_once("/actions/runs/")?;
    (repository.matches('/').count() == 4).then_some(repository)
}
