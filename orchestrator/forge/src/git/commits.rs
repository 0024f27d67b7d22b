//! Commits that are made in the worktree.

use std::{ffi::OsString, os::unix::ffi::OsStrExt as _, path::Path};

use chrono::{DateTime, Utc};

use crate::git::{BranchName, CommitId, GitError, PushOutcome, Worktree};

/// What bringing a branch up to date came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergedInto {
    /// The branch contains it already.
    UpToDate,
    /// The branch is at this commit now.
    Merged(CommitId),
    /// Both changed these files, given relative to the top of the repository. The branch is as it
    /// was.
    Conflict {
        /// The paths, as text for people.
        paths: Vec<String>,
    },
    /// The merge was made and not pushed.
    NotPushed(PushOutcome),
}

impl Worktree {
    /// Checks out `commit` exactly: nothing else is left in the worktree.
    pub async fn reset_to(&self, commit: &CommitId) -> Result<(), GitError> {
        // Unlike `git reset --hard`, it moves no branch, should somebody have checked out one here.
        self.run(["checkout", "--quiet", "--detach", "--force", commit.as_str()]).await?;
        // Given twice, it removes repositories inside of this one too.
        self.run(["clean", "--quiet", "-ffdx"]).await?;
        Ok(())
    }

    /// Commits all changes below `paths`, which are relative to the root, on top of what is checked
    /// out. `None` when nothing changed. Files are committed even if git is told to ignore them;
    /// paths that do not exist, and never did, are no changes.
    ///
    /// `at` is the date of the commit, so that equal content gives an equal commit.
    pub async fn commit_all(
        &self,
        paths: &[&Path],
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<CommitId>, GitError> {
        self.stage(paths).await?;
        let tree = self.run(["write-tree"]).await?.commit()?;
        if self.run(["rev-parse", "HEAD^{tree}"]).await?.commit()? == tree {
            return Ok(None);
        }
        let head = self.head().await?;
        let file = self.argument_file("tsuku-batch-message", message.as_bytes())?;
        let mut command = self.command(["commit-tree", "-p", head.as_str(), "-F"]);
        command.args.push(file.into());
        command.date(at);
        command.args.push(tree.as_str().into());
        let commit = self.ask(command).await?.succeeded()?.commit()?;
        let moved = ["update-ref", "--no-deref", "HEAD", commit.as_str(), head.as_str()];
        self.run(moved).await?;
        Ok(Some(commit))
    }

    /// Makes the files `paths`, which are relative to the root, what they are in `commit`, byte for byte.
    /// Files that it does not have are removed. A folder stands for all files below it, and a path that
    /// exists neither there nor here for nothing.
    pub async fn restore(&self, commit: &CommitId, paths: &[&Path]) -> Result<(), GitError> {
        let mut list = vec![];
        for path in paths {
            let path = self.in_repository(path)?;
            let mut known =
                self.command(["ls-files", "--cached", "--with-tree", commit.as_str(), "--"]);
            known.args.push(path.clone().into());
            if !self.ask(known).await?.succeeded()?.stdout.is_empty() {
                list.extend_from_slice(path.as_os_str().as_bytes());
                list.push(0);
            }
        }
        if list.is_empty() {
            return Ok(());
        }
        let mut from = OsString::from("--pathspec-from-file=");
        from.push(self.argument_file("tsuku-batch-paths", &list)?);
        let source = format!("--source={commit}");
        let options = ["restore", "--staged", "--worktree", "--pathspec-file-nul", &source];
        let mut command = self.command(options);
        command.args.push(from);
        self.ask(command).await?.succeeded()?;
        Ok(())
    }

    /// The commit that is checked out.
    pub async fn head(&self) -> Result<CommitId, GitError> {
        self.run(["rev-parse", "--verify", "HEAD^{commit}"]).await?.commit()
    }

    /// Brings `branch` up to date with `main` by a merge, and pushes it. No commit of the branch is
    /// removed or rewritten.
    pub async fn merge_into(
        &self,
        branch: &BranchName,
        main: &BranchName,
        at: DateTime<Utc>,
    ) -> Result<MergedInto, GitError> {
        let theirs = self.fetch(main).await?;
        let ours = self.fetch(branch).await?;
        if self.is_ancestor(&theirs, &ours).await? {
            return Ok(MergedInto::UpToDate);
        }
        self.merge_base(&theirs, &ours).await?;
        self.reset_to(&ours).await?;
        let message = format!("Merge branch '{main}' into {branch}");
        let options = ["merge", "--quiet", "--no-ff", "--no-verify", "--no-stat", "--no-autostash"];
        let mut command = self.command(options);
        command.args.extend(["-m", &message, theirs.as_str()].map(OsString::from));
        command.date(at);
        let answer = self.ask(command).await?;
        if answer.code == 0 {
            let commit = self.head().await?;
            let outcome = self.push(&commit, branch, Some(&ours)).await?;
            return Ok(match outcome {
                PushOutcome::Pushed => MergedInto::Merged(commit),
                PushOutcome::Behind { .. }
                | PushOutcome::Refused { .. }
                | PushOutcome::Unreachable { .. } => MergedInto::NotPushed(outcome),
            });
        }
        let paths = self.conflicts().await?;
        self.reset_to(&ours).await?;
        if paths.is_empty() { Err(answer.failure()) } else { Ok(MergedInto::Conflict { paths }) }
    }

    async fn conflicts(&self) -> Result<Vec<String>, GitError> {
        let listed = self.run(["diff", "--name-only", "--diff-filter=U", "-z"]).await?;
        let paths = listed.stdout.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| self.cleaned(path).replace('\n', " ")).collect())
    }

    /// Puts all changes below `paths` into the index.
    async fn stage(&self, paths: &[&Path]) -> Result<(), GitError> {
        let list = ["ls-files", "-z", "--modified", "--deleted", "--others", "--"];
        let mut command = self.command(list);
        for path in paths {
            command.args.push(self.in_repository(path)?.into());
        }
        if paths.is_empty() {
            return Ok(());
        }
        let changed = self.ask(command).await?.succeeded()?.stdout;
        if changed.is_empty() {
            return Ok(());
        }
        let file = self.argument_file("tsuku-batch-paths", &changed)?;
        let mut from = OsString::from("--pathspec-from-file=");
        from.push(file);
        let mut command = self.command(["add", "--all", "--force", "--pathspec-file-nul"]);
        command.args.push(from);
        self.ask(command).await?.succeeded()?;
        Ok(())
    }
}
