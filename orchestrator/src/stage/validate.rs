//! The stage that tests recipes, each in the environments of its ladder that this process tests. It
//! never changes a recipe.

use std::sync::{Mutex, PoisonError};

use batch_core::{
    decide::{
        ladder::{Climb, ToTest},
        name_registry::NameRegistry,
    },
    io::{Clock, Http, RetryPolicy},
    model::{
        BatchId, BatchPlan, Began, Consequence, Deferred, Environment, Fact, Failure, PackageId,
        SCHEMA_VERSION, Validated, ValidationSkip, Verdict,
    },
    plugin::EcosystemPlugin,
};
use futures_util::{Stream, StreamExt as _, future::join_all};
use tokio::sync::Semaphore;

use crate::{
    generator::Generator,
    progress::{Phase, Progress},
    stage::{Facts, Stop, discover, elapsed_ms},
    validator::{NoVerdict, Validation, ValidationContext, Validator},
};

/// What the stage needs.
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub batch: &'a BatchId,
    pub plan: &'a BatchPlan,
    pub plugin: &'static EcosystemPlugin,
    pub validator: &'a dyn Validator,
    /// Makes the recipes of packages whose commands were discovered.
    pub generator: &'a dyn Generator,
    /// Names and commands of the existing recipes.
    pub name_registry: &'a NameRegistry,
    /// Sends and counts the requests of this batch.
    pub http: &'a dyn Http,
    /// The environments that this process tests.
    pub environments: &'a [Environment],
    pub clock: &'a dyn Clock,
    /// Varies the waiting times before further tries.
    pub jitter: &'a Mutex<fastrand::Rng>,
    /// One permit for each validation that may run at the same time. All batches of a process share
    /// the permits, because a validation may need gigabytes.
    pub permits: &'a Semaphore,
    pub facts: &'a Facts,
    pub progress: &'a Progress,
    pub stop: &'a Stop,
}

/// Tests recipes as they come, each as soon as it gets a permit.
pub async fn run(climbs: impl Stream<Item = Climb>, tools: &Tools<'_>) {
    climbs.for_each_concurrent(None, |climb| up_the_ladder(climb, tools)).await;
}

/// Tests a recipe in all environments that are due, one rung after the other.
async fn up_the_ladder(mut climb: Climb, tools: &Tools<'_>) {
    loop {
        let mut due = climb.due(tools.plan);
        due.retain(|environment| tools.environments.contains(environment));
        if due.is_empty() || tools.stop.is_draining() {
            return;
        }
        let tests = due.iter().map(|&environment| one(&climb, environment, tools));
        let ended = join_all(tests).await;
        for (environment, (verdict, to_test)) in due.into_iter().zip(ended) {
            climb.ended(environment, verdict);
            climb.to_test = to_test;
        }
    }
}

/// Tests a recipe in one environment, again if it failed in a way that may pass. Returns the verdict,
/// which is `None` if there is none, and what other environments test: the recipe, if it was made here.
async fn one(
    climb: &Climb,
    environment: Environment,
    tools: &Tools<'_>,
) -> (Option<Verdict>, ToTest) {
    let (mut verdict, mut to_test) = (None, climb.to_test.clone());
    for n in 1_u32.. {
        let tries = climb.next_try(environment).saturating_add(n - 1);
        let test = Test { package: &climb.planned.package_id, environment, tries };
        let Some(validated) = one_try(&test, &mut to_test, tools).await else { break };
        verdict = Some(validated.result);
        let allowed = validated.failure.map_or(1, |failure| failure.finding.kind.tries());
        if allowed <= n || !wait(n, tools).await {
            break;
        }
    }
    (verdict, to_test)
}

/// Waits before the `n`-th further try. Returns `false` if there is to be none.
async fn wait(n: u32, tools: &Tools<'_>) -> bool {
    let jitter = tools.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64();
    tokio::select! {
        () = tools.clock.sleep(RetryPolicy::default().wait(n, jitter)) => true,
        () = tools.stop.draining() => false,
    }
}

