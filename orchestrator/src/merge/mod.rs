//! Brings batches into the state that others see: pushes what they add, and opens the pull requests with
//! their recipes.
//!
//! The state is pushed first, and open pull requests are brought up to date after it. A batch is kept in
//! the outbox until both are done, so that an interrupted merge is completed by the next one.

pub(crate) mod fates;
mod kept;
mod markdown;
mod outboxes;
mod pulls;
mod recipes;
mod report;
mod rollback;
mod slots;
mod state_push;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    path::Path,
    sync::Arc,
};

use batch_core::{
    decide::{
        preflight::Choice,
        pull_request::{BRANCHES, Hold, HoldPolicy, hold},
    },
    io::{FactSink as _, FsState, HistoryFilter, Outbox, StateReader, Visited},
    model::{BatchId, BatchPullRequest, Delta, Fact, Fate, Status, Sweep},
    persist::Persisted,
};
use batch_forge::PullRequest;
use chrono::{DateTime, TimeDelta, Utc};

pub use kept::{keep_all, unpushed_packages};
pub use pulls::Pulls;
pub use recipes::squash_of;
pub use report::{KeptReport, MergeReport, Opened, PullRequestReport, PushReport};
pub use rollback::{FileChange, NothingToRollBack, Rollback, RollbackOutcome, RolledBackFile};
pub use slots::KeptSlots;
pub use state_push::{Change, Pushed, StatePush};

use crate::run::{
    BatchSummary, Ports, RunConfig,
    recover::{self, Recovery},
};
use fates::Fates;

/// What is committed where recipes are merged with the state.
const STATE_AND_RECIPES: &[&str] = &["batch-control.json", "data", "recipes"];

/// What is committed where recipes are merged by pull requests, and after a change of an operator.
pub const STATE: &[&str] = &["batch-control.json", "data"];

/// For how long the pull requests of such batches are looked at.
const RECHECKED: TimeDelta = TimeDelta::days(14);

/// Pushes batches.
pub struct Merge<'a> {
    /// The ports, of which state and facts are replaced.
    pub ports: &'a Ports<'a>,
    /// The configuration. It says whether recipes are merged at once or by pull requests.
    pub config: &'a RunConfig<'a>,
    /// The branch of the state.
    pub state: StatePush<'a>,
    /// The batches that are to be pushed.
    pub unpushed: Outbox,
    /// The records of slots in which nothing could be attempted that are to be pushed.
    pub slots: KeptSlots,
    /// Where pull requests are opened; `None` where recipes are merged with the state.
    pub pulls: Option<Pulls<'a>>,
    /// When the state waits for a pull request.
    pub hold: HoldPolicy,
}

/// What was found out about pull requests before the state is changed.
#[derive(Default)]
struct Known {
    open: Vec<PullRequest>,
    of_batches: BTreeMap<BatchId, BatchPullRequest>,
    problems: Vec<String>,
}

/// What the change of the state came to.
struct Changed {
    recorded: Vec<(Arc<Delta>, Persisted)>,
    fates: Fates,
}

