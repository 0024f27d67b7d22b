//! Writes changes of the state onto the main branch of a remote.
//!
//! A change is made to the newest state in a private worktree, and pushed. If somebody was faster, it is
//! made again to what is the newest state then: what a batch adds is applied, and no text is merged.

use std::{path::Path, time::Duration};

use batch_core::{
    io::{Clock, FsState},
    model::BatchId,
};
use batch_forge::git::{BranchName, CommitId, GitError, PushOutcome, RemoteTrouble, Worktree};

use super::recipes::BATCH;

/// How often a change is made, and pushed, before it stays in the outbox.
const MAX_TRIES: u32 = 20;

/// The longest wait before the second try. It doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Upper limit of the doubling.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Where the state is, and how it is written.
pub struct StatePush<'a> {
    /// The private worktree.
    pub worktree: &'a Worktree,
    /// The branch of the state. If it does not exist, it begins where `recipes` is.
    pub branch: &'a BranchName,
    /// The branch that recipes are merged into.
    pub recipes: &'a BranchName,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Chooses waiting times, so that writers that met do not meet again.
    pub jitter: fastrand::Rng,
}

/// What a branch of the state takes from the branch that recipes are merged into.
const OF_PEOPLE: &[&str] = &["recipes", "pipeline.toml"];

/// Where the branch of the state is.
struct Base {
    commit: CommitId,
    exists: bool,
}

/// A change of the state that was made in the worktree.
pub struct Change<T> {
    /// What the caller wants to know about it.
    pub value: T,
    /// The message of the commit: a title, and trailers that say what is in it.
    pub message: String,
}

/// How a push ended.
#[derive(Debug)]
pub enum Pushed<T> {
    /// The change is on the branch.
    Now {
        /// What the last making of the change returned.
        value: T,
        /// The commit.
        commit: CommitId,
    },
    /// The state of the branch has it already: nothing was pushed.
    Nothing {
        /// The same.
        value: T,
    },
    /// It is not on the branch.
    Not {
        /// Why, in one line.
        reason: String,
        /// Whether it may succeed later without anybody doing something.
        is_worth_another_try: bool,
    },
}

impl StatePush<'_> {
    /// The newest state of the branch, checked out in the worktree.
    pub async fn newest(&self) -> anyhow::Result<FsState> {
        Ok(self.check_out().await?.1)
    }

    /// Checks out the newest state. Returns the newest commit, whether the branch exists, and the state.
    async fn check_out(&self) -> anyhow::Result<(Base, FsState)> {
        let Self { worktree, branch, recipes, .. } = self;
        let commit = worktree.fetch_if_present(branch).await?;
        let exists = commit.is_some();
        let commit = match commit {
            Some(commit) => commit,
            None => worktree.fetch(recipes).await?,
        };
        worktree.reset_to(&commit).await?;
        if branch != recipes && exists {
            // Nobody but this program writes to the branch, so that recipes and settings are always those
            // of the other one.
            let newest = worktree.fetch(recipes).await?;
            for path in OF_PEOPLE {
                worktree.restore(&newest, &[Path::new(path)]).await?;
            }
        }
        Ok((Base { commit, exists }, FsState::open(worktree.root())?))
    }

    /// Makes `change` in the newest state, commits `paths`, which are relative to the root, and pushes.
    /// `change` is called for each try, with the state of the worktree.
    pub async fn push<T>(
        &self,
        paths: &[&Path],
        mut change: impl AsyncFnMut(FsState) -> anyhow::Result<Change<T>>,
    ) -> anyhow::Result<Pushed<T>> {
        let Self { worktree, branch, clock, recipes, .. } = self;
        let mut paths = paths.to_vec();
        if branch != recipes {
            paths.extend(OF_PEOPLE.iter().map(Path::new));
        }
        let mut jitter = self.jitter.clone();
        let mut reason = String::new();
        for n in 0..MAX_TRIES {
            if 0 < n {
                clock.sleep(wait(n, jitter.f64())).await;
            }
            let (Base { commit: base, exists }, state) = match self.check_out().await {
                Ok(found) => found,
                Err(error) if is_unreachable(&error) => {
                    reason = error.to_string();
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Change { value, message } = change(state).await?;
            let Some(commit) = worktree.commit_all(&paths, &message, clock.now()).await? else {
                return Ok(Pushed::Nothing { value });
            };
            match worktree.push(&commit, branch, exists.then_some(&base)).await? {
                PushOutcome::Pushed => return Ok(Pushed::Now { value, commit }),
                PushOutcome::Behind { reason: told }
                | PushOutcome::Unreachable { reason: told } => {
                    tracing::debug!("try {} of {MAX_TRIES} to push {branch}: {told}", n + 1);
                    reason = told;
                }
                PushOutcome::Refused { reason } => {
                    return Ok(Pushed::Not { reason, is_worth_another_try: false });
                }
            }
        }
        let reason =
            format!("{MAX_TRIES} tries did not suffice; the last one ended with: {reason}");
        Ok(Pushed::Not { reason, is_worth_another_try: true })
    }
}

/// The wait before the try after `n` others. `jitter` is between 0 and 1 and chooses a part of the whole
/// wait.
fn wait(n: u32, jitter: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1)));
    doubled.min(LONGEST_WAIT).mul_f64(jitter.clamp(0.0, 1.0))
}

fn is_unreachable(error: &anyhow::Error) -> bool {
    let unreachable = RemoteTrouble::Unreachable;
    matches!(error.downcast_ref(), Some(GitError::Remote { trouble, .. }) if *trouble == unreachable)
}

/// The message of a commit with `title` that records `batches`.
pub(super) fn message_of(title: &str, batches: &[BatchId]) -> String {
    let trailers: Vec<String> = batches.iter().map(|batch| format!("{BATCH}: {batch}\n")).collect();
    if trailers.is_empty() {
        return format!("{title}\n");
    }
    format!("{title}\n\n{}", trailers.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_limit_and_are_chosen_by_chance() {
        let millis = |n, jitter| wait(n, jitter).as_millis();
        assert_eq!([millis(1, 1.0), millis(2, 1.0), millis(3, 0.5)], [250, 500, 500]);
        assert_eq!(wait(MAX_TRIES, 1.0), LONGEST_WAIT);
        assert_eq!(wait(u32::MAX, 0.0), Duration::ZERO);
    }

    #[test]
    fn a_message_has_a_trailer_for_each_batch() {
        let batch: BatchId = "npm-2026-11-21T13-00-05Z".parse().unwrap();
        assert_eq!(message_of("chore: x", &[]), "chore: x\n");
        let one = "chore: x\n\nBatch-Id: npm-2026-11-21T13-00-05Z\n";
        assert_eq!(message_of("chore: x", &[batch]), one);
    }
}
