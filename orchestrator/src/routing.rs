//! Routes the queues of a root: reads what the decision in [`batch_core::decide::route`] depends on,
//! and writes the entries that change.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::{
        name_registry::NameRegistry,
        reserved::Reserved,
        route::{self, Overrides, Plugins, Queues, Rules},
    },
    io::{QueueFile, Records, StateReader, StateWriter},
    model::{
        CuratedSource, EcosystemId, OperatorChange, PackageFacts, PackageId, Queue, QueueEntry,
        RecipeName, SourceAudit, Threshold,
    },
    plugin::{EcosystemPlugin, RecipeBuilder, Registry},
};
use chrono::{DateTime, Utc};

use crate::{seeds, settings::Settings};

/// What routing depends on besides queues and recipes, read once.
pub struct Routing<'a> {
    registry: &'a Registry,
    /// The decisions of people, as they are stored.
    pub sources: Vec<CuratedSource>,
    /// Those that are in force.
    pub overrides: Overrides,
    /// The decisions of the earlier pipeline.
    pub audits: Vec<SourceAudit>,
    looked_at: &'a BTreeSet<PackageId>,
    now: DateTime<Utc>,
    /// What could not be read, each with file, line and reason.
    pub problems: Vec<String>,
}

impl<'a> Routing<'a> {
    /// Reads the decisions in `state`.
    pub fn read(
        state: &dyn StateReader,
        registry: &'a Registry,
        looked_at: &'a BTreeSet<PackageId>,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let (sources, audits) = (state.curated_sources()?, state.source_audits()?);
        let damaged = sources.quarantined.iter().chain(&audits.quarantined);
        let problems = damaged.map(ToString::to_string).collect();
        let overrides = in_force(&sources, registry, now);
        let (sources, audits) = (sources.records, audits.records);
        Ok(Self { registry, sources, overrides, audits, looked_at, now, problems })
    }

    /// The same with one more decision, as if it were stored.
    #[must_use]
    pub fn with(mut self, source: CuratedSource) -> Self {
        self.sources.retain(|other| other.tool != source.tool);
        self.sources.push(source);
        let is_complete = self.overrides.is_complete();
        let overrides = Overrides::in_force(&self.sources, reference(self.registry), self.now);
        self.overrides = if is_complete { overrides } else { overrides.with_damage() };
        self
    }

    /// The entries of `files` that change, where `recipes` exist.
    pub fn changed(
        &self,
        files: &BTreeMap<EcosystemId, Arc<QueueFile>>,
        recipes: &NameRegistry,
    ) -> Vec<QueueEntry> {
        let plugins = LinkedPlugins(self.registry);
        route::changed(&queues(files), &self.rules(recipes, &plugins))
    }

    /// What belongs to packages in `files` that have no recipes, where `recipes` exist.
    pub fn reserved(
        &self,
        files: &BTreeMap<EcosystemId, Arc<QueueFile>>,
        recipes: &NameRegistry,
    ) -> Reserved {
        let plugins = LinkedPlugins(self.registry);
        route::reserved(&queues(files), &self.rules(recipes, &plugins))
    }

    fn rules<'r>(&'r self, recipes: &'r NameRegistry, plugins: &'r LinkedPlugins<'r>) -> Rules<'r> {
        Rules {
            overrides: &self.overrides,
            audits: &self.audits,
            recipes,
            looked_at: self.looked_at,
            plugins,
            now: self.now,
        }
    }
}

/// The decisions of people in `state` that are in force.
pub fn overrides(
    state: &dyn StateReader,
    registry: &Registry,
    now: DateTime<Utc>,
) -> anyhow::Result<Overrides> {
    Ok(in_force(&state.curated_sources()?, registry, now))
}

fn in_force(
    sources: &Records<CuratedSource>,
    registry: &Registry,
    now: DateTime<Utc>,
) -> Overrides {
    let overrides = Overrides::in_force(&sources.records, reference(registry), now);
    if sources.quarantined.is_empty() { overrides } else { overrides.with_damage() }
}

/// The queues of `state` that can be read, by ecosystem. A queue that cannot be read stays as it is.
pub fn files(state: &dyn StateReader) -> anyhow::Result<BTreeMap<EcosystemId, Arc<QueueFile>>> {
    let mut files = BTreeMap::new();
    for id in state.queued_ecosystems()? {
        match state.queue(&id) {
            Ok(Some(file)) => drop(files.insert(id, file)),
            Ok(None) => (),
            Err(error) => tracing::warn!("a queue is passed over: {error}"),
        }
    }
    Ok(files)
}

