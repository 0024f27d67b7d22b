//! What callers need of a forge.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    Checks, ForgeError, NewPullRequest, PullRequest, Squash,
    git::{BranchName, CommitId},
};

/// A folder that a run of a workflow has uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
}

/// A place where pull requests live. All of them are from branches of the repository itself: a pull
/// request from somebody else's fork is never returned, whatever its branch is called.
#[async_trait]
pub trait Forge: Send + Sync {
    /// The open pull requests whose branch begins with `prefix`, the oldest first.
    async fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError>;

    /// The newest pull request of `branch`, whatever became of it.
    async fn newest_pull_request(
        &self,
        branch: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError>;

    /// The pull request `number`.
    async fn pull_request(&self, number: u64) -> Result<Option<PullRequest>, ForgeError>;

    /// Opens a pull request, with its labels. If the branch has one already, whatever became of it,
    /// that one is returned, so that an interrupted run can repeat this. An open one gets the
    /// labels that it lacks.
    async fn open(&self, new: &NewPullRequest) -> Result<PullRequest, ForgeError>;

    /// Lets the forge merge `pull_request` by itself as one commit, as soon as its rules allow it.
    async fn enable_auto_merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<AutoMerge, ForgeError>;

    /// Merges the main branch into the branch of `pull_request`, if that still is where
    /// `pull_request` says. No commit is removed.
    async fn update_branch(&self, pull_request: &PullRequest) -> Result<BranchUpdate, ForgeError>;

    /// The checks of `commit`, with what the failed ones say.
    async fn checks(&self, commit: &CommitId) -> Result<Checks, ForgeError>;

    /// Merges `pull_request` as one commit, if all its checks are green and it can be merged.
    async fn merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<MergeOutcome, ForgeError>;

    /// Closes the pull request `number` without a merge, after a comment that says why. One that is
    /// not open stays as it is.
    async fn close(&self, number: u64, reason: &str) -> Result<(), ForgeError>;

    /// Adds a comment to the pull request `number`.
    async fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError>;

    /// The names of the checks that must pass before something is merged into the main branch; empty
    /// if the branch is not protected.
    async fn required_checks(&self) -> Result<Vec<String>, ForgeError>;

    /// What is left of the number of requests that the forge allows; `None` where requests are not
    /// counted.
    async fn quota(&self) -> Result<Option<RequestQuota>, ForgeError> {
        Ok(None)
    }

    /// The folders that runs of workflows on the main branch have uploaded since `since`. A forge without
    /// workflows has none.
    async fn uploaded(&self, _since: DateTime<Utc>) -> Result<Vec<Uploaded>, ForgeError> {
        Ok(vec![])
    }

    /// The files of `uploaded` that lie in no folder: names with contents.
    async fn download(&self, uploaded: &Uploaded) -> Result<Vec<(String, Vec<u8>)>, ForgeError> {
        Err(ForgeError::NotFound { what: format!("the artifact {}", uploaded.name) })
    }

    /// Does what a server would have done by itself until now. To be called before the state of
    /// pull requests is asked for. A forge with a server does nothing.
    async fn settle(&self) -> Result<(), ForgeError> {
        Ok(())
    }
}

/// How many requests a forge allows until its count begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestQuota {
    /// All requests.
    pub limit: u64,
    /// Those that are left.
    pub remaining: u64,
    /// When the count begins anew.
    pub renewed_at: DateTime<Utc>,
}

/// What a request for an automatic merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutoMerge {
    /// It will be merged by itself.
    Enabled,
    /// There is nothing to wait for: merge it.
    AlreadyMergeable,
    /// The repository does not allow it, or the pull request is not open.
    NotAllowed {
        /// What the forge said, and what a person can do.
        reason: String,
    },
}

/// What bringing a branch up to date came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchUpdate {
    /// The branch contains the main branch already.
    UpToDate,
    /// Done; GitHub may need some seconds until the branch has the new commit.
    Updated,
    /// The same lines were changed on both. A person must decide.
    Conflict,
    /// The branch has other commits by now. Read the pull request again.
    Moved,
}

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is merged, by this request or before.
    Merged {
        /// The commit on the main branch; `None` when the forge does not say.
        commit: Option<CommitId>,
    },
    /// Some checks have failed, or not ended, or there are none yet.
    NotGreen(Checks),
    /// The main branch has commits that the branch must have first.
    Behind,
    /// The same lines were changed on both. A person must decide.
    Conflict,
    /// The branch has other commits by now. Read the pull request again.
    Moved,
    /// A rule of the repository, or the pull request is closed.
    Refused {
        /// What the forge said.
        reason: String,
    },
}
