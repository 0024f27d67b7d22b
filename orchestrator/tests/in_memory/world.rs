//! A root in memory, and a machine on which everything can be attempted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use batch_core::{
    decide::{backoff::BackoffPolicy, breaker::BreakerPolicy, plan::Share, preflight::Choice},
    io::{FactSink, Journal, QueueFile, StateError},
    model::{
        BatchId, Environment, Fact, Failure, FailureKind, Finding, GeneratedRecipe, NotGenerated,
        PackageId, QueueEntry, QueueHeader, Stage, Started, Tier, TierMeanings,
    },
    plugin::{EcosystemPlugin, Registry},
};
use batch_sim::{MemoryFacts, MemoryState, NoTraffic, SimClock};
use orchestrator::{
    failure::failure,
    machine::Machine,
    plugins,
    progress::Progress,
    run::{self, Ports, Request, Rulebook, Summary},
    scripted::{self, ScriptedGenerator, ScriptedValidator},
    validator::{Validation, Validator},
};
use tokio_util::sync::CancellationToken;

pub(crate) const HERE: Environment = Environment::DebianX86;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Journals in memory, and every fact that was ever noted.
#[derive(Default)]
pub(crate) struct NotedFacts {
    kept: MemoryFacts,
    pub(crate) all: Mutex<Vec<Fact>>,
}

impl FactSink for NotedFacts {
    fn begin(&self, started: &Started) -> Result<(), StateError> {
        self.all.lock().unwrap().push(Fact::Started(Box::new(started.clone())));
        self.kept.begin(started)
    }

    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError> {
        self.all.lock().unwrap().extend_from_slice(facts);
        self.kept.append(batch, facts)
    }

    fn pending(&self) -> Result<Vec<Journal>, StateError> {
        self.kept.pending()
    }

    fn discard(&self, batch: &BatchId) -> Result<(), StateError> {
        self.kept.discard(batch)
    }
}

/// Everything that a run touches.
pub(crate) struct World {
    pub(crate) clock: SimClock,
    pub(crate) state: Arc<MemoryState>,
    pub(crate) facts: Arc<NotedFacts>,
    pub(crate) generator: ScriptedGenerator,
    pub(crate) validator: ScriptedValidator,
    registry: Registry,
}

impl World {
    /// A world with these packages queued, in which each takes a second to generate and two to
    /// validate, and works.
    pub(crate) fn new(packages: &[PackageId]) -> Self {
        let clock = SimClock::default();
        let mut queues: BTreeMap<_, QueueFile> = BTreeMap::new();
        for id in packages {
            let file = queues.entry(id.ecosystem.clone()).or_insert_with(|| QueueFile {
                header: QueueHeader {
                    ecosystem: id.ecosystem.clone(),
                    updated_at: chrono::DateTime::UNIX_EPOCH,
                    tiers: TierMeanings::default(),
                },
                entries: BTreeMap::new(),
                quarantined: vec![],
            });
            let entry = QueueEntry::new(id.clone(), Tier::REST, chrono::DateTime::UNIX_EPOCH);
            file.entries.insert(id.clone(), entry);
        }
        let generator = ScriptedGenerator {
            clock: Arc::new(clock.clone()),
            script: Box::new(|plugin, id| (SECOND, Ok(recipe(plugin, id, &command_of(id))))),
        };
        let validator = ScriptedValidator {
            clock: Arc::new(clock.clone()),
            script: Box::new(|_| (2 * SECOND, passed())),
        };
        Self {
            clock,
            state: Arc::new(MemoryState::new(queues.into_values())),
            facts: Arc::default(),
            generator,
            validator,
            registry: plugins::registry().unwrap(),
        }
    }

    /// A run for `choice` of at most ten packages each.
    pub(crate) async fn run(&self, choice: Choice, jobs: usize) -> anyhow::Result<Summary> {
        self.run_with(&self.validator, choice, jobs).await
    }

    /// The same with another validator.
    pub(crate) async fn run_with(
        &self,
        validator: &dyn Validator,
        choice: Choice,
        jobs: usize,
    ) -> anyhow::Result<Summary> {
        let ports = Ports {
            clock: &self.clock,
            state: self.state.clone(),
            facts: self.facts.clone(),
            machine: &Machine { environment: Some(HERE), obstacles: BTreeMap::new() },
            generator: &self.generator,
            validator: Some(validator),
            traffic: &NoTraffic,
            progress: &Progress::silent(),
        };
        let rulebook = Rulebook {
            registry: &self.registry,
            backoff: BackoffPolicy::default(),
            breaker: BreakerPolicy::default(),
            bundled_recipes: &BTreeMap::new(),
            workflow_run_url: None,
        };
        let request = Request { choice, share: Share { size: 10, tier: Tier::REST }, jobs };
        run::run(&ports, &rulebook, &request, &CancellationToken::new()).await
    }
}

pub(crate) fn id(text: &str) -> PackageId {
    text.parse().unwrap()
}

/// `n` packages of each of these ecosystems.
pub(crate) fn packages(ecosystems: &[&str], n: usize) -> Vec<PackageId> {
    let of =
        |ecosystem: &&str| (0..n).map(|i| id(&format!("{ecosystem}:p{i:02}"))).collect::<Vec<_>>();
    ecosystems.iter().flat_map(of).collect()
}

/// A command that no other package has.
pub(crate) fn command_of(id: &PackageId) -> String {
    format!("{}-{}", id.ecosystem, id.name)
}

/// A recipe that is called like its command.
pub(crate) fn recipe(plugin: &EcosystemPlugin, id: &PackageId, command: &str) -> GeneratedRecipe {
    let recipe = scripted::recipe_of(plugin, id, "1.0", &command.parse().unwrap()).unwrap();
    // Packages of several ecosystems have one name.
    GeneratedRecipe { name: command_of(id).parse().unwrap(), ..recipe }
}

pub(crate) fn not_generated(id: &PackageId, kind: FailureKind) -> NotGenerated {
    NotGenerated { facts: None, draft: None, failure: Box::new(failed(Stage::Generate, id, kind)) }
}

pub(crate) fn passed() -> Validation {
    Validation::Passed { sandbox: "none".to_owned(), verify: None }
}

pub(crate) fn not_passed(id: &PackageId, kind: FailureKind) -> Validation {
    let failure = Box::new(failed(Stage::Validate, id, kind));
    Validation::Failed { sandbox: "none".to_owned(), failure }
}

fn failed(stage: Stage, id: &PackageId, kind: FailureKind) -> Failure {
    failure(stage, Finding::stated(kind), &format!("error: {kind}"), id)
}
