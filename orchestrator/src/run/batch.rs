//! One batch: generate, validate, judge, persist.

use anyhow::Context as _;
use batch_core::{
    decide::{claims::Claims, preflight::Turned},
    model::{
        BatchPlan, Environment, Fact, Finished, PackageId, PlannedPackage, SCHEMA_VERSION, Started,
    },
    plugin::EcosystemPlugin,
};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    journal::Journal,
    ports::{Ports, Rulebook},
    settle::settle,
    summary::BatchSummary,
};
use crate::{
    stage::{Facts, generate, validate},
    validator::Validator,
};

/// What all batches of a run share.
pub(super) struct Shared<'a> {
    pub(super) ports: &'a Ports<'a>,
    pub(super) rulebook: &'a Rulebook<'a>,
    pub(super) run_id: &'a str,
    pub(super) jobs: usize,
    /// One for each validation at once.
    pub(super) permits: &'a Semaphore,
    /// Of the recipes that were there at the start of the run.
    pub(super) claims: &'a Claims,
    /// Those, and of the batches that are in the state since.
    pub(super) settled: &'a Mutex<Claims>,
    pub(super) cancel: &'a CancellationToken,
}

/// When a batch may go into the state.
pub(super) struct Turn {
    /// Comes when the batch before it has, or has failed to.
    pub(super) after: Option<oneshot::Receiver<()>>,
    /// Tells the batch behind it.
    pub(super) done: oneshot::Sender<()>,
}

/// Runs a batch, from its first request to its record.
pub(super) async fn run(
    turned: Turned,
    shared: &Shared<'_>,
    turn: Turn,
) -> anyhow::Result<BatchSummary> {
    let Shared { ports, rulebook, .. } = *shared;
    let id = turned.plan.batch.clone();
    let plugin = rulebook.registry.get(id.ecosystem());
    let plugin = plugin.context("a plan names registered ecosystems")?;
    let environment = ports.machine.environment;
    let environment = environment.context("a plan without an environment has no attempts")?;
    let validator = ports.validator.context("a plan without a sandbox has no attempts")?;
    let started = started(turned, environment, shared);
    let packages = started.plan.packages.iter().map(|planned| planned.package_id.clone()).collect();
    let mut journal = Journal::begin(ports.facts.clone(), &started).await?;

    let (facts, told) = mpsc::unbounded_channel();
    // What cannot be noted is not done either: a full disk ends the batch, not just its journal.
    let stop = shared.cancel.child_token();
    let stoppable = Shared { cancel: &stop, ..*shared };
    let place = Place { plugin, validator, environment };
    let recorded =
        async { journal.record(told, ports.progress).await.inspect_err(|_| stop.cancel()) };
    let attempted = attempt(packages, &started, &place, &stoppable, facts);
    let (recorded, ()) = futures_util::future::join(recorded, attempted).await;
    recorded?;
    journal.append(ends(&started, plugin, environment, ports)).await?;

    if let Some(after) = turn.after {
        // An error there is told by that batch.
        let _ = after.await;
    }
    tracing::debug!(batch.id = %id, phase = "persist", "persist {id}");
    let mut claims = shared.settled.lock().await;
    let settled = settle(&started, journal.facts(), &mut claims, (ports, rulebook)).await;
    let (delta, persisted) = settled
        .with_context(|| format!("{id} is kept in the outbox and persisted by the next run"))?;
    let _ = turn.done.send(());
    journal.discard().await?;
    Ok(BatchSummary::new(&delta, &persisted))
}

fn started(turned: Turned, environment: Environment, shared: &Shared<'_>) -> Started {
    let Shared { ports, rulebook, run_id, .. } = *shared;
    let planned =
        |package_id: PackageId| PlannedPackage { package_id, environments: vec![environment] };
    Started {
        schema_version: SCHEMA_VERSION,
        batch_id: turned.plan.batch,
        at: ports.clock.now(),
        plan: BatchPlan {
            turn: turned.turn,
            probing: turned.plan.probing,
            packages: turned.plan.attempts.into_iter().map(planned).collect(),
        },
        generator: ports.generator.name(),
        run_id: Some(run_id.to_owned()),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        workflow_run_url: rulebook.workflow_run_url.clone(),
    }
}

/// Where a batch is worked on.
struct Place<'a> {
    plugin: &'static EcosystemPlugin,
    validator: &'a dyn Validator,
    environment: Environment,
}

/// Generates and validates `packages`, telling `facts`: the next ones are generated while recipes
/// are validated.
async fn attempt(
    packages: Vec<PackageId>,
    started: &Started,
    place: &Place<'_>,
    shared: &Shared<'_>,
    facts: Facts,
) {
    let Shared { ports, jobs, permits, claims, cancel, .. } = *shared;
    let Ports { clock, generator, progress, .. } = *ports;
    let Place { plugin, validator, environment } = *place;
    let (batch, facts) = (&started.batch_id, &facts);
    let generating =
        generate::Tools { batch, plugin, generator, claims, clock, jobs, facts, progress, cancel };
    let validating = validate::Tools {
        batch,
        plugin,
        validator,
        environment,
        clock,
        permits,
        facts,
        progress,
        cancel,
    };
    validate::run(generate::run(packages, &generating), &validating).await;
}

/// The ends of both: of validating, and of generating with all requests.
fn ends(
    started: &Started,
    plugin: &EcosystemPlugin,
    environment: Environment,
    ports: &Ports<'_>,
) -> Vec<Fact> {
    let hosts: Vec<&str> = plugin.rate_limit.quotas().iter().map(|quota| quota.host).collect();
    let is_own = |host: &String| hosts.contains(&&**host);
    let validating = Finished {
        schema_version: SCHEMA_VERSION,
        batch_id: started.batch_id.clone(),
        at: ports.clock.now(),
        environment: Some(environment),
        requests: [].into(),
        pauses: [].into(),
        minutes: None,
    };
    let generating = Finished {
        environment: None,
        requests: ports.traffic.usage().into_iter().filter(|(host, _)| is_own(host)).collect(),
        pauses: ports.traffic.pauses(),
        ..validating.clone()
    };
    vec![Fact::Finished(validating), Fact::Finished(generating)]
}
