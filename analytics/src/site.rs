//! The records with the indexes that the pages need.

use std::collections::{BTreeSet, HashSet};

use batch_core::{
    decide::headline::{Headline, Remedy},
    model::{
        EcosystemId, FailureRecord, Fingerprint, PackageId, QueueEntry, RecipeName, RunRecord,
    },
    plugin::Registry,
};
use chrono::{DateTime, Utc};

use crate::{
    Circumstances, Map,
    blockers::{self, Blocker},
    causes::{self, Cause},
    entries::Entries,
    known::{Known, Packages},
    newest::newest,
    records::Records,
    shown::Shown,
    text::https_url,
    threads,
    tried::{Attempts, Tried},
};

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
    blockers_by_id: Map<PackageId, usize>,
    pub(crate) entries: Entries<'a>,
    /// The names of all recipes.
    recipe_names: HashSet<&'a str>,
    pub(crate) attempts: Attempts<'a>,
    pub(crate) packages: Packages<'a>,
    /// Every run that has a page. Runs of imported failures have no record.
    pub(crate) batches: Map<&'a str, Option<&'a RunRecord>>,
    causes_by_fingerprint: Map<Fingerprint, usize>,
    /// By the ids of the failures; many pages show each of them.
    shown: Map<&'a str, Shown>,
    failures_by_run: Map<&'a str, Vec<&'a FailureRecord>>,
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
        let (packages, shown) = threads::both(
            || Packages::new(&entries, &attempts, &records.failures, &records.runs),
            || threads::map(&records.failures, |it| Shown::new(circumstances.registry, it)),
        );
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
            packages,
            entries,
            recipe_names: records.recipe_names.iter().map(RecipeName::as_str).collect(),
            batches: attempts.batches().map(|id| (id, None)).collect(),
            attempts,
            failures_by_run: Map::default(),
            forge: records.runs.iter().find_map(|run| forge(run.workflow_run_url.as_deref()?)),
        };
        for failure in &records.failures {
            site.failures_by_run.entry(&failure.batch_id).or_default().push(failure);
        }
        site.batches.extend(records.runs.iter().map(|run| (&*run.batch_id, Some(run))));
        site
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
    pub(crate) fn remedy(&self, failure: &FailureRecord) -> &Remedy {
        &self.shown(failure).remedy
    }

    pub(crate) fn failures_of(&self, batch_id: &str) -> &[&'a FailureRecord] {
        self.failures_by_run.get(batch_id).map_or(&[], Vec::as_slice)
    }

    /// What is known about a package; `None` if it is in no queue and was never attempted.
    pub(crate) fn known(&self, id: &PackageId) -> Option<&Known<'a>> {
        self.packages.get(id)
    }

    /// The attempts at a package, newest first.
    pub(crate) fn attempts_at<'s>(
        &'s self,
        id: &PackageId,
    ) -> impl Iterator<Item = &'s Tried<'a>> + use<'s, 'a> {
        self.known(id).into_iter().flat_map(|known| known.attempts(&self.attempts))
    }

    pub(crate) fn entry(&self, id: &PackageId) -> Option<&'a QueueEntry> {
        self.known(id)?.entry
    }

    /// The address of everything that is known about a package, relative to the top of the site: its
    /// page or its row; empty if nothing is known about it.
    pub(crate) fn package_href(&self, id: &PackageId) -> String {
        self.known(id).map(Known::href).unwrap_or_default()
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
        let name = self.recipe_name(id)?;
        Some((name, self.records.recipes.get(name)?))
    }

    /// The name of the recipe of `id`, whether or not its text is there.
    pub(crate) fn recipe_name(&self, id: &PackageId) -> Option<&'a RecipeName> {
        self.known(id)?.recipe
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
