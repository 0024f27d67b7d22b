//! A run: recover, reconcile, decide, attempt, persist.
//!
//! All decisions are in core; this module carries them out. Facts are written to a journal as they
//! happen, so a run that dies loses no finished attempt, and the next run records its unfinished
//! work.

mod batch;
mod commit;
mod journal;
mod next_step;
mod ports;
pub(crate) mod recover;
mod skipped;
mod slot;
mod stages;
mod start;
mod summary;
mod sweep;
mod work;

use std::{collections::BTreeSet, sync::Arc};

use batch_core::{
    decide::{ahead, ladder::SkipFlags, plan::BatchLimit, preflight::Choice},
    model::{PackageId, Started},
};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tracing::{Instrument as _, Span};

pub use ports::{Ports, ProcessRecipes, RecipeSource, RunConfig};
pub use skipped::SkippedEcosystem;
pub use stages::{Collected, Planned, StageEnd, StageError, Stages};
pub use start::{Options, RunPlan};
pub use summary::{AttemptSummary, BatchSummary, FailureSummary, Recording, Summary};
pub use sweep::{SweepRequest, SweptRecipes, sweep};

use crate::{
    machine::Tester,
    stage::{Stop, preflight::Recipes},
};
use start::StartedRun;

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The ecosystems.
    pub choice: Choice,
    /// Only these packages, although they may wait after a failure; empty for any.
    pub only: BTreeSet<PackageId>,
    /// The limits of each batch.
    pub batch_limit: BatchLimit,
    /// Who tests the recipes.
    pub testers: Testers,
    /// The environments that are left out.
    pub skip: SkipFlags,
    /// How many recipes are validated at the same time over all batches. At least 1.
    pub jobs: usize,
}

/// The machines that test the recipes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Testers {
    /// This machine only.
    Here,
    /// The hosted machines of a CI system, one for each environment, with this program.
    Matrix(Tester),
}

/// The field of spans that names the run.
pub(crate) const RUN_ID: &str = "run_id";

/// The span of a run, so that its messages name it. It is always there, whatever messages are shown.
fn span(plan: &RunPlan) -> Span {
    tracing::error_span!("run", run_id = %plan.run_id)
}

/// Carries out a run and writes everything that happened into the state.
pub async fn run(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    request: &Request,
    stop: &Stop,
) -> anyhow::Result<Summary> {
    let started = start::start(ports, config, request).await?;
    let StartedRun { plan, batches, recipes, lock: _lock, .. } = started;
    let span = span(&plan);
    let mut summary = Summary {
        run_id: plan.run_id.clone(),
        recovered: started.recovered,
        reconciled: started.reconciled,
        requeued: started.requeued,
        not_attempted: started.not_attempted,
        ..Summary::default()
    };
    if plan.batches.is_empty() {
        config.leave_recipes(recipes);
        if config.keeps {
            summary.empty_slot = Some(slot::empty_slot(config, &plan, started.n_released));
        } else {
            slot::record_empty_slot(ports, config, &plan, started.n_released)?;
        }
        summary.skipped = plan.skipped;
        return Ok(summary);
    }
    summary.skipped = plan.skipped;
    let existing = config.existing(&recipes);
    let work = Work { jobs: request.jobs, recipes };
    let running = run_batches(batches, work, (ports, config), stop).instrument(span);
    let (batches, settled) = running.await;
    config.leave_recipes(existing.after(settled));
    summary.batches = batches?;
    summary.interrupted = stop.is_draining();
    Ok(summary)
}

/// How batches are worked on.
struct Work {
    jobs: usize,
    /// The recipes that exist.
    recipes: Arc<Recipes>,
}

/// Runs `batches` at the same time, and writes them into the state. Returns the recipes that exist
/// afterwards, too.
async fn run_batches(
    batches: Vec<Started>,
    Work { jobs, recipes }: Work,
    (ports, config): (&Ports<'_>, &RunConfig<'_>),
    stop: &Stop,
) -> (anyhow::Result<Vec<BatchSummary>>, Arc<Recipes>) {
    if let Err(error) = resume_pauses(ports) {
        return (Err(error), recipes);
    }
    ports.progress.expect(batches.iter().map(|started| started.plan.packages.len()).sum());
    let settled = Mutex::new(Arc::clone(&recipes));
    let permits = &Semaphore::new(jobs.max(1));
    let shared = &batch::Shared { ports, config, permits, settled: &settled, stop };
    // Batches are written in the order of the plan, so that of two recipes with the same command
    // always the same one is accepted.
    let mut previous = None;
    let batches = batches.into_iter().map(|started| {
        let (done, is_done) = oneshot::channel();
        let order = batch::CommitOrder { after: previous.replace(is_done), done };
        batch::run(started, Arc::clone(&recipes), shared, order)
    });
    let batches: Vec<_> = batches.collect();
    drop(recipes);
    let batches = futures_util::future::join_all(batches).await;
    ports.progress.finish();
    (batches.into_iter().collect(), settled.into_inner())
}

/// Hosts that asked an earlier run for a pause are not asked before the pause has passed.
fn resume_pauses(ports: &Ports<'_>) -> anyhow::Result<()> {
    let control = ports.state.control()?;
    let now = ports.clock.now();
    let pauses = control.hosts.iter().map(|(host, pause)| (host.clone(), pause.paused_until));
    ports.traffic.resume(&pauses.filter(|&(_, until)| ahead::is_paused(until, now)).collect());
    Ok(())
}