impl Merge<'_> {
    /// Pushes every batch and every record of a slot that is kept, in one commit, and opens and updates
    /// pull requests. If the forge does not answer, the state is pushed all the same.
    pub async fn push(&self) -> anyhow::Result<MergeReport> {
        let known = match &self.pulls {
            Some(pulls) => match self.look(pulls).await {
                Ok(Ok(known)) => known,
                Ok(Err(waits)) => return Ok(MergeReport::of(waits)),
                Err(error) => {
                    let problem = format!("pull requests were not looked at: {error:#}");
                    Known { problems: vec![problem], ..Known::default() }
                }
            },
            None => Known::default(),
        };
        let paths = if self.pulls.is_some() { STATE } else { STATE_AND_RECIPES };
        let paths: Vec<&Path> = paths.iter().map(Path::new).collect();
        let change = async |state| self.change(state, &known).await;
        let (changed, push) = match self.state.push(&paths, change).await? {
            Pushed::Now { value, commit } => {
                (value, PushReport::Pushed { commit: commit.to_string() })
            }
            Pushed::Nothing { value } => (value, PushReport::Nothing),
            Pushed::Not { reason, is_worth_another_try } => {
                let push = PushReport::Kept { reason, is_worth_another_try };
                return Ok(MergeReport::of(push));
            }
        };
        let mut report = MergeReport {
            merged: changed.fates.merged,
            closed: changed.fates.closed,
            red: changed.fates.red,
            problems: known.problems.clone(),
            ..MergeReport::of(push)
        };
        self.slots.clear()?;
        self.complete(&changed.recorded, &mut report).await?;
        if let Some(pulls) = &self.pulls {
            let red = known.of_batches.values().filter(|it| matches!(it.fate, Fate::Red(_)));
            let red: BTreeSet<u64> = red.map(|it| it.link.number).collect();
            report.problems.extend(pulls.bring_up_to_date(&known.open, &red).await);
        }
        let batches = changed.recorded.iter();
        report.batches = batches
            .map(|(delta, persisted)| BatchSummary::new(delta, persisted, self.config.registry))
            .collect();
        Ok(report)
    }

    /// What is known about pull requests, or that the state waits for one of them.
    async fn look(&self, pulls: &Pulls<'_>) -> anyhow::Result<Result<Known, PushReport>> {
        let open = pulls.open().await?;
        let now = self.ports.clock.now();
        let kept = self.unpushed.pending()?;
        let oldest = kept.iter().flat_map(|it| &it.facts).map(Fact::at).min().unwrap_or(now);
        let waiting = pulls.waiting(&open, self.hold.longest).await?;
        if let Hold::Wait { number, until } = hold(&waiting, oldest, now, &self.hold) {
            return Ok(Err(PushReport::Waits { number, until }));
        }
        let state = self.state.newest().await?;
        let mut batches = in_progress(&state)?;
        let of_open = open.iter().filter_map(|pull| pull.branch.as_str().strip_prefix(BRANCHES));
        batches.extend(of_open.filter_map(|batch| batch.parse().ok()));
        batches.extend(rechecked(&state, now)?);
        let of_batches = pulls.of_batches(&batches, &open).await?;
        let missing: Vec<BatchId> =
            batches.into_iter().filter(|batch| !of_batches.contains_key(batch)).collect();
        let kept = (&self.unpushed, &self.slots);
        let adopted = outboxes::adopt(pulls, &state, &missing, kept).await;
        let problems = adopted.unwrap_or_else(|error| {
            vec![format!("what earlier runs could not push was not looked at: {error:#}")]
        });
        Ok(Ok(Known { open, of_batches, problems }))
    }

    /// Opens the pull requests of what is recorded, and forgets the batches for which nothing is left to
    /// do.
    async fn complete(
        &self,
        recorded: &[(Arc<Delta>, Persisted)],
        report: &mut MergeReport,
    ) -> anyhow::Result<()> {
        for (delta, _) in recorded {
            if let Some(pulls) = &self.pulls {
                let state = self.state.newest().await?;
                match pulls.propose(delta, &state).await {
                    Ok(pull) => report.pull_requests.extend(pull),
                    Err(error) => {
                        let batch = &delta.batch;
                        report.problems.push(format!("{batch} has no pull request yet: {error:#}"));
                        continue;
                    }
                }
            }
            self.unpushed.discard(&delta.batch)?;
        }
        Ok(())
    }

    /// Writes everything that is kept into `state`, after the upkeep of its queues.
    async fn change(&self, state: FsState, known: &Known) -> anyhow::Result<Change<Changed>> {
        let Ports { clock, machine, generator, validator, traffic, progress, .. } = self.ports;
        let ports = Ports {
            clock: *clock,
            state: Arc::new(state),
            facts: Arc::new(self.unpushed.clone()),
            machine,
            generator: *generator,
            validator: *validator,
            traffic: *traffic,
            progress,
        };
        let mut recipes = Arc::new(self.config.recipes(&ports)?);
        let fates = fates::write(&*ports.state, &known.of_batches, self.config, clock.now())?;
        recover::upkeep(&ports, self.config, &mut recipes, (&Choice::All, None))?;
        for record in self.slots.all()? {
            ports.state.put_run(&record)?;
        }
        let mut recorded = vec![];
        for journal in self.unpushed.pending()? {
            let batch = journal.batch_id.clone();
            match recover::one(&ports, self.config, &mut recipes, journal).await {
                Ok(Recovery::Recorded(delta, persisted)) => recorded.push((delta, persisted)),
                Ok(Recovery::Nothing) => (),
                Ok(Recovery::Later(reason)) => {
                    tracing::warn!("{batch} is not pushed yet: {reason}");
                }
                Ok(Recovery::Unusable(reason)) => recover::set_aside(&ports, &batch, &reason),
                Err(error) if recover::is_about_the_machine(&error) => return Err(error),
                Err(error) => recover::set_aside(&ports, &batch, &format!("{error:#}")),
            }
        }
        let new = recorded.iter().filter(|(_, persisted)| *persisted != Persisted::Before);
        let batches: Vec<BatchId> = new.map(|(delta, _)| delta.batch.clone()).collect();
        let title = match &batches[..] {
            [] => "chore(state): keep queues up to date".to_owned(),
            [batch] => format!("chore(state): record batch {batch}"),
            batches => format!("chore(state): record {} batches", batches.len()),
        };
        let message = state_push::message_of(&title, &batches);
        Ok(Change { value: Changed { recorded, fates }, message })
    }
}

/// The batches whose recipes got cells back, and whose pull requests may not be recorded as merged yet: no
/// entry waits for them.
fn rechecked(state: &FsState, now: DateTime<Utc>) -> anyhow::Result<Vec<BatchId>> {
    let filter = HistoryFilter { since: Some(now - RECHECKED), ..HistoryFilter::default() };
    let mut batches = vec![];
    state.visit_runs(&filter, &mut |visited| {
        if let Visited::Record(run) = visited {
            let is_proposed = run.sweep == Some(Sweep::Recheck) && run.merged < run.succeeded;
            batches.extend(is_proposed.then(|| run.batch_id.parse().ok()).flatten());
        }
        ControlFlow::Continue(())
    })?;
    Ok(batches)
}

/// The batches whose pull requests some entries of `state` wait for.
fn in_progress(state: &FsState) -> anyhow::Result<BTreeSet<BatchId>> {
    let mut batches = BTreeSet::new();
    for ecosystem in state.queued_ecosystems()? {
        // A queue that cannot be read is reported where it is needed.
        let Ok(Some(queue)) = state.queue(&ecosystem) else { continue };
        batches.extend(queue.entries.values().filter_map(|entry| match &entry.status {
            Status::InProgress { batch } => Some(batch.clone()),
            Status::Pending
            | Status::Success
            | Status::Failed
            | Status::Blocked { .. }
            | Status::RequiresManual { .. }
            | Status::Excluded { .. } => None,
        }));
    }
    Ok(batches)
}
