//! Pull requests.

use batch_core::decide::clean::Cleaner;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ForgeError,
    git::{BranchName, CommitId},
};

/// The longest text of a pull request or a comment, in characters. GitHub refuses more than 65,536;
/// the rest is for what a forge adds.
pub const MAX_BODY: usize = 60_000;

/// The longest title, in characters. GitHub refuses longer ones.
pub const MAX_TITLE: usize = 256;

/// A pull request from a branch of the same repository. Its texts are safe to print and to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Where a person looks at it.
    pub url: String,
    /// The branch with its commits.
    pub branch: BranchName,
    /// The newest commit of that branch, or the last one that it had.
    pub head: CommitId,
    /// Its title, in one line.
    pub title: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// What became of it.
    pub state: PullRequestState,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Whether it will be merged by itself.
    pub auto_merge: bool,
}

/// What became of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRequestState {
    /// Neither merged nor closed.
    Open,
    /// Its changes are on the main branch.
    Merged {
        /// The commit with which they came there; `None` when the forge does not say.
        commit: Option<CommitId>,
    },
    /// Closed without a merge.
    Closed,
}

/// A pull request to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPullRequest {
    /// The branch with its commits, which was pushed before.
    pub branch: BranchName,
    /// Its title, at most [`MAX_TITLE`] characters.
    pub title: String,
    /// Its text in Markdown, at most [`MAX_BODY`] characters.
    pub body: String,
    /// Labels, which are made if they do not exist.
    pub labels: Vec<String>,
}

/// The one commit that a merged pull request becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Squash {
    /// The first line of its message.
    pub title: String,
    /// The rest. It ends with the trailers.
    pub body: String,
}

impl Squash {
    /// The whole message.
    pub(crate) fn message(&self) -> String {
        format!("{}\n\n{}\n", self.title.trim_end(), self.body.trim_end())
    }
}

impl NewPullRequest {
    /// Refuses what no forge would take.
    pub(crate) fn check(&self) -> Result<(), ForgeError> {
        let n_title = self.title.chars().count();
        if self.title.trim().is_empty() || MAX_TITLE < n_title {
            let text = format!("a title of {n_title} characters; 1 to {MAX_TITLE} are allowed");
            return Err(ForgeError::Invalid { messages: vec![text] });
        }
        check_body(&self.body)
    }
}

/// Refuses a text that is too long.
pub(crate) fn check_body(body: &str) -> Result<(), ForgeError> {
    let n_chars = body.chars().count();
    if MAX_BODY < n_chars {
        let text = format!("a text of {n_chars} characters; at most {MAX_BODY} are allowed");
        return Err(ForgeError::Invalid { messages: vec![text] });
    }
    Ok(())
}

/// `text` as one safe line.
pub(crate) fn line(cleaner: &Cleaner, text: &str) -> String {
    cleaner.text(text.as_bytes()).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_refused_before_it_is_sent() {
        let new = |title: &str, n_chars| NewPullRequest {
            branch: "batch/x".parse().unwrap(),
            title: title.to_owned(),
            body: "é".repeat(n_chars),
            labels: vec![],
        };
        assert!(new("x", MAX_BODY).check().is_ok());
        assert!(new(&"x".repeat(MAX_TITLE), 0).check().is_ok());
        for odd in [new("x", MAX_BODY + 1), new("", 0), new(" ", 0), new(&"x".repeat(257), 0)] {
            assert!(matches!(odd.check(), Err(ForgeError::Invalid { .. })), "{}", odd.title);
        }
    }

    #[test]
    fn trailers_stay_the_last_paragraph() {
        let squash = Squash { title: "feat: x\n".into(), body: "Text.\n\nBatch-Id: a\n\n".into() };
        assert_eq!(squash.message(), "feat: x\n\nText.\n\nBatch-Id: a\n");
    }
}
