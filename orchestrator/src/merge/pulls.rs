//! The pull requests of batches: opened, brought up to date, and read for what became of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use batch_core::{
    decide::pull_request::{self, BRANCHES, FOR_A_PERSON, WaitingPullRequest},
    io::{Clock, FsState, StateReader},
    model::{BatchId, BatchPullRequest, Delta, Fate, PullRequestLink, RedCheck},
};
use batch_forge::{
    AutoMerge, BranchUpdate, CheckState, Checks, Conclusion, FailedCheck, Forge, ForgeError,
    MergeOutcome, NewPullRequest, PullRequest, PullRequestState, Squash,
    git::{BranchName, PushOutcome, Worktree},
};
use chrono::TimeDelta;

use super::{
    recipes::{Recipes, squash_of},
    report::{Opened, PullRequestReport},
};

const _: () = assert!(pull_request::MAX_BODY <= batch_forge::MAX_BODY);

/// How many commits of a branch are looked at, from the newest one on, for how often it was updated.
const MAX_UPDATES: u32 = 6;

/// Where pull requests are, and how they are merged.
pub struct Pulls<'a> {
    /// The forge.
    pub forge: &'a dyn Forge,
    /// The private worktree.
    pub worktree: &'a Worktree,
    /// The branch that recipes are merged into.
    pub main: &'a BranchName,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Whether the forge is asked to merge by itself.
    pub auto_merge: bool,
}

impl Pulls<'_> {
    /// The open pull requests of batches, the oldest first.
    pub(super) async fn open(&self) -> Result<Vec<PullRequest>, ForgeError> {
        self.forge.settle().await?;
        self.forge.open_pull_requests(BRANCHES).await
    }

    /// The newest pull request of each of `batches`, as far as there is one. `open` are the open ones.
    pub(super) async fn of_batches(
        &self,
        batches: &BTreeSet<BatchId>,
        open: &[PullRequest],
    ) -> Result<BTreeMap<BatchId, BatchPullRequest>, ForgeError> {
        let mut found = BTreeMap::new();
        for batch in batches {
            let Ok(branch) = pull_request::branch(batch).parse::<BranchName>() else { continue };
            let pull = match open.iter().find(|pull| pull.branch == branch) {
                Some(pull) => Some(pull.clone()),
                None => self.forge.newest_pull_request(&branch).await?,
            };
            if let Some(pull) = pull {
                let fate = self.fate(&pull).await?;
                let link = link(&pull);
                let pull = BatchPullRequest { link, opened_at: pull.created_at, fate };
                found.insert(batch.clone(), pull);
            }
        }
        Ok(found)
    }

    async fn fate(&self, pull: &PullRequest) -> Result<Fate, ForgeError> {
        Ok(match pull.state {
            PullRequestState::Merged { .. } => Fate::Merged,
            PullRequestState::Closed => Fate::Closed,
            PullRequestState::Open => {
                let red = red(self.forge.checks(&pull.head).await?);
                if red.is_empty() { Fate::Open } else { Fate::Red(red) }
            }
        })
    }

    /// Those of `open` that will be merged by themselves, with how often each of them was updated
    /// without a result of its checks. The state waits for one at most `longest`.
    pub(super) async fn waiting(
        &self,
        open: &[PullRequest],
        longest: TimeDelta,
    ) -> anyhow::Result<Vec<WaitingPullRequest>> {
        let mut waiting = vec![];
        for pull in open.iter().filter(|pull| pull.auto_merge) {
            waiting.push(self.updates(pull, longest).await?);
        }
        Ok(waiting)
    }

    /// How many of the newest commits of the branch of `pull` are merges whose checks have not come to an
    /// end.
    async fn updates(
        &self,
        pull: &PullRequest,
        longest: TimeDelta,
    ) -> anyhow::Result<WaitingPullRequest> {
        self.worktree.fetch(&pull.branch).await?;
        let mut found =
            WaitingPullRequest { number: pull.number, updates: 0, was_waited_for: false };
        let (mut id, mut replaced_at) = (pull.head.clone(), self.clock.now());
        while found.updates < MAX_UPDATES {
            let commit = self.worktree.commit(&id).await?;
            let [first, _, ..] = &commit.parents[..] else { break };
            if has_ended(&self.forge.checks(&id).await?) {
                break;
            }
            found.updates += 1;
            found.was_waited_for |= longest <= replaced_at - commit.committed_at;
            (id, replaced_at) = (first.clone(), commit.committed_at);
        }
        Ok(found)
    }

    /// Opens a pull request with the recipes of `delta`, which is recorded in `state`, the state of the
    /// worktree. `None` if none of its recipes waits for one. Repeating it changes nothing.
    pub(super) async fn propose(
        &self,
        delta: &Delta,
        state: &dyn StateReader,
    ) -> anyhow::Result<Option<PullRequestReport>> {
        let recipes = Recipes::of(delta, state)?;
        if recipes.wanted.is_empty() {
            return Ok(None);
        }
        let branch: BranchName = pull_request::branch(&delta.batch).parse()?;
        let squash = recipes.squash();
        if !self.push(&branch, &recipes, &squash).await? {
            return Ok(None);
        }
        let mut labels = vec![pull_request::label(delta.batch.ecosystem())];
        if !self.auto_merge {
            labels.push(FOR_A_PERSON.to_owned());
        }
        let new = NewPullRequest {
            branch,
            title: squash.title.clone(),
            body: recipes.with_proposal(pull_request::body),
            labels,
        };
        let pull = self.forge.open(&new).await?;
        let merging = self.let_merge(&pull, &squash).await?;
        let (batch_id, pull_request) = (delta.batch.clone(), link(&pull));
        Ok(Some(PullRequestReport { batch_id, pull_request, merging }))
    }

    /// Pushes the branch with `recipes`, made from the newest main, unless it is there already. `false`
    /// if main has all recipes.
    async fn push(
        &self,
        branch: &BranchName,
        recipes: &Recipes<'_>,
        squash: &Squash,
    ) -> anyhow::Result<bool> {
        let Self { worktree, main, clock, .. } = self;
        if worktree.fetch_if_present(branch).await?.is_some() {
            return Ok(true);
        }
        let base = worktree.fetch(main).await?;
        worktree.reset_to(&base).await?;
        recipes.write(&FsState::open(worktree.root())?)?;
        let message = format!("{}\n\n{}", squash.title, squash.body);
        let at = clock.now();
        let Some(commit) = worktree.commit_all(&[Path::new("recipes")], &message, at).await? else {
            return Ok(false);
        };
        match worktree.push(&commit, branch, None).await? {
            // Somebody else, such as an earlier try whose answer was lost, has made it.
            PushOutcome::Pushed | PushOutcome::Behind { .. } => Ok(true),
            PushOutcome::Refused { reason } | PushOutcome::Unreachable { reason } => {
                anyhow::bail!("the branch {branch} cannot be pushed: {reason}")
            }
        }
    }

    async fn let_merge(&self, pull: &PullRequest, squash: &Squash) -> anyhow::Result<Opened> {
        match pull.state {
            PullRequestState::Open => (),
            PullRequestState::Merged { .. } => return Ok(Opened::Merged),
            PullRequestState::Closed => return Ok(Opened::Closed),
        }
        if !self.auto_merge {
            return Ok(Opened::ForAPerson { reason: "auto_merge is false".to_owned() });
        }
        match self.forge.enable_auto_merge(pull, squash).await? {
            AutoMerge::Enabled => Ok(Opened::AutoMerge),
            AutoMerge::NotAllowed { reason } => Ok(Opened::ForAPerson { reason }),
            AutoMerge::AlreadyMergeable => match self.forge.merge(pull, squash).await? {
                MergeOutcome::Merged { .. } => Ok(Opened::Merged),
                MergeOutcome::Refused { reason } => Ok(Opened::ForAPerson { reason }),
                MergeOutcome::NotGreen(_)
                | MergeOutcome::Behind
                | MergeOutcome::Conflict
                | MergeOutcome::Moved => {
                    let reason = "its checks have not ended, or there are none".to_owned();
                    Ok(Opened::Later { reason })
                }
            },
        }
    }

    /// Brings `open` up to date with main, asks again for the merge of those that could not be merged by
    /// themselves, and closes those whose checks are red, the packages of which were recorded as failed. A
    /// problem with one of them does not keep the others from it.
    pub(super) async fn bring_up_to_date(
        &self,
        open: &[PullRequest],
        red: &BTreeSet<u64>,
    ) -> Vec<String> {
        let mut problems = vec![];
        for pull in open {
            let number = pull.number;
            if red.contains(&number) {
                if let Err(error) = self.forge.close(number, RED).await {
                    problems.push(format!("#{number} cannot be closed: {error}"));
                }
                continue;
            }
            // Its checks start again when its branch is brought up to date, so what can be merged now is
            // merged before: main moves with every state.
            match self.merge_by_itself(pull).await {
                Ok(true) => continue,
                Ok(false) => (),
                Err(error) => problems.push(format!("#{number} cannot be merged: {error:#}")),
            }
            match self.forge.update_branch(pull).await {
                Ok(BranchUpdate::UpToDate | BranchUpdate::Updated | BranchUpdate::Moved) => (),
                Ok(BranchUpdate::Conflict) => problems.push(format!(
                    "#{number} changes the same lines as main; correct its branch, or close it"
                )),
                Err(error) => {
                    problems.push(format!("#{number} cannot be brought up to date: {error}"));
                }
            }
        }
        problems
    }
}

