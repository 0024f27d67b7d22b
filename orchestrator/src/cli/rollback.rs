//! `rollback`: takes back the recipes of one batch.

use std::fmt;

use batch_core::model::BatchId;
use batch_forge::{NewPullRequest, PullRequest};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, Refusal,
    forge::{self, ForgeArgs},
    queue::WhoArgs,
    stages::merge::{RemoteArgs, Repository, state_branch},
};
use crate::{
    exit::Exit,
    merge::{FileChange, NothingToRollBack, Rollback, RollbackOutcome, StatePush},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The batch, as `runs list` names it
    #[arg(value_name = "BATCH")]
    batch: String,
    /// Why, for everybody who asks for the packages later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    who: WhoArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    forge: ForgeArgs,
}

/// What `rollback --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RollbackReport {
    /// Whether something was changed.
    dry_run: bool,
    #[serde(flatten)]
    outcome: RollbackOutcome,
    /// The number of its pull request; absent without a forge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pull_request: Option<u64>,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let batch: BatchId = args.batch.parse().map_err(|_| {
        Refusal::usage(format!(
            "{:?} is no batch id such as npm-2026-11-21T13-00-05Z; `tsuku-batch runs list` shows them",
            args.batch
        ))
    })?;
    let repository = Repository::new(&args.remote, &root, cx).await?;
    let Repository { git, worktree, main } = &repository;
    let clock = &*cx.env.clock;
    let rollback = Rollback { worktree, main, clock, batch: &batch };
    let plan =
        rollback.plan().await.map_err(|error| match error.downcast::<NothingToRollBack>() {
            Ok(nothing) => Refusal::not_found(nothing.to_string()),
            Err(error) => error,
        })?;
    if args.who.dry_run {
        cx.out.show(&RollbackReport { dry_run: true, outcome: plan.1, pull_request: None })?;
        return Ok(Exit::Ok);
    }
    let operator = args.who.operator(args.reason.as_deref(), cx);
    let branch = state_branch(&root, main)?;
    let jitter = cx.env.jitter.clone();
    let state = StatePush { worktree, branch: &branch, recipes: main, clock, jitter };
    let outcome = rollback.carry_out(plan, &state, &operator).await?;
    let pull_request = match args.forge.forge {
        Some(kind) => {
            let forge = forge::open(kind, &args.forge, (git, worktree, main), (&root, cx)).await?;
            Some(forge.open(&pull_request(&outcome)?).await?)
        }
        None => None,
    };
    let pull_request = pull_request.map(|PullRequest { number, .. }| number);
    cx.out.show(&RollbackReport { dry_run: false, outcome, pull_request })?;
    Ok(Exit::Ok)
}

fn pull_request(outcome: &RollbackOutcome) -> anyhow::Result<NewPullRequest> {
    let files = outcome.files.iter().filter(|file| file.change != FileChange::ChangedLater);
    let files: Vec<String> = files.map(|file| format!("- `{}`\n", file.path)).collect();
    let batch = &outcome.batch_id;
    // Far below the limit: a batch has at most some hundred recipes.
    let body = format!(
        "These files get the content that they had before batch `{batch}` (commit {}):\n\n{}\nTheir \
         packages wait for a person; `tsuku-batch queue unblock` makes them due again.\n",
        outcome.commit,
        files.concat()
    );
    Ok(NewPullRequest {
        branch: outcome.branch.parse()?,
        title: format!("revert(recipes): roll back batch {batch}"),
        body,
        labels: vec!["rollback".to_owned()],
    })
}

impl fmt::Display for RollbackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dry_run, outcome, pull_request } = self;
        let would = if *dry_run { "would be " } else { "" };
        for file in &outcome.files {
            match file.change {
                FileChange::Restored => writeln!(f, "{would}restored  {}", file.path)?,
                FileChange::Removed => writeln!(f, "{would}removed   {}", file.path)?,
                FileChange::ChangedLater => {
                    writeln!(f, "kept      {} (changed after the batch)", file.path)?;
                }
            }
        }
        let branch = &outcome.branch;
        match (dry_run, pull_request) {
            (true, _) => writeln!(f, "Nothing was changed. The branch would be {branch}."),
            (false, Some(number)) => writeln!(
                f,
                "Pull request #{number} takes them back; {} packages wait for a person.",
                outcome.packages
            ),
            (false, None) => writeln!(
                f,
                "The branch {branch} takes them back when it is merged; {} packages wait for a person.",
                outcome.packages
            ),
        }
    }
}
