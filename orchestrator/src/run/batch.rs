//! One batch: generate, validate, decide, persist.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use anyhow::Context as _;
use batch_core::{
    io::run_blocking,
    model::{Environment, Fact, Started},
};
use tokio::sync::{Mutex, Semaphore, oneshot};

use super::{
    commit::{commit, decided},
    journal::Journal,
    ports::{Ports, RunConfig},
    summary::BatchSummary,
    work::{self, Work},
};
use crate::stage::{Facts, Stop, preflight::Recipes};

/// What all batches of a run share.
pub(super) struct Shared<'a> {
    pub(super) ports: &'a Ports<'a>,
    pub(super) config: &'a RunConfig<'a>,
    /// One permit for each validation that may run at the same time.
    pub(super) permits: &'a Semaphore,
    /// The existing recipes, with those of the batches that were written since.
    pub(super) settled: &'a Mutex<Arc<Recipes>>,
    pub(super) stop: &'a Stop,
}

/// The order in which batches are written into the state.
pub(super) struct CommitOrder {
    /// Received when the previous batch was written, or failed to be written.
    pub(super) after: Option<oneshot::Receiver<()>>,
    /// Notifies the next batch.
    pub(super) done: oneshot::Sender<()>,
}

/// Runs a batch, from its first request to its record. `recipes` existed at the start of the run.
pub(super) async fn run(
    started: Started,
    recipes: Arc<Recipes>,
    shared: &Shared<'_>,
    turn: CommitOrder,
) -> anyhow::Result<BatchSummary> {
    let Shared { ports, config, permits, .. } = *shared;
    let (id, begun) = (started.batch_id.clone(), BTreeMap::new());
    let work = Work::new(
        &started,
        work::Shared {
            ports,
            config,
            environments: Environment::ALL,
            permits,
            name_registry: &recipes.name_registry,
            begun: &begun,
        },
    )?;
    let mut journal = Journal::begin(ports.facts.clone(), &started).await?;

    let packages = started.plan.packages.clone();
    let attempting = async |facts: Facts, stop: &Stop| work.attempt(packages, facts, stop).await;
    journal.during(ports.progress, shared.stop, attempting).await??;
    journal.append(ends(&started, &work)).await?;
    // Nobody reads them any more, so that those of the batch can be added without copying all.
    drop(work);
    drop(recipes);

    if let Some(after) = turn.after {
        // The previous batch reports its own error.
        let _ = after.await;
    }
    tracing::debug!(batch.id = %id, phase = "persist", "persist {id}");
    let mut recipes = shared.settled.lock().await;
    if config.keeps {
        let delta = decided(&started, journal.facts(), &mut recipes, (ports, config));
        let _ = turn.done.send(());
        return Ok(BatchSummary::kept(&delta, config.registry));
    }
    let settled = commit(&started, journal.facts(), &mut recipes, (ports, config)).await;
    let (delta, persisted) = settled.with_context(|| {
        format!("{id} stays in the outbox; the next run writes it into the state")
    })?;
    let _ = turn.done.send(());
    let (sink, batch) = (ports.facts.clone(), id);
    run_blocking(move || sink.discard(&batch)).await?;
    Ok(BatchSummary::new(&delta, &persisted, config.registry))
}

/// The end facts: of the tests in each environment, and of the generation with all requests.
fn ends(started: &Started, work: &Work<'_>) -> Vec<Fact> {
    let packages = started.plan.packages.iter();
    let environments: BTreeSet<Environment> =
        packages.flat_map(|planned| planned.environments.iter().copied()).collect();
    let tested = environments.into_iter().map(|environment| work.end(Some(environment), false));
    tested.chain([work.end(None, true)]).collect()
}
