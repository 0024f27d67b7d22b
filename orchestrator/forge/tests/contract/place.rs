//! A bare repository with a forge, and what the world outside does to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use batch_forge::{Forge, git::CommitId};
use fake_github::{git, try_git};
use tempfile::TempDir;

pub(crate) use fake_github::Check;

/// A forge and its repository.
pub(crate) trait Place {
    fn forge(&self) -> &dyn Forge;
    fn repository(&self) -> &Repository;
    fn set_checks(&self, commit: &CommitId, checks: &[Check<'_>]);
    fn protect(&self, required: &[&str], is_strict: bool, may_auto_merge: bool);
}

/// A bare repository with the branch `main`.
pub(crate) struct Repository {
    dir: TempDir,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let this = Self { dir: tempfile::tempdir().unwrap() };
        git(this.dir.path(), &["init", "-q", "--bare", "-b", "main", "b.git"]);
        git(this.dir.path(), &["clone", "-q", "b.git", "c"]);
        git(&this.clone(), &["checkout", "-q", "-b", "main"]);
        this.commit("main", "first", "1\n");
        this
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.path().join("b.git")
    }

    pub(crate) fn home(&self) -> &Path {
        self.dir.path()
    }

    fn clone(&self) -> PathBuf {
        self.dir.path().join("c")
    }

    /// Pushes a commit to `branch`, which begins at main if it is new.
    pub(crate) fn commit(&self, branch: &str, file: &str, text: &str) -> CommitId {
        let clone = self.clone();
        git(&clone, &["fetch", "-q", "--prune", "origin"]);
        let known = try_git(&clone, &["rev-parse", "-q", "--verify", &format!("origin/{branch}")]);
        let from = if known.status.success() { branch } else { "main" };
        let start = format!("origin/{from}");
        if try_git(&clone, &["rev-parse", "-q", "--verify", &start]).status.success() {
            git(&clone, &["checkout", "-q", "--detach", &start]);
        }
        fs::write(clone.join(file), text).unwrap();
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", &format!("Write {file}")]);
        git(&clone, &["push", "-q", "origin", &format!("HEAD:refs/heads/{branch}")]);
        self.tip(branch).unwrap()
    }

    /// Pushes a branch to main, as a person would.
    pub(crate) fn merge_by_hand(&self, branch: &str) {
        let (bare, reference) = (self.bare(), format!("refs/heads/{branch}"));
        git(&bare, &["update-ref", "refs/heads/main", &reference]);
    }

    pub(crate) fn delete(&self, branch: &str) {
        git(&self.bare(), &["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }

    pub(crate) fn tip(&self, branch: &str) -> Option<CommitId> {
        let reference = format!("refs/heads/{branch}");
        let output = try_git(&self.bare(), &["rev-parse", "-q", "--verify", &reference]);
        String::from_utf8(output.stdout).unwrap().trim().parse().ok()
    }

    pub(crate) fn contains(&self, commit: &CommitId, old: &CommitId) -> bool {
        let asked = ["merge-base", "--is-ancestor", old.as_str(), commit.as_str()];
        try_git(&self.bare(), &asked).status.success()
    }

    pub(crate) fn message(&self, commit: &CommitId) -> String {
        git(&self.bare(), &["log", "-1", "--format=%B", commit.as_str()])
    }

    pub(crate) fn show(&self, commit: &CommitId, file: &str) -> String {
        git(&self.bare(), &["show", &format!("{commit}:{file}")])
    }
}
