//! A run: recover, reconcile, decide, attempt, persist.
//!
//! All that is decided lies in core; here it is carried out. Facts are journalled as they come, so
//! a run that dies loses no finished attempt, and what it was at is recorded by the next one.

mod batch;
mod journal;
mod ports;
mod recover;
mod settle;
mod summary;

use anyhow::Context as _;
use batch_core::{
    decide::{
        ahead,
        plan::Share,
        preflight::{Choice, Preflight},
        record,
    },
    model::{BatchId, Control, EcosystemId},
};
use tokio::sync::{Mutex, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

pub use ports::{Ports, Rulebook};
pub use summary::{AttemptSummary, BatchSummary, FailureSummary, SkippedEcosystem, Summary};

use crate::stage::preflight;

/// Stands for the ecosystem in the id of a run over several batches.
const RUN: EcosystemId = EcosystemId::from_static("run");

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// For whom.
    pub choice: Choice,
    /// How much each takes.
    pub share: Share,
    /// Recipes that are validated at once, over all batches, and packages that are generated at
    /// once, for each batch. At least 1.
    pub jobs: usize,
}

/// Runs, and leaves everything that happened in the state.
pub async fn run(
    ports: &Ports<'_>,
    rulebook: &Rulebook<'_>,
    request: &Request,
    cancel: &CancellationToken,
) -> anyhow::Result<Summary> {
    let _lock = ports.state.lock_run(ports.clock.now())?;
    if let Some(validator) = ports.validator {
        validator.clean_up().await?;
    }
    let mut recipes = rulebook.recipes(ports)?;
    let recovered = recover::pending(ports, rulebook, &mut recipes.claims).await?;
    if !recovered.is_empty() {
        recipes = rulebook.recipes(ports)?;
    }
    let reconciled = recover::reconcile(ports, rulebook, &recipes)?;
    let claims = recipes.claims;
    let around = rulebook.surroundings(ports);
    let run_id = BatchId::new(RUN, around.now).to_string();
    let preflight = preflight::run(&around, &request.choice, request.share)?;
    let mut summary = Summary { recovered, reconciled, ..Summary::default() };
    summary.skipped = preflight.skipped.iter().map(SkippedEcosystem::from).collect();
    if preflight.batches.is_empty() {
        record_empty_slot(ports, rulebook, &preflight)?;
        return Ok(summary);
    }
    resume_pauses(ports, &ports.state.control()?);
    let n_packages = preflight.batches.iter().map(|turned| turned.plan.attempts.len()).sum();
    ports.progress.expect(n_packages);
    let jobs = request.jobs.max(1);
    let (permits, settled) = (&Semaphore::new(jobs), &Mutex::new(claims.clone()));
    let (claims, run_id) = (&claims, &run_id);
    let shared = &batch::Shared { ports, rulebook, run_id, jobs, permits, claims, settled, cancel };
    // Batches go into the state in the order of the plan, so that of two that want one command the
    // same one has it every time.
    let mut previous = None;
    let batches = preflight.batches.into_iter().map(|turned| {
        let (done, is_done) = oneshot::channel();
        batch::run(turned, shared, batch::Turn { after: previous.replace(is_done), done })
    });
    let batches = futures_util::future::join_all(batches.collect::<Vec<_>>()).await;
    ports.progress.finish();
    for batch in batches {
        summary.batches.push(batch?);
    }
    summary.interrupted = cancel.is_cancelled();
    Ok(summary)
}

/// Hosts that asked an earlier run for a pause are not asked before it has passed.
fn resume_pauses(ports: &Ports<'_>, control: &Control) {
    let now = ports.clock.now();
    let pauses = control.hosts.iter().map(|(host, pause)| (host.clone(), pause.paused_until));
    ports.traffic.resume(&pauses.filter(|&(_, until)| ahead::is_paused(until, now)).collect());
}

/// A slot in which nothing could be attempted leaves its record too: silence is not health.
fn record_empty_slot(
    ports: &Ports<'_>,
    rulebook: &Rulebook<'_>,
    preflight: &Preflight,
) -> anyhow::Result<()> {
    let reason = |(ecosystem, reason): &(_, _)| format!("{ecosystem}: {reason}");
    let reasons: Vec<String> = preflight.skipped.iter().map(reason).collect();
    let mut record =
        record::empty_slot(preflight.slot.clone(), ports.clock.now(), reasons.join("; "));
    record.workflow_run_url.clone_from(&rulebook.workflow_run_url);
    ports.state.put_run(&record).context("cannot record the empty slot")
}
