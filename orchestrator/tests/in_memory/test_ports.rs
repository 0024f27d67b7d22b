//! A root in memory, and ports with which everything can be attempted.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use batch_core::{
    decide::{
        apply::Merging,
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
        ladder::{BudgetPolicy, SkipFlags},
        merge_policy::MergePolicy,
        plan::BatchLimit,
        preflight::Choice,
    },
    io::{FactSink, FactWriter, Journal, QueueFile, StateError, Traffic},
    model::{
        BatchId, CommandName, EcosystemId, Environment, Executables, Fact, Failure, FailureKind,
        Finding, GeneratedRecipe, NotGenerated, PackageFacts, PackageId, QueueEntry, QueueHeader,
        Stage, Started, Tier, TierMeanings, Undiscovered,
    },
    plugin::{EcosystemPlugin, Registry},
};
use batch_sim::{MemoryFacts, MemoryState, NoTraffic, SimClock};
use orchestrator::{
    failure::failure,
    generator::{Generator, NoRecipe},
    machine::Machine,
    plugins,
    progress::Progress,
    run::{self, Ports, RecipeSource, Request, RunConfig, Summary, SweepRequest, Testers},
    scripted::{self, ScriptedGenerator, ScriptedValidator},
    stage::{Stop, preflight::BundledRecipes},
    validator::{Validation, Validator},
};

pub(crate) const HERE: Environment = Environment::DebianX86;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Journals in memory, and every fact that was recorded.
#[derive(Default)]
pub(crate) struct RecordedFacts {
    kept: MemoryFacts,
    pub(crate) all: Mutex<Vec<Fact>>,
}

impl RecordedFacts {
    /// The number of batches that are not in the state.
    pub(crate) fn pending_batches(&self) -> usize {
        self.kept.pending().unwrap().len()
    }
}

impl FactWriter for RecordedFacts {
    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError> {
        self.all.lock().unwrap().extend_from_slice(facts);
        self.kept.append(batch, facts)
    }
}

impl FactSink for RecordedFacts {
    fn begin(&self, started: &Started) -> Result<(), StateError> {
        self.all.lock().unwrap().push(Fact::Started(Box::new(started.clone())));
        self.kept.begin(started)
    }

    fn pending(&self) -> Result<Vec<Journal>, StateError> {
        self.kept.pending()
    }

    fn set_aside(&self, batch: &BatchId) -> Result<PathBuf, StateError> {
        self.kept.set_aside(batch)
    }

    fn discard(&self, batch: &BatchId) -> Result<(), StateError> {
        self.kept.discard(batch)
    }
}

/// The ports that a test may replace.
pub(crate) struct Around<'a> {
    pub(crate) generator: &'a dyn Generator,
    pub(crate) validator: &'a dyn Validator,
    pub(crate) traffic: &'a dyn Traffic,
}

/// All ports of a run.
pub(crate) struct TestPorts {
    pub(crate) clock: SimClock,
    pub(crate) state: Arc<MemoryState>,
    pub(crate) facts: Arc<RecordedFacts>,
    pub(crate) generator: ScriptedGenerator,
    pub(crate) validator: ScriptedValidator,
    pub(crate) others: BTreeMap<EcosystemId, BTreeSet<Environment>>,
    pub(crate) skip: SkipFlags,
    pub(crate) batch_size: usize,
    registry: Registry,
}

