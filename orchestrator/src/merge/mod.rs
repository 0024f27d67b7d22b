//! Brings batches into the state that others see: pushes what they add, and opens the pull requests with
//! their recipes.

mod report;
mod state_push;

use std::{path::Path, sync::Arc};

use batch_core::{
    decide::preflight::Choice,
    io::{FactSink as _, FsState, Journal, Outbox},
    model::{BatchId, Delta, RunRecord},
    persist::Persisted,
};

pub use report::{MergeReport, PushReport};
pub use state_push::{Change, Pushed, StatePush};

use crate::run::{
    BatchSummary, Ports, RunConfig,
    recover::{self, Recovery},
};

/// What is committed where recipes are merged with the state.
const STATE_AND_RECIPES: &[&str] = &["batch-control.json", "data", "recipes"];

/// Pushes batches.
pub struct Merge<'a> {
    /// The ports, of which state and facts are replaced.
    pub ports: &'a Ports<'a>,
    /// The configuration.
    pub config: &'a RunConfig<'a>,
    /// The branch of the state.
    pub state: StatePush<'a>,
    /// The batches that are to be pushed.
    pub unpushed: Outbox,
}

/// A batch that is in the state of the worktree.
struct Recorded {
    delta: Arc<Delta>,
    persisted: Persisted,
}

impl Merge<'_> {
    /// Keeps `journal` until its batch is pushed. A batch that is kept already stays as it is.
    pub fn keep(&self, journal: &Journal) -> anyhow::Result<()> {
        let Some(started) = journal.started() else { return Ok(()) };
        let is_kept = self.unpushed.pending()?.iter().any(|it| it.batch_id == journal.batch_id);
        if !is_kept {
            self.unpushed.begin(started)?;
            let rest: Vec<_> =
                journal.facts.iter().filter(|fact| fact.started().is_none()).cloned().collect();
            batch_core::io::FactWriter::append(&self.unpushed, &journal.batch_id, &rest)?;
        }
        Ok(())
    }

    /// Pushes every batch that is kept, and the record of an `empty_slot`, in one commit.
    pub async fn push(&self, empty_slot: Option<&RunRecord>) -> anyhow::Result<MergeReport> {
        let paths: Vec<&Path> = STATE_AND_RECIPES.iter().map(Path::new).collect();
        let pushed =
            self.state.push(&paths, async |state| self.change(state, empty_slot).await).await?;
        let (recorded, push) = match pushed {
            Pushed::Now { value, commit } => {
                (value, PushReport::Pushed { commit: commit.to_string() })
            }
            Pushed::Nothing { value, .. } => (value, PushReport::Nothing),
            Pushed::Not { reason, is_worth_another_try } => {
                let push = PushReport::Kept { reason, is_worth_another_try };
                return Ok(MergeReport { push, batches: vec![] });
            }
        };
        for Recorded { delta, .. } in &recorded {
            self.unpushed.discard(&delta.batch)?;
        }
        let batches = recorded.iter().map(|Recorded { delta, persisted }| {
            BatchSummary::new(delta, persisted, self.config.registry)
        });
        Ok(MergeReport { push, batches: batches.collect() })
    }

    /// Writes everything that is kept into `state`, after the upkeep of its queues.
    async fn change(
        &self,
        state: FsState,
        empty_slot: Option<&RunRecord>,
    ) -> anyhow::Result<Change<Vec<Recorded>>> {
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
        recover::upkeep(&ports, self.config, &recipes, (&Choice::All, None))?;
        if let Some(record) = empty_slot {
            ports.state.put_run(record)?;
        }
        let mut recorded = vec![];
        for journal in self.unpushed.pending()? {
            let batch = journal.batch_id.clone();
            match recover::one(&ports, self.config, &mut recipes, journal).await {
                Ok(Recovery::Recorded(delta, persisted)) => {
                    recorded.push(Recorded { delta, persisted });
                }
                Ok(Recovery::Nothing) => (),
                Ok(Recovery::Later(reason)) => {
                    tracing::warn!("{batch} is not pushed yet: {reason}")
                }
                Ok(Recovery::Unusable(reason)) => recover::set_aside(&ports, &batch, &reason),
                Err(error) if recover::is_about_the_machine(&error) => return Err(error),
                Err(error) => recover::set_aside(&ports, &batch, &format!("{error:#}")),
            }
        }
        let batches: Vec<BatchId> = recorded.iter().map(|it| it.delta.batch.clone()).collect();
        let title = match &batches[..] {
            [] => "chore(state): keep queues up to date".to_owned(),
            [batch] => format!("chore(state): record batch {batch}"),
            batches => format!("chore(state): record {} batches", batches.len()),
        };
        Ok(Change { value: recorded, message: state_push::message_of(&title, &batches) })
    }
}
