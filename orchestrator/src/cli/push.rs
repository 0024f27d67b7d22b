//! `--push`: what an operator changes is changed in the newest state of the remote, and pushed.
//!
//! The checkout is never touched. If somebody else was faster, the change is made again to what is the
//! newest state then, so that it is always decided from what is true when it is pushed.

use std::{fmt::Display, path::Path};

use serde::Serialize;

use super::{
    Context, Refusal,
    stages::merge::{RemoteArgs, Repository, state_branch},
};
use crate::{
    env::Root,
    exit::Exit,
    merge::{self, Pushed, STATE, StatePush},
};

/// Whether a change is pushed, and where.
#[derive(Debug, clap::Args)]
pub(super) struct PushArgs {
    /// Change the newest state of the remote and push it; the checkout stays as it is
    #[arg(long)]
    pub(super) push: bool,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// What a change came to: what is printed about it, and how the program ends.
pub(super) type Outcome<R> = anyhow::Result<(R, Exit)>;

/// Makes `change` in the root, or with `--push` in the newest state of the remote, and prints its report.
/// `title` is that of the commit. `change` may be called several times, each time with a newer state.
pub(super) async fn change<R: Serialize + Display>(
    args: &PushArgs,
    title: &str,
    cx: &Context,
    mut change: impl FnMut(&Root) -> Outcome<R>,
) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    if !args.push {
        let (report, exit) = change(&root)?;
        cx.out.show(&report)?;
        return Ok(exit);
    }
    let repository = args.repository(&root, cx).await?;
    let change = async |state| {
        let value = change(&Root::of(state)?)?;
        Ok(merge::Change { value, message: format!("chore(state): {title}\n") })
    };
    let branch = state_branch(&root, &repository.main)?;
    let paths: Vec<&Path> = STATE.iter().map(Path::new).collect();
    let pushed = state_push(&repository, &branch, cx).push(&paths, change).await?;
    let (report, exit) = settled(pushed)?;
    cx.out.show(&report)?;
    Ok(exit)
}

impl PushArgs {
    /// The repository that is pushed to.
    pub(super) async fn repository(&self, root: &Root, cx: &Context) -> anyhow::Result<Repository> {
        Repository::new(&self.remote, root, cx).await
    }
}

/// What writes the state of `repository` onto `branch`.
pub(super) fn state_push<'a>(
    repository: &'a Repository,
    branch: &'a batch_forge::git::BranchName,
    cx: &'a Context,
) -> StatePush<'a> {
    let Repository { worktree, main, .. } = repository;
    let jitter = cx.env.jitter.clone();
    StatePush { worktree, branch, recipes: main, clock: &*cx.env.clock, jitter }
}

/// The value of a change that the remote has now. The error says why it has not.
pub(super) fn settled<T>(pushed: Pushed<T>) -> anyhow::Result<T> {
    match pushed {
        Pushed::Now { value, commit } => {
            tracing::info!("pushed as commit {commit}");
            Ok(value)
        }
        Pushed::Nothing { value } => {
            tracing::info!("nothing was pushed, because nothing changed");
            Ok(value)
        }
        Pushed::Not { reason, is_worth_another_try } => {
            let hint = if is_worth_another_try {
                "the same command may succeed later"
            } else {
                "the token or a rule of the branch does not allow it"
            };
            Err(Refusal::unavailable(format!("nothing was changed: {reason}; {hint}")))
        }
    }
}