impl Pulls<'_> {
    /// Asks the forge to merge `pull`, unless it was asked before or a person decides. It may have had no
    /// checks yet when it was opened, or the repository did not allow it then. Returns whether it is merged.
    async fn merge_by_itself(&self, pull: &PullRequest) -> anyhow::Result<bool> {
        let is_for_a_person = pull.labels.iter().any(|label| label == FOR_A_PERSON);
        if self.auto_merge && !pull.auto_merge && !is_for_a_person {
            let opened = self.let_merge(pull, &squash_of(pull, self.worktree).await?).await?;
            return Ok(matches!(opened, Opened::Merged));
        }
        Ok(false)
    }
}

/// The comment with which a pull request is closed.
const RED: &str = "The checks of this pull request are red, so its packages were recorded as failed, \
                   and are tried again later. Reopen it to merge it after a correction.";

/// Where `pull` is.
pub(super) fn link(pull: &PullRequest) -> PullRequestLink {
    PullRequestLink { number: pull.number, url: pull.url.clone() }
}

/// The checks that failed. One that was stopped, because the branch got a newer commit, says nothing.
fn red(checks: Checks) -> Vec<RedCheck> {
    let failed = checks.failed.into_iter().filter(|check| !was_stopped(check));
    let red = failed.map(|FailedCheck { name, summary, url, .. }| {
        let url = url.map(|url| url.to_string()).unwrap_or_default();
        RedCheck { name, summary, url }
    });
    red.collect()
}

fn was_stopped(check: &FailedCheck) -> bool {
    matches!(check.conclusion, Conclusion::Cancelled | Conclusion::Stale)
}

/// Whether checks came to an end that says something about the commit.
fn has_ended(checks: &Checks) -> bool {
    match checks.state() {
        CheckState::None | CheckState::Pending => false,
        CheckState::Green => true,
        CheckState::Red => !checks.failed.iter().all(was_stopped),
    }
}
