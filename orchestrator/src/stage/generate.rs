//! The stage that makes recipes of packages.

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        ladder::{Climb, ToTest},
        name_registry::NameRegistry,
    },
    io::{Clock, Http},
    model::{
        BatchId, Began, Deferred, Fact, Failure, Finding, Generated, GeneratedRecipe, Generation,
        NotGenerated, PackageFacts, PackageId, PlannedPackage, RecipeName, SCHEMA_VERSION, Stage,
    },
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _, stream};

use crate::{
    failure::failure,
    generator::{Generator, NoRecipe},
    progress::{Phase, Progress},
    stage::{Facts, Stop, elapsed_ms},
};

/// What the stage needs.
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub batch: &'a BatchId,
    pub plugin: &'static EcosystemPlugin,
    pub generator: &'a dyn Generator,
    /// Sends and counts the requests of this batch.
    pub http: &'a dyn Http,
    /// Names and commands of the existing recipes. Conflicts within the batch are decided when the
    /// batch is folded.
    pub name_registry: &'a NameRegistry,
    pub clock: &'a dyn Clock,
    /// How many packages are generated at the same time.
    pub jobs: usize,
    /// How often the generation of packages was begun earlier, by a process that did not end it.
    pub begun: &'a BTreeMap<PackageId, u32>,
    pub facts: &'a Facts,
    pub progress: &'a Progress,
    pub stop: &'a Stop,
}

/// Generates the recipes of `packages`, begun in this order, and yields them as soon as they are
/// ready, so that a slow package does not delay the others. After an interruption the remaining ones
/// are missing.
pub fn run<'a>(
    packages: Vec<PlannedPackage>,
    tools: &'a Tools<'a>,
) -> impl Stream<Item = Climb> + 'a {
    let made = stream::iter(packages).map(|planned| one(planned, tools));
    made.buffer_unordered(tools.jobs.max(1)).filter_map(async |climb| climb)
}

/// Generates one recipe. The result and a host's pause are facts.
async fn one(planned: PlannedPackage, tools: &Tools<'_>) -> Option<Climb> {
    if tools.stop.is_draining() {
        return None;
    }
    let package = planned.package_id.clone();
    let batch_id = || tools.batch.clone();
    let (at, started) = (tools.clock.now(), tools.clock.measured());
    let tries = tools.begun.get(&package).copied().unwrap_or(0).saturating_add(1);
    tools
        .tell(Fact::Began(Began {
            schema_version: SCHEMA_VERSION,
            batch_id: batch_id(),
            at,
            package_id: package.clone(),
            environment: None,
            tries,
        }))
        .await;
    tools.progress.phase(&package, Phase::Generate);
    let http = &tools.progress.watch(&package, tools.http);
    let generated = tokio::select! {
        generated = tools.generator.generate(http, tools.plugin, &package) => generated,
        () = tools.stop.token().cancelled() => return None,
    };
    let made = match result(generated, tools.name_registry) {
        Ok(made) => made,
        Err((host, until)) => {
            let deferred = Deferred {
                schema_version: SCHEMA_VERSION,
                batch_id: batch_id(),
                at: tools.clock.now(),
                package_id: package,
                environment: None,
                host,
                until,
            };
            tools.tell(Fact::Deferred(deferred)).await;
            return None;
        }
    };
    let climb = ToTest::of(&made).map(|to_test| Climb::new(planned, to_test));
    let generated = Generated {
        schema_version: SCHEMA_VERSION,
        batch_id: batch_id(),
        at: tools.clock.now(),
        package_id: package,
        duration_ms: elapsed_ms(tools.clock, started),
        made,
    };
    tools.tell(Fact::Generated(Box::new(generated))).await;
    climb
}

impl Tools<'_> {
    async fn tell(&self, fact: Fact) {
        // Without a reader the batch has ended already.
        let _ = self.facts.send(fact).await;
    }
}

/// The result of a generation; the error is a host that asked for a pause, and until when.
fn result(
    generated: Result<GeneratedRecipe, NoRecipe>,
    name_registry: &NameRegistry,
) -> Result<Generation, (String, DateTime<Utc>)> {
    let checked = |name: &RecipeName, facts: &PackageFacts| {
        check_names(Stage::Generate, name, facts, name_registry)
    };
    Ok(match generated {
        Ok(recipe) => match checked(&recipe.name, &recipe.facts) {
            Ok(()) => Generation::Recipe(Box::new(recipe)),
            Err(failure) => nothing(recipe.facts, failure),
        },
        Err(NoRecipe::Undiscovered(found)) => match checked(&found.name, &found.facts) {
            Ok(()) => Generation::Undiscovered(found),
            Err(failure) => nothing(found.facts, failure),
        },
        Err(NoRecipe::Failed(nothing)) => Generation::Nothing(nothing),
        Err(NoRecipe::Paused { host, until }) => return Err((host, until)),
    })
}

fn nothing(facts: PackageFacts, failure: Box<Failure>) -> Generation {
    Generation::Nothing(NotGenerated { facts: Some(Box::new(facts)), failure, draft: None })
}

/// Refuses a recipe whose name or commands, as far as they are known, belong to an existing recipe or to
/// another package that is queued.
/// This is checked here, before anything is installed.
pub(super) fn check_names(
    stage: Stage,
    name: &RecipeName,
    facts: &PackageFacts,
    name_registry: &NameRegistry,
) -> Result<(), Box<Failure>> {
    name_registry.check(name, facts).map_err(|taken| {
        Box::new(failure(stage, Finding::stated(taken.kind), &taken.reason, &facts.id))
    })
}
