//! A bare repository on this machine, in which commits are made without a worktree.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::git::{Answer, BranchName, Command, CommitId, Git, GitError, error};

/// A bare repository.
pub(crate) struct Bare {
    git: Git,
    dir: PathBuf,
}

/// The tree of a merge, or the files that stand against it.
pub(crate) enum MergedTree {
    Clean(CommitId),
    Conflict,
}

impl Bare {
    pub(crate) async fn open(git: &Git, dir: &Path) -> Result<Self, GitError> {
        let not_bare = |reason| GitError::NotABareRepository { dir: dir.to_owned(), reason };
        if !dir.is_dir() {
            return Err(not_bare("there is no such folder".to_owned()));
        }
        let bare = Self { git: git.clone(), dir: dir.to_owned() };
        let answer = bare.ask(bare.command(["rev-parse", "--is-bare-repository"])).await?;
        match (answer.code, answer.line()?) {
            (0, "true") => Ok(bare),
            (0, _) => Err(not_bare("it has a checkout".to_owned())),
            (code, _) => Err(not_bare(error::reason(&answer.stderr, code))),
        }
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// The newest commit of `branch`; `None` if it does not exist.
    pub(crate) async fn tip(&self, branch: &BranchName) -> Result<Option<CommitId>, GitError> {
        let reference = format!("{}^{{commit}}", branch.reference());
        let asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", &reference];
        let answer = self.ask(self.command(asked)).await?;
        match answer.code {
            0 => answer.commit().map(Some),
            1 => Ok(None),
            _ => Err(answer.failure()),
        }
    }

    pub(crate) async fn is_ancestor(
        &self,
        old: &CommitId,
        new: &CommitId,
    ) -> Result<bool, GitError> {
        let asked = ["merge-base", "--is-ancestor", old.as_str(), new.as_str()];
        self.ask(self.command(asked)).await?.yes_or_no()
    }

    pub(crate) async fn tree(&self, commit: &CommitId) -> Result<CommitId, GitError> {
        let tree = format!("{commit}^{{tree}}");
        self.ask(self.command(["rev-parse", "--verify", &tree])).await?.succeeded()?.commit()
    }

    /// Merges two commits without a worktree, which git can do since 2.38.
    pub(crate) async fn merged_tree(
        &self,
        ours: &CommitId,
        theirs: &CommitId,
    ) -> Result<MergedTree, GitError> {
        let options = ["merge-tree", "--write-tree", "--no-messages", "--name-only"];
        let command = self.command(options.into_iter().chain([ours.as_str(), theirs.as_str()]));
        let answer = self.ask(command).await?;
        match answer.code {
            0 => answer.commit().map(MergedTree::Clean),
            1 => Ok(MergedTree::Conflict),
            // Older versions know another `merge-tree`.
            129 => Err(GitError::Failed {
                command: "git merge-tree".to_owned(),
                reason: "a merge in a bare repository needs git 2.38 or later".to_owned(),
            }),
            _ => Err(answer.failure()),
        }
    }

    pub(crate) async fn commit_tree(
        &self,
        tree: &CommitId,
        parents: &[&CommitId],
        message: &str,
        at: DateTime<Utc>,
    ) -> Result<CommitId, GitError> {
        let parents = parents.iter().flat_map(|parent| ["-p", parent.as_str()]);
        let arguments = ["commit-tree"].into_iter().chain(parents).chain(["-m", message]);
        let mut command = self.command(arguments.chain([tree.as_str()]));
        command.date(at);
        self.ask(command).await?.succeeded()?.commit()
    }

    /// Moves `branch` from `old` to `new`. Returns whether it still was at `old`.
    pub(crate) async fn move_branch(
        &self,
        branch: &BranchName,
        new: &CommitId,
        old: &CommitId,
    ) -> Result<bool, GitError> {
        let asked = ["update-ref", &branch.reference(), new.as_str(), old.as_str()];
        let answer = self.ask(self.command(asked)).await?;
        match answer.code {
            0 => Ok(true),
            _ if answer.stderr.contains("cannot lock ref") => Ok(false),
            _ => Err(answer.failure()),
        }
    }

    fn command<'a>(&'a self, args: impl IntoIterator<Item = &'a str>) -> Command<'a> {
        let mut command = Command::new(&self.dir, args);
        command.env.push(("GIT_DIR", self.dir.clone().into()));
        command
    }

    async fn ask(&self, command: Command<'_>) -> Result<Answer, GitError> {
        self.git.run(command).await
    }
}
