//! Collects what machine and state allow, for the decision in [`batch_core::decide::preflight`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::{
        ahead,
        breaker::BreakerPolicy,
        name_registry::NameRegistry,
        plan::{self, BatchLimit},
        preflight::{self, Candidate, Choice, Preflight},
        recipe,
        upcoming::{self, UpcomingSlot},
    },
    io::{Layout, PATIENCE, QueueFile, StateReader},
    model::{
        ActionShape, BatchId, Control, EcosystemId, KnownRecipes, PackageId, Plan, Queue,
        QueueEntry, Quota, Recipe, RecipeName, Skip, SkipReason, Tier,
    },
    plugin::{EcosystemPlugin, Registry},
};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{env, machine::Machine};

/// What the decision about a run depends on.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct PreflightInput<'a> {
    pub registry: &'a Registry,
    pub state: &'a dyn StateReader,
    pub machine: &'a Machine,
    pub breaker: &'a BreakerPolicy,
    pub now: DateTime<Utc>,
}

/// What state and machine offer each ecosystem at one moment.
pub struct Situation<'a> {
    input: PreflightInput<'a>,
    control: Control,
    /// In rotation order.
    ecosystems: Vec<Ecosystem>,
}

struct Ecosystem {
    id: EcosystemId,
    obstacle: Option<SkipReason>,
    /// `None` when it cannot be read, which is an obstacle.
    queue: Option<Arc<QueueFile>>,
}

static NO_ENTRIES: Queue = Queue::new();

impl Ecosystem {
    fn queue(&self) -> &Queue {
        self.queue.as_ref().map_or(&NO_ENTRIES, |file| &file.entries)
    }
}

impl<'a> Situation<'a> {
    /// Reads the queues of the ecosystems that a run for `choice` may attempt.
    pub fn read(input: PreflightInput<'a>, choice: &Choice) -> anyhow::Result<Self> {
        let control = env::control(input.state, input.registry)?;
        let ecosystems = input.registry.iter().map(|plugin| {
            if !choice.includes(&plugin.id) {
                return Ecosystem { id: plugin.id.clone(), obstacle: None, queue: None };
            }
            let ecosystem = ecosystem(plugin, &input);
            let paused = || paused_host(plugin, &control, input.now);
            Ecosystem { obstacle: ecosystem.obstacle.or_else(paused), ..ecosystem }
        });
        let ecosystems = ecosystems.collect();
        Ok(Self { input, control, ecosystems })
    }

    fn candidates(&self) -> Vec<Candidate<'_>> {
        let candidates = self.ecosystems.iter().map(|ecosystem| Candidate {
            ecosystem: ecosystem.id.clone(),
            obstacle: ecosystem.obstacle.clone(),
            queue: ecosystem.queue(),
        });
        candidates.collect()
    }

    /// The next `n` slots, if nothing but time changes.
    #[must_use]
    pub fn upcoming(&self, batch_limit: BatchLimit, n: usize) -> Vec<UpcomingSlot> {
        let moment = (self.input.now, self.input.breaker);
        upcoming::slots(&self.candidates(), &self.control, batch_limit, n, moment)
    }

    /// Decides about the run for `choice` that starts now.
    #[must_use]
    pub fn decide(&self, choice: &Choice, batch_limit: BatchLimit) -> Preflight {
        let (candidates, moment) = (self.candidates(), (self.input.now, self.input.breaker));
        let mut preflight = preflight::run(&candidates, &self.control, choice, batch_limit, moment);
        for planned in &mut preflight.batches {
            planned.plan.batch = unused(planned.plan.batch.clone(), self.input.state);
        }
        preflight
    }

    /// The same for a run that attempts only the packages `only`. A person asks for them, so their
    /// waiting times have ended.
    #[must_use]
    pub fn only(mut self, only: &BTreeSet<PackageId>) -> Self {
        for ecosystem in &mut self.ecosystems {
            let Some(file) = &ecosystem.queue else { continue };
            let entries = only.iter().filter_map(|id| file.entries.get(id));
            let entries = entries.map(|entry| {
                let entry = QueueEntry { next_retry_at: None, ..entry.clone() };
                (entry.id.clone(), entry)
            });
            let (header, entries) = (file.header.clone(), entries.collect());
            ecosystem.queue = Some(Arc::new(QueueFile { header, entries, quarantined: vec![] }));
        }
        self
    }

    /// The same without the packages `kept`, whose batches have ended and wait to be pushed. What they
    /// came to is not in the state yet, so that they seem to be due.
    #[must_use]
    pub fn without(mut self, kept: &BTreeSet<PackageId>) -> Self {
        for ecosystem in &mut self.ecosystems {
            if let Some(file) = &mut ecosystem.queue
                && kept.iter().any(|id| file.entries.contains_key(id))
            {
                Arc::make_mut(file).entries.retain(|id, _| !kept.contains(id));
            }
        }
        self
    }

    /// Those of the packages `only` that the batches of `preflight` do not attempt, with the reasons.
    #[must_use]
    pub fn not_attempted(
        &self,
        only: &BTreeSet<PackageId>,
        preflight: &Preflight,
        batch_limit: BatchLimit,
    ) -> Vec<Skip> {
        let is_attempted =
            |id: &PackageId| preflight.batches.iter().any(|it| it.plan.attempts.contains(id));
        let moment = (self.input.now, self.input.breaker);
        let skip = |id: &PackageId| {
            let ecosystem = self.ecosystems.iter().find(|it| it.id == id.ecosystem)?;
            let admission = preflight::admission(&id.ecosystem, &self.control, moment);
            let place = plan::place(ecosystem.queue(), id, &admission, batch_limit, self.input.now);
            let of_entry = place.map(|place| place.err().unwrap_or(SkipReason::BatchFull));
            let reason = of_entry.filter(|it| *it != SkipReason::BatchFull);
            let reason = reason.or_else(|| ecosystem.obstacle.clone());
            let reason = reason.unwrap_or(SkipReason::BatchFull);
            Some(Skip { package_id: id.clone(), reason })
        };
        only.iter().filter(|id| !is_attempted(id)).filter_map(skip).collect()
    }

    /// The entries that `plan`, which was made for `tier`, does not attempt, with the reasons.
    #[must_use]
    pub fn skipped(&self, plan: &Plan, tier: Tier) -> Vec<Skip> {
        let id = plan.batch.ecosystem();
        let ecosystem = self.ecosystems.iter().find(|ecosystem| ecosystem.id == *id);
        let queue = ecosystem.map_or(&NO_ENTRIES, Ecosystem::queue);
        let moment = (self.input.now, self.input.breaker);
        let admission = preflight::admission(id, &self.control, moment);
        plan::skipped(queue, &admission, tier, plan)
    }
}

