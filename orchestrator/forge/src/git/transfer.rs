//! What is asked of the remote.

use std::ffi::{OsStr, OsString};

use crate::git::{
    BranchName, CommitId, GitError, PushOutcome, Worktree,
    push::{Lease, read_push},
};

/// Where the commit that was fetched last is kept. It belongs to this worktree.
const FETCHED: &str = "refs/worktree/fetched";

/// Where the history of a shallow repository is kept.
const HISTORY: &str = "refs/worktree/history";

/// Options of `git fetch` that leave the person's references alone.
const FETCH: [&str; 8] = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-prune",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--force",
];

impl Worktree {
    /// The newest commit of `branch` at the remote, which is in the repository afterwards.
    pub async fn fetch(&self, branch: &BranchName) -> Result<CommitId, GitError> {
        let no_branch =
            || GitError::NoBranch { remote: self.remote().to_string(), branch: branch.clone() };
        self.fetch_if_present(branch).await?.ok_or_else(no_branch)
    }

    /// The same; `None` when the remote has no such branch.
    pub async fn fetch_if_present(
        &self,
        branch: &BranchName,
    ) -> Result<Option<CommitId>, GitError> {
        let mut command = self.command(FETCH);
        let from = format!("+{}:{FETCHED}", branch.reference());
        command.args.extend(at(&self.places().fetch, from));
        let answer = self.ask_remote(command).await?;
        match answer.code {
            0 => self.run(["rev-parse", "--verify", FETCHED]).await?.commit().map(Some),
            _ if answer.stderr.contains("couldn't find remote ref") => Ok(None),
            _ => Err(self.of_remote(&answer)),
        }
    }

    /// Makes the history of a shallow repository, such as one in CI, complete. It takes as long as a
    /// clone, so it is done only where something is not found without it.
    ///
    /// Returns whether the history was incomplete.
    pub async fn complete_history(&self) -> Result<bool, GitError> {
        if self.run(["rev-parse", "--is-shallow-repository"]).await?.line()? != "true" {
            return Ok(false);
        }
        let mut command = self.command(FETCH);
        command.args.push("--unshallow".into());
        command.args.extend(at(&self.places().fetch, format!("+HEAD:{HISTORY}")));
        let answer = self.ask_remote(command).await?;
        if answer.code == 0 { Ok(true) } else { Err(self.of_remote(&answer)) }
    }

    /// Pushes `commit` as the newest one of `branch`, if that is still `expected`, or still missing.
    ///
    /// No commit of the branch is ever removed: `commit` must descend from `expected`.
    pub async fn push(
        &self,
        commit: &CommitId,
        branch: &BranchName,
        expected: Option<&CommitId>,
    ) -> Result<PushOutcome, GitError> {
        if let Some(old) = expected
            && !self.is_ancestor(old, commit).await?
        {
            return Err(GitError::WouldRemove {
                branch: branch.clone(),
                from: old.to_string(),
                to: commit.to_string(),
            });
        }
        self.send(&Lease { branch, expected }, Some(commit)).await
    }

    /// Deletes `branch` at the remote if it still is at `expected`. A branch that is gone already is
    /// what was wanted.
    pub async fn delete_branch(
        &self,
        branch: &BranchName,
        expected: &CommitId,
    ) -> Result<PushOutcome, GitError> {
        let outcome = self.send(&Lease { branch, expected: Some(expected) }, None).await?;
        if matches!(outcome, PushOutcome::Behind { .. })
            && self.fetch_if_present(branch).await?.is_none()
        {
            return Ok(PushOutcome::Pushed);
        }
        Ok(outcome)
    }

    async fn send(
        &self,
        lease: &Lease<'_>,
        commit: Option<&CommitId>,
    ) -> Result<PushOutcome, GitError> {
        let mut command = self.command(["push", "--porcelain", "--no-verify"]);
        command.args.push(lease.option().into());
        let reference = lease.branch.reference();
        let source = commit.map(CommitId::as_str).unwrap_or_default();
        command.args.extend(at(&self.places().push, format!("{source}:{reference}")));
        let answer = self.ask_remote(command).await?;
        Ok(read_push(answer.code, &self.cleaned(&answer.stdout), &answer.stderr))
    }
}

/// A remote and what is asked of it, none of which can be an option.
fn at(place: &OsStr, refspec: String) -> [OsString; 3] {
    ["--end-of-options".into(), place.to_owned(), refspec.into()]
}
