//! The stages of a run as commands, which pass artifacts to each other in a folder.

pub(super) mod generate;
pub(super) mod matrix;
pub(super) mod merge;
pub(super) mod preflight;
pub(super) mod validate;

use std::{fmt, path::PathBuf};

use batch_core::{io::ArtifactError, model::BatchId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    exit::Exit,
    run::{RunPlan, StageEnd, StageError},
};

/// The folder of the artifacts.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ArtifactArgs {
    /// Folder of the artifacts that the stages of a run pass to each other
    #[arg(long, value_name = "DIR")]
    artifacts: PathBuf,
}

/// The exit code of an error that a stage causes; `None` for other errors.
pub(super) fn exit_of(error: &anyhow::Error) -> Option<Exit> {
    if error.chain().any(<dyn std::error::Error>::is::<ArtifactError>) {
        return Some(Exit::State);
    }
    match error.chain().find_map(|cause| cause.downcast_ref::<StageError>())? {
        StageError::NoPlan { .. } => Some(Exit::NotFound),
        StageError::OutOfOrder(_) | StageError::OtherMachine(_) => Some(Exit::Unavailable),
        StageError::Unusable(_) => Some(Exit::State),
    }
}

/// What `generate --json` and `validate --json` print.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StageReport {
    /// The run.
    run_id: String,
    /// Its batches.
    batches: Vec<BatchId>,
    /// How the stage ended.
    outcome: StageOutcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum StageOutcome {
    /// Its work is done, now or before.
    Done,
    /// It was interrupted. The same command continues it.
    Interrupted,
    /// Cheaper environments have not reported yet. The same command continues it.
    Waiting,
    /// `batch-control.json` disables some of the ecosystems, for which nothing was attempted. The same
    /// command continues it when they are enabled.
    Disabled,
}

impl StageReport {
    fn new(plan: RunPlan, end: StageEnd) -> Self {
        let outcome = match end {
            StageEnd::Done => StageOutcome::Done,
            StageEnd::Interrupted => StageOutcome::Interrupted,
            StageEnd::Waiting => StageOutcome::Waiting,
            StageEnd::Disabled => StageOutcome::Disabled,
        };
        Self { run_id: plan.run_id, batches: plan.batches, outcome }
    }

    pub(super) fn is_done(&self) -> bool {
        self.outcome == StageOutcome::Done
    }

    fn exit(&self) -> Exit {
        match self.outcome {
            StageOutcome::Done => Exit::Ok,
            StageOutcome::Interrupted => Exit::Interrupted,
            StageOutcome::Waiting | StageOutcome::Disabled => Exit::Unavailable,
        }
    }
}

impl fmt::Display for StageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = match self.outcome {
            StageOutcome::Done => "done",
            StageOutcome::Interrupted => "interrupted; the same command continues it",
            StageOutcome::Waiting => "waits for results of cheaper environments",
            StageOutcome::Disabled => {
                "not all attempted, because batch-control.json disables the ecosystem; enable it, then \
                 the same command continues"
            }
        };
        writeln!(f, "{}: {outcome}", self.run_id)?;
        for batch in &self.batches {
            writeln!(f, "  {batch}")?;
        }
        Ok(())
    }
}