/// `batch`, or the next id that no record has. The control file names the last batch of an ecosystem,
/// but it may have been replaced, and a batch that has a record already is not recorded again.
pub fn unused(mut batch: BatchId, state: &dyn StateReader) -> BatchId {
    // A record that cannot be read is a record.
    while !matches!(state.run(&batch.to_string()), Ok(None)) {
        let next = batch.started_at() + TimeDelta::seconds(1);
        batch = BatchId::new(batch.ecosystem().clone(), next);
    }
    batch
}

/// A host pause that is too long to wait for. Without requests nothing can be attempted, and
/// neither a package nor the registry must be blamed.
pub fn paused_host(
    plugin: &EcosystemPlugin,
    control: &Control,
    now: DateTime<Utc>,
) -> Option<SkipReason> {
    let hosts = Quota::hosts_for_building(plugin.rate_limit.quotas());
    let paused = hosts.filter_map(|host| Some((host, control.hosts.get(host)?.paused_until)));
    let (host, until) = paused.max_by_key(|&(_, until)| until)?;
    let is_long = now + PATIENCE < until && ahead::is_paused(until, now);
    is_long.then(|| SkipReason::HostPaused { host: host.to_owned(), until })
}

fn ecosystem(plugin: &EcosystemPlugin, input: &PreflightInput<'_>) -> Ecosystem {
    let (queue, unreadable) = match input.state.queue(&plugin.id) {
        Ok(Some(file)) => {
            for bad in &file.quarantined {
                tracing::warn!("an entry is skipped: {bad}");
            }
            (Some(file), None)
        }
        Ok(None) => (None, Some(SkipReason::QueueMissing)),
        Err(error) => {
            let error = error.to_string();
            (None, Some(SkipReason::QueueUnreadable { error }))
        }
    };
    let obstacle = input.machine.obstacles.get(&plugin.id).cloned().or(unreadable);
    Ecosystem { id: plugin.id.clone(), obstacle, queue }
}

/// Recipes that the package manager contains, and the packages that each of them satisfies:
/// ecosystem and names.
pub type BundledRecipes = BTreeMap<RecipeName, BTreeMap<String, Vec<String>>>;

/// The recipes of a root, read once.
#[derive(Debug, Clone, Default)]
pub struct Recipes {
    /// Their names and commands.
    pub name_registry: NameRegistry,
    /// The recipes that can be dependencies.
    pub known: KnownRecipes,
    /// Whether a name may have another owner than when sources and names were looked at last: an entry
    /// that others wait behind gave up its name, or an entry is new.
    pub is_rerouting_due: bool,
}

impl Recipes {
    /// Adds the recipe called `name`.
    pub fn add(&mut self, name: &RecipeName, recipe: &Recipe) {
        self.name_registry.add(name, recipe);
        self.known.add(name, recipe);
    }
}

/// The recipes of `state`, and the `bundled` ones. A recipe that cannot be read keeps its name and
/// cannot be a dependency.
pub fn recipes(
    actions: &[ActionShape],
    bundled: &BundledRecipes,
    state: &dyn StateReader,
) -> anyhow::Result<Recipes> {
    let mut recipes = Recipes::default();
    for (name, satisfies) in bundled {
        recipes.known.add_named(name, satisfies);
    }
    for name in state.recipe_names()? {
        let read = state.recipe(&name).map_err(anyhow::Error::from).and_then(|text| {
            recipe::read(&text.unwrap_or_default(), actions).map_err(anyhow::Error::from)
        });
        match read {
            Ok(recipe) => recipes.add(&name, &recipe),
            Err(error) => {
                let file = Layout::new("").recipe(&name);
                tracing::warn!("{}: the recipe cannot be read: {error}", file.display());
                recipes.name_registry.add_unreadable(name);
            }
        }
    }
    Ok(recipes)
}
