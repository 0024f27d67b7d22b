//! Errors of git.

use std::{io, path::PathBuf, time::Duration};

use crate::git::BranchName;

/// git did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum GitError {
    #[error("git is not installed, or not on PATH; install git {}.{} or later", super::OLDEST.0, super::OLDEST.1)]
    Missing,
    #[error("{found:?} is too old; install git {}.{} or later", oldest.0, oldest.1)]
    TooOld { found: String, oldest: (u32, u32) },
    #[error("{} is not in a checkout of a git repository: {reason}", dir.display())]
    NotACheckout { dir: PathBuf, reason: String },
    #[error("{} is not a bare git repository: {reason}", dir.display())]
    NotABareRepository { dir: PathBuf, reason: String },
    #[error(
        "another process is at work; wait for it to end (it holds {})",
        lock.display()
    )]
    Busy { lock: PathBuf },
    #[error("{remote} has no branch {branch}")]
    NoBranch { remote: String, branch: BranchName },
    #[error("{name:?} names no commit of this repository; a shallow clone may not reach it")]
    NoCommit { name: String },
    #[error("{remote} {trouble}: {reason}")]
    Remote { remote: String, trouble: RemoteTrouble, reason: String },
    #[error("{command} failed: {reason}")]
    Failed { command: String, reason: String },
    #[error("{command} did not end within {} s", limit.as_secs())]
    TimedOut { command: String, limit: Duration },
    #[error("cannot use {}", path.display())]
    Files {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is not a path below the root", path.display())]
    Outside { path: PathBuf },
    #[error("a push from {from} to {to} would remove commits of {branch}; nothing was pushed")]
    WouldRemove { branch: BranchName, from: String, to: String },
}

/// Why a remote did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteTrouble {
    /// It may answer later.
    Unreachable,
    /// A person must act: the repository or the permission is missing.
    Denied,
}

impl std::fmt::Display for RemoteTrouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "cannot be reached",
            Self::Denied => "refuses; check its address and your permissions",
        })
    }
}

/// Parts of messages after which trying again is of no use. Every other failure may pass by itself.
const DENIED: &[&str] = &[
    "Authentication failed",
    "Host key verification failed",
    "Invalid username or ",
    "No such remote",
    "Permission denied",
    "Permission to ",
    "Repository not found",
    "could not read Password",
    "could not read Username",
    "does not appear to be a git repository",
    "dubious ownership",
    "error: 401",
    "error: 403",
    "error: 404",
    "not allowed",
    "unable to read askpass",
];

/// What standard error says about the remote.
pub(super) fn trouble(stderr: &str) -> RemoteTrouble {
    let is_denied = DENIED.iter().any(|part| stderr.contains(part))
        || stderr.contains("repository '") && stderr.contains("' not found");
    if is_denied { RemoteTrouble::Denied } else { RemoteTrouble::Unreachable }
}

/// The lines of standard error that tell a reason, in one line.
pub(super) fn reason(stderr: &str, code: i32) -> String {
    const LONGEST: usize = 1000;
    let told = |line: &str| {
        let line = line.strip_prefix("remote: ").unwrap_or(line).trim();
        let line =
            ["fatal: ", "error: "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
        let is_advice = line.starts_with("hint: ") || line == "remote:";
        (!is_advice && !line.is_empty()).then(|| line.to_owned())
    };
    let lines: Vec<String> = stderr.lines().filter_map(told).collect();
    if lines.is_empty() {
        return format!("exit code {code}, without a message");
    }
    let text = lines.join("; ");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_without_advice() {
        let stderr = "remote: error: GH006: Protected branch update failed for refs/heads/main.        \n\
                      remote: \nhint: pull first\nerror: failed to push some refs to '/b.git'\n";
        let text = "GH006: Protected branch update failed for refs/heads/main.; \
                    failed to push some refs to '/b.git'";
        assert_eq!(reason(stderr, 1), text);
        assert_eq!(reason(" \n", 128), "exit code 128, without a message");
        assert_eq!(reason(&"é".repeat(2000), 1).chars().count(), 1001);
    }

    #[test]
    fn what_a_person_must_repair_is_not_called_unreachable() {
        for (stderr, denied) in [
            ("fatal: unable to access 'https://x/': Could not resolve host: x", false),
            ("fatal: unable to access 'https://x/': Failed to connect to x port 443", false),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 502", false),
            (
                "ssh: connect to host x port 22: Connection timed out\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights",
                false,
            ),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 403", true),
            ("fatal: could not read Username for 'https://x': terminal prompts disabled", true),
            (
                "git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                true,
            ),
            ("remote: Repository not found.\nfatal: repository 'https://x/' not found", true),
            ("fatal: '/x.git' does not appear to be a git repository", true),
        ] {
            let expected = if denied { RemoteTrouble::Denied } else { RemoteTrouble::Unreachable };
            assert_eq!(trouble(stderr), expected, "{stderr}");
        }
    }
}
