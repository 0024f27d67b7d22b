//! A run: recover, reconcile, decide, attempt, persist.
//!
//! All that is decided lies in core; here it is carried out. Facts are journalled as they come, so
//! a run that dies loses no finished attempt, and what it was at is recorded by the next one.

mod batch;
mod recover;
mod summary;

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use batch_core::{
    decide::{
        plan::Share,
        preflight::{Choice, Preflight},
        record,
    },
    io::{StateReader as _, StateWriter as _},
};
use tokio_util::sync::CancellationToken;

pub use summary::{AttemptSummary, BatchSummary, FailureSummary, SkippedEcosystem, Summary};

use crate::{
    env::{Env, Root},
    net,
    progress::Progress,
    stage::preflight::{self, Machine},
};

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// For whom.
    pub choice: Choice,
    /// How much each takes.
    pub share: Share,
    /// Packages worked on at once.
    pub jobs: usize,
    /// No progress on standard error.
    pub quiet: bool,
    /// Whether standard error is a terminal.
    pub is_terminal: bool,
}

/// Runs, and leaves every fact of it in the state of `root`.
pub async fn run(
    env: &Env,
    root: &Root,
    request: &Request,
    cancel: &CancellationToken,
) -> anyhow::Result<Summary> {
    let _lock = root.state.lock(env.clock.now())?;
    let recovered = recover::pending(env, root)?;
    let recipes = preflight::recipes(env, root)?;
    let reconciled = recover::reconcile(env, root, &recipes)?;
    let machine = Machine::look_around(env, &root.settings).await;
    let preflight = preflight::run(env, root, &machine, &request.choice, request.share)?;
    let mut summary = Summary { recovered, reconciled, ..Summary::default() };
    summary.skipped = preflight.skipped.iter().map(SkippedEcosystem::from).collect();
    if preflight.batches.is_empty() {
        record_empty_slot(env, root, &preflight)?;
        return Ok(summary);
    }
    let http = net::polite(env, &root.settings, &root.layout.cache(), &root.state.control()?)?;
    let n_packages = preflight.batches.iter().map(|turned| turned.plan.attempts.len()).sum();
    let progress = Progress::new(n_packages, request.is_terminal, request.quiet);
    let progress = &Arc::new(progress);
    let preflight::Recipes { claims, known } = recipes;
    let (machine, http, claims) = (&machine, &http, &Mutex::new(claims));
    let (jobs, known) = (request.jobs, &known);
    let tools = batch::Tools { env, root, machine, http, claims, known, progress, jobs, cancel };
    let batches = preflight.batches.into_iter().map(|turned| batch::run(turned, &tools));
    let batches = futures_util::future::join_all(batches).await;
    progress.finish();
    net::prune(http);
    for batch in batches {
        summary.batches.push(batch?);
    }
    summary.interrupted = cancel.is_cancelled();
    Ok(summary)
}

/// A slot in which nothing could be attempted leaves its record too: silence is not health.
fn record_empty_slot(env: &Env, root: &Root, preflight: &Preflight) -> anyhow::Result<()> {
    let reason = |(ecosystem, reason): &(_, _)| format!("{ecosystem}: {reason}");
    let reasons: Vec<String> = preflight.skipped.iter().map(reason).collect();
    let mut record =
        record::empty_slot(preflight.slot.clone(), env.clock.now(), reasons.join("; "));
    record.workflow_run_url.clone_from(&env.workflow_run_url);
    root.state.put_run(&record).context("cannot record the empty slot")
}
