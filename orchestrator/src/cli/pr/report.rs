//! What the commands about pull requests print.

use std::fmt;

use batch_core::model::PullRequestLink;
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::out::table;

/// A line of `pr list --json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct PullRequestLine {
    /// Where it is.
    #[serde(flatten)]
    pub(super) link: PullRequestLink,
    /// The batch, or the branch of another one.
    pub(super) branch: String,
    /// When it was opened.
    pub(super) opened_at: DateTime<Utc>,
    /// Whether the forge merges it by itself.
    pub(super) auto_merge: bool,
    /// Its checks.
    pub(super) checks: CheckWord,
    /// The names of the checks that failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<String>,
}

/// All checks of a pull request together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckWord {
    None,
    Pending,
    Green,
    Red,
}

/// What `pr list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct PullRequestList {
    /// The open pull requests, the oldest first.
    pub(super) pull_requests: Vec<PullRequestLine>,
}

/// What `pr update --json` and `pr merge --json` print.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct PullRequestChanges {
    /// What became of each pull request.
    pub(super) changes: Vec<PullRequestChange>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PullRequestChange {
    /// The pull request.
    pub(super) number: u64,
    /// What became of it.
    pub(super) outcome: ChangeWord,
    /// More about it, for a person; empty if there is nothing to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ChangeWord {
    /// It was brought up to date.
    Updated,
    /// It was up to date.
    UpToDate,
    /// It is merged.
    Merged,
    /// It stays as it is.
    NotPossible,
}

impl fmt::Display for PullRequestList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pull_requests.is_empty() {
            return writeln!(f, "No pull request of a batch is open.");
        }
        let rows = self.pull_requests.iter().map(|pull| {
            let checks = match pull.checks {
                CheckWord::None => "none".to_owned(),
                CheckWord::Pending => "not ended".to_owned(),
                CheckWord::Green => "green".to_owned(),
                CheckWord::Red => format!("red: {}", pull.failed.join(", ")),
            };
            let by = if pull.auto_merge { "by itself" } else { "by a person" };
            vec![
                format!("#{}", pull.link.number),
                pull.branch.clone(),
                pull.opened_at.trunc_subsecs(0).to_string(),
                by.to_owned(),
                checks,
            ]
        });
        let header = ["number", "branch", "opened", "merged", "checks"];
        f.write_str(&table(&header, &rows.collect::<Vec<_>>()))
    }
}

impl fmt::Display for PullRequestChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changes.is_empty() {
            writeln!(f, "No pull request of a batch is open.")?;
        }
        for PullRequestChange { number, outcome, message } in &self.changes {
            match outcome {
                ChangeWord::Updated => writeln!(f, "#{number} was brought up to date")?,
                ChangeWord::UpToDate => writeln!(f, "#{number} is up to date")?,
                ChangeWord::Merged => writeln!(f, "#{number} is merged")?,
                ChangeWord::NotPossible => writeln!(f, "#{number} stays as it is: {message}")?,
            }
        }
        Ok(())
    }
}