/// One try.
#[derive(Clone, Copy)]
pub(super) struct Test<'a> {
    pub(super) package: &'a PackageId,
    pub(super) environment: Environment,
    /// The number of the try, from 1.
    pub(super) tries: u32,
}

/// One try. It is a fact when it begins and when it ends. A recipe that is made for it replaces
/// `to_test`.
async fn one_try(test: &Test<'_>, to_test: &mut ToTest, tools: &Tools<'_>) -> Option<Validated> {
    tools.progress.phase(test.package, Phase::WaitForSlot);
    let permit = tokio::select! {
        permit = tools.permits.acquire() => permit,
        () = tools.stop.draining() => return None,
    };
    // The semaphore is never closed.
    let _permit = permit.ok()?;
    if tools.stop.is_draining() {
        return None;
    }
    let Tools { batch, clock, progress, http, .. } = *tools;
    let Test { package, environment, tries } = *test;
    tools.tell(began(test, tools)).await;
    let started = clock.measured();
    progress.phase(package, Phase::Prepare);
    let http = &progress.watch(package, http);
    let context = ValidationContext { progress, cancel: tools.stop.token(), http };
    let validation = match validated(test, to_test, tools, context).await {
        Ok(validation) => validation,
        Err(NoVerdict::Cancelled) => return None,
        Err(NoVerdict::Paused { host, until }) => {
            let deferred = Deferred {
                schema_version: SCHEMA_VERSION,
                batch_id: batch.clone(),
                at: clock.now(),
                package_id: package.clone(),
                environment: Some(environment),
                host,
                until,
            };
            tools.tell(Fact::Deferred(deferred)).await;
            return None;
        }
    };
    let (result, sandbox, failure, verify) = match validation {
        Validation::Passed { sandbox, verify } => (Verdict::Pass, sandbox, None, verify),
        Validation::Failed { sandbox, failure } => {
            (verdict(&failure), sandbox, Some(failure), None)
        }
    };
    let validated = Validated {
        schema_version: SCHEMA_VERSION,
        batch_id: batch.clone(),
        at: clock.now(),
        package_id: package.clone(),
        environment,
        result,
        tries,
        duration_ms: elapsed_ms(clock, started),
        sandbox: Some(sandbox),
        failure,
        verify,
    };
    tools.tell(Fact::Validated(Box::new(validated.clone()))).await;
    Some(validated)
}

/// The result for a recipe, which is made first if its commands are not known.
async fn validated(
    test: &Test<'_>,
    to_test: &mut ToTest,
    tools: &Tools<'_>,
    context: ValidationContext<'_>,
) -> Result<Validation, NoVerdict> {
    let recipe = match to_test {
        ToTest::Recipe(recipe) => recipe.clone(),
        ToTest::Undiscovered(undiscovered) => {
            match discover::recipe(&undiscovered.facts, test, tools, context).await? {
                Ok(recipe) => {
                    let recipe = Box::new(recipe);
                    *to_test = ToTest::Recipe(recipe.clone());
                    recipe
                }
                Err(failed) => return Ok(failed),
            }
        }
    };
    tools.validator.validate(tools.plugin, &recipe, test.environment, context).await
}

fn began(test: &Test<'_>, tools: &Tools<'_>) -> Fact {
    Fact::Began(Began {
        schema_version: SCHEMA_VERSION,
        batch_id: tools.batch.clone(),
        at: tools.clock.now(),
        package_id: test.package.clone(),
        environment: Some(test.environment),
        tries: test.tries,
    })
}

impl Tools<'_> {
    pub(super) async fn tell(&self, fact: Fact) {
        // Without a reader the batch has ended already.
        let _ = self.facts.send(fact).await;
    }
}

/// What a failed validation says about its recipe.
fn verdict(failure: &Failure) -> Verdict {
    match failure.finding.kind.consequence() {
        Consequence::Blocked => Verdict::Blocked,
        // A temporary failure says nothing about the recipe.
        Consequence::Spared => Verdict::Skipped { reason: ValidationSkip::Fault },
        Consequence::Excluded | Consequence::RequiresManual | Consequence::Failed => Verdict::Fail,
    }
}
