//! What a push came to, read from the answer of git.

use crate::git::{BranchName, CommitId, RemoteTrouble, error};

/// What a push came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The remote has it.
    Pushed,
    /// Somebody else pushed, or is pushing. Fetch, and try again.
    Behind {
        /// What git said.
        reason: String,
    },
    /// The remote will not take it: a rule of the branch, or a missing permission. Trying again
    /// changes nothing.
    Refused {
        /// What the remote said.
        reason: String,
    },
    /// No answer. Whether the remote took it is unknown; the next fetch tells.
    Unreachable {
        /// What git said.
        reason: String,
    },
}

/// A branch, and the commit that it must be at.
pub(super) struct Lease<'a> {
    pub(super) branch: &'a BranchName,
    pub(super) expected: Option<&'a CommitId>,
}

impl Lease<'_> {
    /// The option with which the remote compares before it changes the branch. In spite of its name
    /// nothing is forced: the caller sees to it that no commit is removed.
    pub(super) fn option(&self) -> String {
        let expected = self.expected.map(CommitId::as_str).unwrap_or_default();
        format!("--force-with-lease={}:{expected}", self.branch.reference())
    }
}

/// The reasons in the answer of git that mean that the branch moved.
const MOVED: &[&str] =
    &["stale info", "fetch first", "non-fast-forward", "remote ref updated since checkout"];

/// The same in texts of the remote, which only says "failed to update ref" in its answer.
const MOVED_AT_REMOTE: &[&str] =
    &["but expected", "reference already exists", "incorrect old value", "Unable to create"];

/// Reads the answer to `git push --porcelain` of one reference.
pub(super) fn read_push(code: i32, stdout: &str, stderr: &str) -> PushOutcome {
    if code == 0 {
        return PushOutcome::Pushed;
    }
    let told = error::reason(stderr, code);
    let Some(status) = status(stdout) else {
        return match error::trouble(stderr) {
            RemoteTrouble::Denied => PushOutcome::Refused { reason: told },
            RemoteTrouble::Unreachable => PushOutcome::Unreachable { reason: told },
        };
    };
    let says = |parts: &[&str]| parts.iter().any(|part| status.contains(part));
    // Two branches of which one is a folder of the other never get along.
    let is_folder = stderr.contains("; cannot create '");
    let is_lock = says(&["cannot lock ref", "failed to update ref", "failed to lock"])
        && !is_folder
        && (stderr.contains("cannot lock ref")
            || MOVED_AT_REMOTE.iter().any(|part| stderr.contains(part)));
    let reason = format!("{status}: {told}");
    match () {
        () if says(MOVED) || is_lock => PushOutcome::Behind { reason },
        () if status.starts_with("[remote failure]") => PushOutcome::Unreachable { reason },
        () => PushOutcome::Refused { reason },
    }
}

/// What the answer says about the reference, for example `[rejected] (fetch first)`.
fn status(stdout: &str) -> Option<&str> {
    let line = stdout.lines().find(|line| line.starts_with('!'))?;
    line.find('[').map(|at| &line[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: &str = "To /b.git\n";

    #[track_caller]
    fn check(status: &str, stderr: &str, expected: &str) {
        let stdout = format!("{TO}! abc:refs/heads/main {status}\nDone\n");
        let outcome = format!("{:?}", read_push(1, &stdout, stderr));
        assert!(outcome.starts_with(expected), "{status} {stderr}: {outcome}");
    }

    #[test]
    fn a_branch_that_moved_is_told_from_a_refusal() {
        for status in [
            "[rejected] (stale info)",
            "[rejected] (fetch first)",
            "[rejected] (non-fast-forward)",
            "[rejected] (remote ref updated since checkout)",
            "[remote rejected] (non-fast-forward)",
        ] {
            check(status, "error: failed to push some refs", "Behind");
        }
        let at = "remote: error: cannot lock ref 'refs/heads/main': is at 1 but expected 2";
        check("[remote rejected] (failed to update ref)", at, "Behind");
        check(
            "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
            at,
            "Behind",
        );
        check(
            "[remote rejected] (cannot lock ref 'refs/heads/main': reference already exists)",
            "remote: error: cannot lock ref",
            "Behind",
        );
        let held = "remote: error: cannot lock ref 'refs/heads/main': Unable to create '/b.git/./refs/heads/main.lock': File exists.";
        check("[remote rejected] (failed to update ref)", held, "Behind");
    }

    #[test]
    fn a_rule_of_the_remote_is_a_refusal_with_its_text() {
        let told = "remote: error: GH006: Protected branch update failed for refs/heads/main.\n\
                    remote: error: 2 of 2 required status checks are expected.\n";
        check(
            "[remote rejected] (protected branch hook declined)",
            told,
            "Refused { reason: \"[remote rejected] (protected branch hook declined): GH006",
        );
        check("[remote rejected] (pre-receive hook declined)", "", "Refused");
        check("[remote rejected] (unpacker error)", "remote: fatal: disk full", "Refused");
        check("[remote rejected] (shallow update not allowed)", "", "Refused");
        let folder = "remote: error: cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create 'refs/heads/a'";
        check("[remote rejected] (failed to update ref)", folder, "Refused");
        let read_only = "remote: error: cannot update the ref 'refs/heads/a': unable to append";
        check("[remote rejected] (failed to update ref)", read_only, "Refused");
    }

    #[test]
    fn without_an_answer_the_connection_says_why() {
        let read = |stderr| read_push(128, "", stderr);
        let outcome = read("fatal: unable to access 'https://x/': Could not resolve host: x");
        assert!(matches!(outcome, PushOutcome::Unreachable { .. }), "{outcome:?}");
        let outcome =
            read("fatal: unable to access 'https://x/': The requested URL returned error: 403");
        assert!(matches!(outcome, PushOutcome::Refused { .. }), "{outcome:?}");
        assert_eq!(
            read_push(0, "To /b.git\n=\tabc:refs/heads/main\t[up to date]\n", ""),
            PushOutcome::Pushed
        );
    }
}