/// The entries of `files`.
pub fn queues(files: &BTreeMap<EcosystemId, Arc<QueueFile>>) -> Queues<'_> {
    files.iter().map(|(id, file)| (id, &file.entries)).collect()
}

/// Writes `changed` into the queues of `state`, which nobody else may change meanwhile. An entry that
/// the file has, but that cannot be read, stays as it is. Returns the number of entries written.
pub fn write(
    state: &dyn StateWriter,
    registry: &Registry,
    changed: Vec<QueueEntry>,
    now: DateTime<Utc>,
) -> anyhow::Result<usize> {
    let mut by_ecosystem: BTreeMap<EcosystemId, Queue> = BTreeMap::new();
    for entry in changed {
        let queue = by_ecosystem.entry(entry.id.ecosystem.clone()).or_default();
        queue.insert(entry.id.clone(), entry);
    }
    let mut n_written = 0;
    for (ecosystem, mut entries) in by_ecosystem {
        let found = state.queue(&ecosystem)?;
        let empty = || Some(Arc::new(seeds::empty(registry.get(&ecosystem)?, now)));
        let Some(file) = found.or_else(empty) else { continue };
        if !file.quarantined.is_empty() {
            let quarantined = file.quarantined_ids();
            entries.retain(|id, _| !quarantined.contains(id));
        }
        if !entries.is_empty() {
            n_written += entries.len();
            state.put_entries(file, entries, now)?;
        }
    }
    Ok(n_written)
}

/// The packages that a person has looked at: those on the curated lists, those in `settings`, and
/// those that an operator released in a queue of `state`.
pub fn looked_at(
    registry: &Registry,
    settings: &Settings,
    state: &dyn StateReader,
) -> anyhow::Result<BTreeSet<PackageId>> {
    let mut looked_at = BTreeSet::new();
    for plugin in registry.iter() {
        looked_at.extend(seeds::looked_at(plugin, settings)?);
        // A queue that cannot be read is reported where something depends on it.
        let Ok(Some(file)) = state.queue(&plugin.id) else { continue };
        let is_released = |entry: &&QueueEntry| {
            let change = entry.operator_change.as_ref();
            change.is_some_and(OperatorChange::is_release)
        };
        let released = file.entries.values().filter(is_released);
        looked_at.extend(released.map(|entry| entry.id.clone()));
    }
    Ok(looked_at)
}

/// The ecosystem in which packages are called like their tools: the first one whose packages people
/// review.
pub fn reference(registry: &Registry) -> Option<&EcosystemId> {
    registry.iter().find(|plugin| is_reviewed(plugin)).map(|plugin| &plugin.id)
}

fn is_reviewed(plugin: &EcosystemPlugin) -> bool {
    plugin.recipe_builder.is_some_and(RecipeBuilder::is_reviewed)
}

/// What a recipe of `plugin` is called where nothing but the name of its package is known.
pub fn usual_name(plugin: &EcosystemPlugin, id: &PackageId) -> RecipeName {
    match plugin.recipe_builder {
        Some(builder) => {
            let facts = PackageFacts::of_commands(id.clone(), String::new(), "", &[]);
            builder.recipe_name(&facts)
        }
        None => RecipeName::nearest(id.name.as_str()),
    }
}

/// The plugins of this program.
pub struct LinkedPlugins<'a>(pub &'a Registry);

impl Plugins for LinkedPlugins<'_> {
    fn unsupported(&self, id: &PackageId) -> Option<String> {
        let Some(plugin) = self.0.get(&id.ecosystem) else {
            return Some(format!("no plugin builds packages of {}", id.ecosystem));
        };
        plugin.names.normalise(id.name.as_str()).err().map(|error| error.to_string())
    }

    fn usual_name(&self, id: &PackageId) -> RecipeName {
        match self.0.get(&id.ecosystem) {
            Some(plugin) => usual_name(plugin, id),
            None => RecipeName::nearest(id.name.as_str()),
        }
    }

    fn is_reviewed(&self, ecosystem: &EcosystemId) -> bool {
        self.0.get(ecosystem).is_some_and(is_reviewed)
    }

    fn popular(&self, ecosystem: &EcosystemId) -> Option<Threshold> {
        self.0.get(ecosystem)?.seeder?.popular()
    }
}
