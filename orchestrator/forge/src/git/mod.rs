//! The system's `git` program, and a private worktree.
//!
//! git itself does the work, because no library in Rust pushes, and because only git reads the
//! person's own configuration of credentials, proxies and keys. It is started without a shell, with
//! a listed environment; no hook of the checkout runs, nothing is signed, and nothing asks a
//! question. Every name comes from a type that cannot be an option.

mod bare;
mod changed;
mod commits;
mod environment;
mod error;
mod history;
mod names;
mod push;
mod remote;
mod transfer;
mod versions;
mod worktree;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use batch_core::{decide::clean::Cleaner, io::Clock};
use chrono::{DateTime, Utc};

pub(crate) use bare::{Bare, MergedTree};
pub use commits::MergedInto;
pub use environment::PASSED_VARIABLES;
pub use error::{GitError, RemoteTrouble};
pub use history::{Change, ChangedFile, Commit};
pub use names::{BranchName, CommitId, InvalidName};
pub use push::PushOutcome;
pub use remote::{Remote, RemoteToken};
pub use worktree::Worktree;

use crate::process::{self, Failure, Invocation};

/// The oldest git that knows all options that are used: `--path-format`, `GIT_CONFIG_COUNT`.
const OLDEST: (u32, u32) = (2, 31);

/// How long a command may take that reads and writes files.
const LOCAL: Duration = Duration::from_secs(5 * 60);

/// How long a command may take that talks to the remote.
const NETWORK: Duration = Duration::from_secs(10 * 60);

/// The largest answer of git, as large as the largest file of the state.
const MAX_ANSWER: u64 = 512 << 20;

/// Whom git names as author and committer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "git's own words")]
pub struct Author {
    pub name: String,
    pub email: String,
}

/// What git needs from this process.
#[derive(Clone)]
pub struct GitSettings {
    /// The `PATH` on which git is searched.
    pub path: OsString,
    /// Variables of this process that git may see. Only [`PASSED_VARIABLES`] are passed on.
    pub variables: BTreeMap<String, String>,
    /// The author of all commits.
    pub author: Author,
    /// A token for the remote. Without one, git finds credentials itself.
    pub token: Option<RemoteToken>,
    /// Cleans what git prints.
    pub cleaner: Arc<Cleaner>,
    /// Measures how long the worktree of another process is waited for.
    pub clock: Arc<dyn Clock>,
    /// How long that may take.
    pub patience: Duration,
}

/// A git that can be used.
#[derive(Clone)]
pub struct Git {
    env: BTreeMap<OsString, OsString>,
    cleaner: Arc<Cleaner>,
    clock: Arc<dyn Clock>,
    patience: Duration,
}

/// One command of git.
struct Command<'a> {
    args: Vec<OsString>,
    dir: &'a Path,
    env: Vec<(&'static str, OsString)>,
    stdin: Option<File>,
    deadline: Duration,
}

/// The answer to a command that ended by itself.
struct Answer {
    code: i32,
    stdout: Vec<u8>,
    /// Standard error as safe text.
    stderr: String,
    /// The subcommand, for messages.
    command: String,
}

impl Git {
    /// Finds git and asks for its version.
    pub async fn find(settings: GitSettings) -> Result<Self, GitError> {
        let env = environment::variables(&settings);
        let GitSettings { cleaner, clock, patience, .. } = settings;
        let git = Self { env, cleaner, clock, patience };
        let asked = git.run(Command::new(Path::new("/"), ["--version"])).await?;
        let text = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        match version(&text) {
            Some(found) if OLDEST <= found => Ok(git),
            _ => Err(GitError::TooOld { found: git.cleaner.text(text.as_bytes()), oldest: OLDEST }),
        }
    }

    pub(crate) fn cleaner(&self) -> &Cleaner {
        &self.cleaner
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    async fn run(&self, command: Command<'_>) -> Result<Answer, GitError> {
        let name = command.name();
        let failed = |reason| GitError::Failed { command: name.clone(), reason };
        if !command.dir.is_dir() {
            return Err(failed(format!("{} is not a folder", command.dir.display())));
        }
        let mut env = self.env.clone();
        env.extend(command.env.into_iter().map(|(name, value)| (name.into(), value)));
        let invocation = Invocation {
            program: "git",
            args: &command.args,
            env: &env,
            dir: command.dir,
            stdin: command.stdin,
            deadline: command.deadline,
            max_stdout: MAX_ANSWER,
        };
        let output = process::run(invocation).await.map_err(|failure| match failure {
            Failure::Start(error) if error.kind() == std::io::ErrorKind::NotFound => {
                GitError::Missing
            }
            Failure::Start(error) => failed(error.to_string()),
            Failure::TimedOut => {
                GitError::TimedOut { command: name.clone(), limit: command.deadline }
            }
            Failure::TooMuchOutput => failed(format!("more than {MAX_ANSWER} bytes of output")),
        })?;
        let stderr = self.cleaner.text(&output.stderr);
        let code = output.code.ok_or_else(|| failed("a signal ended it".to_owned()))?;
        Ok(Answer { code, stdout: output.stdout, stderr, command: name })
    }
}

impl<'a> Command<'a> {
    fn new<A: Into<OsString>>(dir: &'a Path, args: impl IntoIterator<Item = A>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { args, dir, env: vec![], stdin: None, deadline: LOCAL }
    }

    /// The date of the commit that is made.
    fn date(&mut self, at: DateTime<Utc>) {
        let date = format!("@{} +0000", at.timestamp());
        for name in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
            self.env.push((name, date.clone().into()));
        }
    }

    /// The subcommand, which contains no secret.
    fn name(&self) -> String {
        let name = self.args.iter().find(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
        format!("git {}", name.map_or("--version".into(), |name| name.to_string_lossy()))
    }
}

impl Answer {
    fn succeeded(self) -> Result<Self, GitError> {
        if self.code == 0 { Ok(self) } else { Err(self.failure()) }
    }

    fn failure(&self) -> GitError {
        let reason = error::reason(&self.stderr, self.code);
        GitError::Failed { command: self.command.clone(), reason }
    }

    /// The answer to a question that git answers by 0 and 1.
    fn yes_or_no(self) -> Result<bool, GitError> {
        match self.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(self.failure()),
        }
    }

    /// The one line that was printed.
    fn line(&self) -> Result<&str, GitError> {
        let text = std::str::from_utf8(&self.stdout).ok();
        text.map(|text| text.strip_suffix('\n').unwrap_or(text)).ok_or_else(|| {
            let reason = "it printed something that is not UTF-8".to_owned();
            GitError::Failed { command: self.command.clone(), reason }
        })
    }

    /// The one path that was printed.
    fn path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt as _;
        let bytes = self.stdout.strip_suffix(b"\n").unwrap_or(&self.stdout);
        std::ffi::OsStr::from_bytes(bytes).into()
    }

    /// The one commit that was printed.
    fn commit(&self) -> Result<CommitId, GitError> {
        self.line()?.parse().map_err(|_| GitError::Failed {
            command: self.command.clone(),
            reason: "it printed no commit".to_owned(),
        })
    }
}

/// Major and minor version in the answer to `git --version`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_all_systems_are_read() {
        assert_eq!(version("git version 2.39.5"), Some((2, 39)));
        assert_eq!(version("git version 2.50.1 (Apple Git-155)"), Some((2, 50)));
        assert_eq!(version("git version 2.45.0.windows.1"), Some((2, 45)));
        assert_eq!(version("hub version 2.14"), None);
    }
}