impl TestPorts {
    /// Ports with these packages queued; each takes a second to generate and two to validate, and
    /// succeeds.
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
            discovery: Box::new(|facts| (2 * SECOND, [shown(facts), shown(facts)])),
        };
        Self {
            clock,
            state: Arc::new(MemoryState::new(queues.into_values())),
            facts: Arc::default(),
            generator,
            validator,
            others: BTreeMap::new(),
            skip: SkipFlags::default(),
            batch_size: 10,
            registry: plugins::registry().unwrap(),
        }
    }

    /// A run for `choice` with at most ten packages per batch.
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
        self.run_until(validator, choice, jobs, &Stop::default()).await
    }

    /// The same, until somebody stops it.
    pub(crate) async fn run_until(
        &self,
        validator: &dyn Validator,
        choice: Choice,
        jobs: usize,
        stop: &Stop,
    ) -> anyhow::Result<Summary> {
        let around = Around { generator: &self.generator, validator, traffic: &NoTraffic };
        self.run_around(&around, choice, jobs, stop).await
    }

    /// The same with other ports.
    pub(crate) async fn run_around(
        &self,
        around: &Around<'_>,
        choice: Choice,
        jobs: usize,
        stop: &Stop,
    ) -> anyhow::Result<Summary> {
        let owned = self.owned();
        let (ports, config) = (self.ports(around, &owned), self.config(&owned));
        let request = Request {
            choice,
            only: [].into(),
            batch_limit: BatchLimit { size: self.batch_size, tier: Tier::REST },
            testers: Testers::Here,
            skip: self.skip,
            jobs,
        };
        run::run(&ports, &config, &request, stop).await
    }

    /// Tests existing recipes.
    pub(crate) async fn sweep(
        &self,
        around: &Around<'_>,
        request: &SweepRequest,
        stop: &Stop,
    ) -> anyhow::Result<Summary> {
        let owned = self.owned();
        run::sweep(&self.ports(around, &owned), &self.config(&owned), request, stop).await
    }

    fn owned(&self) -> Owned {
        Owned {
            machine: Machine {
                environment: Some(HERE),
                obstacles: BTreeMap::new(),
                others: self.others.clone(),
            },
            progress: Progress::silent(),
            bundled: BTreeMap::new(),
        }
    }

    fn ports<'a>(&'a self, around: &'a Around<'_>, owned: &'a Owned) -> Ports<'a> {
        Ports {
            clock: &self.clock,
            state: self.state.clone(),
            facts: self.facts.clone(),
            machine: &owned.machine,
            generator: around.generator,
            validator: Some(around.validator),
            traffic: around.traffic,
            progress: &owned.progress,
        }
    }

    fn config<'a>(&'a self, owned: &'a Owned) -> RunConfig<'a> {
        RunConfig {
            registry: &self.registry,
            backoff: BackoffPolicy::default(),
            breaker: BreakerPolicy::default(),
            budget: BudgetPolicy::default(),
            merge: MergePolicy::default(),
            merging: Merging::AtOnce,
            jitter: fastrand::Rng::with_seed(1),
            bundled_recipes: &owned.bundled,
            looked_at: [].into(),
            unpushed: [].into(),
            recipe_source: RecipeSource::Root,
            workflow_run_url: None,
        }
    }
}

/// What ports and configuration refer to.
struct Owned {
    machine: Machine,
    progress: Progress,
    bundled: BundledRecipes,
}

pub(crate) fn id(text: &str) -> PackageId {
    text.parse().unwrap()
}

/// `n` packages of each of these ecosystems. Those of several ecosystems have different names, because
/// a name means one package.
pub(crate) fn packages(ecosystems: &[&str], n: usize) -> Vec<PackageId> {
    let prefix = |ecosystem: &str| match (ecosystems, ecosystem) {
        ([_], _) => String::new(),
        // Its names begin with a domain.
        (_, "go") => "go.".to_owned(),
        _ => format!("{ecosystem}-"),
    };
    let of = |ecosystem: &&str| {
        (0..n).map(|i| id(&format!("{ecosystem}:{}p{i:02}", prefix(ecosystem)))).collect::<Vec<_>>()
    };
    ecosystems.iter().flat_map(of).collect()
}

/// The part of a name that the packages of several ecosystems have in common, such as `p07`.
pub(crate) fn number_of(id: &PackageId) -> &str {
    let name = id.name.as_str();
    &name[name.len() - "p00".len()..]
}

/// A command name that no other package has.
pub(crate) fn command_of(id: &PackageId) -> String {
    format!("{}-{}", id.ecosystem, id.name)
}

/// What an installation shows: [`command_of`] the package.
pub(crate) fn shown(facts: &PackageFacts) -> BTreeSet<CommandName> {
    [command_of(&facts.id).parse().unwrap()].into()
}

/// The result for a package whose commands only an installation shows.
pub(crate) fn undiscovered(plugin: &EcosystemPlugin, id: &PackageId) -> NoRecipe {
    let GeneratedRecipe { facts, name, .. } = recipe(plugin, id, &command_of(id));
    let executables = Executables::undiscovered(FailureKind::BuildFromSource, "the test says so");
    let facts = PackageFacts { executables, ..facts };
    NoRecipe::Undiscovered(Box::new(Undiscovered { facts, name }))
}

/// A recipe with the name of its command.
pub(crate) fn recipe(plugin: &EcosystemPlugin, id: &PackageId, command: &str) -> GeneratedRecipe {
    let recipe = scripted::recipe_of(plugin, id, "1.0", &command.parse().unwrap()).unwrap();
    // Packages of several ecosystems have the same name.
    GeneratedRecipe { name: command_of(id).parse().unwrap(), ..recipe }
}

pub(crate) fn not_generated(id: &PackageId, kind: FailureKind) -> NoRecipe {
    let failure = Box::new(failed(Stage::Generate, id, kind));
    NoRecipe::Failed(NotGenerated { facts: None, draft: None, failure })
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
