//! A bare repository, and what GitHub does in it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A bare repository on this machine.
#[derive(Debug, Clone)]
pub struct Bare(PathBuf);

impl Bare {
    /// The repository at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The newest commit of `branch`; `None` if it does not exist.
    pub fn tip(&self, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}");
        let output = try_git(&self.0, &["rev-parse", "-q", "--verify", &reference]);
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// Whether `old` is an ancestor of `commit`.
    pub fn contains(&self, commit: &str, old: &str) -> bool {
        try_git(&self.0, &["merge-base", "--is-ancestor", old, commit]).status.success()
    }

    /// The tree of a merge of two commits; `None` for a conflict.
    pub fn merged_tree(&self, ours: &str, theirs: &str) -> Option<String> {
        let output = try_git(&self.0, &["merge-tree", "--write-tree", ours, theirs]);
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    /// Makes a commit on top of `parents` the newest one of `branch`.
    pub fn put(&self, branch: &str, tree: &str, parents: &[&str], message: &str) -> String {
        let mut args = vec!["commit-tree", tree, "-m", message];
        args.extend(parents.iter().flat_map(|parent| ["-p", parent]));
        let commit = git(&self.0, &args);
        git(&self.0, &["update-ref", &format!("refs/heads/{branch}"), &commit]);
        commit
    }
}

/// The output of git in `dir`.
///
/// # Panics
///
/// If it fails.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = try_git(dir, args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Runs git in `dir`, without the configuration of whoever runs the tests.
///
/// # Panics
///
/// If git cannot be started.
#[expect(clippy::disallowed_methods, reason = "for tests")]
pub fn try_git(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", dir);
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Joe")
            .env(format!("GIT_{role}_EMAIL"), "joe@a.example");
    }
    let output = command.env("GIT_CONFIG_NOSYSTEM", "1").output();
    output.unwrap_or_else(|error| panic!("git cannot be started: {error}"))
}
