//! A forge without a server: pull requests for a bare repository on this machine.
//!
//! Everything lies in the folder `tsuku-batch` of the repository:
//!
//! | file | content |
//! |---|---|
//! | `pulls/<n>.json` | a pull request: `number`, `branch`, `head`, `title`, `body`, `labels`, `state` (`"open"`, `"closed"` or `{"merged": {"commit": …}}`), `created_at`, `auto_merge` (`null` or `title` and `body` of the commit), `merging` (the commit of a merge that has begun), `comments` |
//! | `checks/<commit>.json` | the checks of a commit, which any process may write: a list of `name`, `conclusion` (`null` while it runs, else a word of GitHub such as `"success"` or `"failure"`), `summary`, `url` |
//! | `protection.json` | the rules of the main branch, which a person writes: `required_checks`, `strict` (a branch must be up to date), `auto_merge` (whether automatic merges are allowed). Without the file nothing is required |
//! | `lock` | held by the process that changes one of them |
//!
//! Whatever a server would do by itself, such as an automatic merge, is done by
//! [`settle`](Forge::settle). A pull request whose commits were merged by hand counts as merged, and
//! one whose branch was deleted as closed.

mod files;
mod merging;
mod pulls;

use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::{
    AutoMerge, BranchUpdate, CheckState, Checks, Forge, ForgeError, MergeOutcome, NewPullRequest,
    PullRequest, PullRequestState, Squash,
    git::{Bare, BranchName, CommitId, Git},
    pull_request::{check_body, line},
};

/// The pull requests of a bare repository.
pub struct LocalForge {
    bare: Bare,
    folder: PathBuf,
    base: BranchName,
}

impl LocalForge {
    /// The pull requests into `base` of the bare repository at `path`.
    pub async fn open(git: &Git, path: &Path, base: BranchName) -> Result<Self, ForgeError> {
        let folder = path.join("tsuku-batch");
        Ok(Self { bare: Bare::open(git, path).await?, folder, base })
    }
}

#[async_trait]
impl Forge for LocalForge {
    async fn open_pull_requests(&self, prefix: &str) -> Result<Vec<PullRequest>, ForgeError> {
        let locked = self.locked().await?;
        let mut open = locked.all().await?;
        open.retain(|pull| pull.state == PullRequestState::Open);
        open.retain(|pull| pull.branch.as_str().starts_with(prefix));
        Ok(open)
    }

    async fn newest_pull_request(
        &self,
        branch: &BranchName,
    ) -> Result<Option<PullRequest>, ForgeError> {
        let all = self.locked().await?.all().await?;
        Ok(all.into_iter().rfind(|pull| pull.branch == *branch))
    }

    async fn pull_request(&self, number: u64) -> Result<Option<PullRequest>, ForgeError> {
        let locked = self.locked().await?;
        match locked.current(number).await? {
            Some(stored) => Ok(Some(self.describe(&stored))),
            None => Ok(None),
        }
    }

    async fn open(&self, new: &NewPullRequest) -> Result<PullRequest, ForgeError> {
        new.check()?;
        self.locked().await?.find_or_open(new).await
    }

    async fn enable_auto_merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<AutoMerge, ForgeError> {
        self.locked().await?.auto_merge(pull_request.number, squash).await
    }

    async fn update_branch(&self, pull_request: &PullRequest) -> Result<BranchUpdate, ForgeError> {
        self.locked().await?.bring_up_to_date(pull_request).await
    }

    async fn checks(&self, commit: &CommitId) -> Result<Checks, ForgeError> {
        self.all_checks(commit)
    }

    async fn merge(
        &self,
        pull_request: &PullRequest,
        squash: &Squash,
    ) -> Result<MergeOutcome, ForgeError> {
        let locked = self.locked().await?;
        let stored = locked.existing(pull_request.number).await?;
        match self.describe(&stored).state {
            PullRequestState::Open => (),
            PullRequestState::Merged { commit } => return Ok(MergeOutcome::Merged { commit }),
            PullRequestState::Closed => {
                return Ok(MergeOutcome::Refused { reason: "it is closed".to_owned() });
            }
        }
        if stored.head != pull_request.head {
            return Ok(MergeOutcome::Moved);
        }
        let checks = self.all_checks(&stored.head)?;
        let requires_nothing = self.protection()?.required_checks.is_empty();
        match checks.state() {
            CheckState::Green => (),
            CheckState::None if requires_nothing => (),
            CheckState::None | CheckState::Pending | CheckState::Red => {
                return Ok(MergeOutcome::NotGreen(checks));
            }
        }
        locked.squash(stored, squash).await
    }

    async fn close(&self, number: u64, reason: &str) -> Result<(), ForgeError> {
        check_body(reason)?;
        self.locked().await?.close(number, reason).await
    }

    async fn comment(&self, number: u64, text: &str) -> Result<(), ForgeError> {
        check_body(text)?;
        self.locked().await?.comment(number, text).await
    }

    async fn required_checks(&self) -> Result<Vec<String>, ForgeError> {
        let cleaner = self.bare.git().cleaner();
        let names = self.protection()?.required_checks;
        Ok(names.iter().map(|name| line(cleaner, name)).collect())
    }

    async fn settle(&self) -> Result<(), ForgeError> {
        self.locked().await?.settle().await
    }
}
