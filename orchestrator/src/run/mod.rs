//! A run: recover, reconcile, decide, attempt, persist.
//!
//! All decisions are in core; this module carries them out. Facts are written to a journal as they
//! happen, so a run that dies loses no finished attempt, and the next run records its unfinished
//! work.

mod batch;
mod commit;
mod journal;
mod ports;
mod recover;
mod stages;
mod start;
mod summary;
mod sweep;
mod work;

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        ahead, ladder::SkipFlags, name_registry::NameRegistry, plan::BatchLimit, preflight::Choice,
    },
    model::{Environment, Started},
};
use tokio::sync::{Mutex, Semaphore, oneshot};

pub use ports::{Ports, RunConfig};
pub use stages::{Planned, StageEnd, StageError, Stages};
pub use start::{Options, RunPlan};
pub use summary::{
    AttemptSummary, BatchSummary, FailureSummary, Recording, SkippedEcosystem, Summary,
};
pub use sweep::{SweepRequest, SweptRecipes, sweep};

use crate::stage::Stop;
use start::StartedRun;

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The ecosystems.
    pub choice: Choice,
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
    /// The machines of a CI system, one for each environment.
    Matrix,
}

/// Carries out a run and writes everything that happened into the state.
pub async fn run(
    ports: &Ports<'_>,
    config: &RunConfig<'_>,
    request: &Request,
    stop: &Stop,
) -> anyhow::Result<Summary> {
    let StartedRun { plan, batches, recovered, reconciled, name_registry, lock: _lock } =
        start::start(ports, config, request).await?;
    let mut summary = Summary { recovered, reconciled, ..Summary::default() };
    if plan.batches.is_empty() {
        start::record_empty_slot(ports, config, &plan)?;
        summary.skipped = plan.skipped;
        return Ok(summary);
    }
    summary.skipped = plan.skipped;
    let work = Work { jobs: request.jobs, name_registry };
    summary.batches = run_batches(batches, work, (ports, config), stop).await?;
    summary.interrupted = stop.is_draining();
    Ok(summary)
}

/// How batches are worked on.
struct Work {
    jobs: usize,
    /// The recipes that exist.
    name_registry: NameRegistry,
}

/// Runs `batches` at the same time, and writes them into the state.
async fn run_batches(
    batches: Vec<Started>,
    Work { jobs, name_registry }: Work,
    (ports, config): (&Ports<'_>, &RunConfig<'_>),
    stop: &Stop,
) -> anyhow::Result<Vec<BatchSummary>> {
    let n_packages = batches.iter().map(|started| started.plan.packages.len()).sum();
    resume_pauses(ports)?;
    ports.progress.expect(n_packages);
    let (permits, settled) = (&Semaphore::new(jobs.max(1)), &Mutex::new(name_registry.clone()));
    let shared = &batch::Shared {
        work: work::Shared {
            ports,
            config,
            environments: Environment::ALL,
            permits,
            name_registry: &name_registry,
            begun: &BTreeMap::new(),
        },
        settled,
        stop,
    };
    // Batches are written in the order of the plan, so that of two recipes with the same command
    // always the same one is accepted.
    let mut previous = None;
    let batches = batches.into_iter().map(|started| {
        let (done, is_done) = oneshot::channel();
        batch::run(started, shared, batch::CommitOrder { after: previous.replace(is_done), done })
    });
    let batches = futures_util::future::join_all(batches.collect::<Vec<_>>()).await;
    ports.progress.finish();
    batches.into_iter().collect()
}

/// Hosts that asked an earlier run for a pause are not asked before the pause has passed.
fn resume_pauses(ports: &Ports<'_>) -> anyhow::Result<()> {
    let control = ports.state.control()?;
    let now = ports.clock.now();
    let pauses = control.hosts.iter().map(|(host, pause)| (host.clone(), pause.paused_until));
    ports.traffic.resume(&pauses.filter(|&(_, until)| ahead::is_paused(until, now)).collect());
    Ok(())
}
