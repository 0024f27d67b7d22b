//! What `merge --push` prints.

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

use batch_core::{
    decide::pull_request,
    model::{BatchId, PullRequestLink},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{counted::counted, run::BatchSummary};

/// What `merge --push --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MergeReport {
    /// What became of the commit of the state.
    pub push: PushReport,
    /// The batches that are in the state now.
    pub batches: Vec<BatchSummary>,
    /// The pull requests of these batches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pull_requests: Vec<PullRequestReport>,
    /// Number of packages whose pull request was found merged.
    pub merged: usize,
    /// Number of packages whose pull request was found closed, or lost.
    pub closed: usize,
    /// Number of packages that failed because checks of their pull request are red.
    pub red: usize,
    /// What could not be done, each with the remedy. It is tried again by the next `merge --push`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What `merge --keep --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeptReport {
    /// The folder in which it is kept.
    pub folder: PathBuf,
    /// The batches; empty if nothing could be attempted.
    pub batches: Vec<BatchId>,
    /// The slot in which nothing could be attempted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
}

impl fmt::Display for KeptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, batches, slot } = self;
        for kept in batches.iter().map(ToString::to_string).chain(slot.clone()) {
            writeln!(f, "{kept} is kept in {}", folder.display())?;
        }
        writeln!(f, "next: tsuku-batch merge --push --resume")
    }
}

/// What became of the commit of the state.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum PushReport {
    /// It was pushed.
    Pushed {
        /// The commit.
        commit: String,
    },
    /// The branch has everything already.
    Nothing,
    /// It waits for a pull request that would otherwise never be merged. The batches are kept.
    Waits {
        /// The pull request.
        number: u64,
        /// It does not wait longer than until then.
        until: DateTime<Utc>,
    },
    /// It was not pushed. The batches are kept, and the next `merge --push` pushes them.
    Kept {
        /// Why.
        reason: String,
        /// Whether it may succeed later without anybody doing something.
        is_worth_another_try: bool,
    },
}

/// The pull request of a batch.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PullRequestReport {
    /// The batch.
    pub batch_id: BatchId,
    /// Where it is.
    pub pull_request: PullRequestLink,
    /// How it is merged.
    pub merging: Opened,
}

/// How a pull request is merged.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Opened {
    /// The forge merges it as soon as its checks are green.
    AutoMerge,
    /// A person has to merge it.
    ForAPerson {
        /// Why the forge does not.
        reason: String,
    },
    /// It cannot be merged yet; the next `merge --push` asks again.
    Later {
        /// Why.
        reason: String,
    },
    /// It is merged.
    Merged,
    /// It was closed in the meantime.
    Closed,
}

impl MergeReport {
    /// A report about what was not pushed.
    pub(super) fn of(push: PushReport) -> Self {
        Self {
            push,
            batches: vec![],
            pull_requests: vec![],
            merged: 0,
            closed: 0,
            red: 0,
            problems: vec![],
        }
    }
}

impl MergeReport {
    /// The same in Markdown, for the page of a CI run. Nothing that a package says acts as Markdown.
    pub fn markdown(&self) -> String {
        let lines: Vec<String> =
            self.headline().lines().map(|line| format!("{line}\n\n")).collect();
        let mut text = lines.concat();
        for batch in &self.batches {
            text += &batch.markdown();
        }
        for pull in &self.pull_requests {
            let _ = writeln!(text, "- `{}`: {}", pull.batch_id, pull.sentence());
        }
        for problem in &self.problems {
            let _ = writeln!(text, "- **problem**: {}", pull_request::code(problem));
        }
        text
    }

    /// What became of the push, and of earlier pull requests, in lines for a person.
    fn headline(&self) -> String {
        const AGAIN: &str = "`tsuku-batch merge --push --resume`";
        let mut text = match &self.push {
            PushReport::Pushed { commit } => format!("Pushed {commit}.\n"),
            PushReport::Nothing => "Everything is pushed already.\n".to_owned(),
            PushReport::Waits { number, until } => format!(
                "Not pushed: the state waits for pull request #{number}, whose checks it would start \
                 again, until it is merged or {}. The batches are kept; {AGAIN} pushes them.\n",
                until.trunc_subsecs(0)
            ),
            PushReport::Kept { reason, is_worth_another_try: true } => {
                format!("Not pushed: {reason}. The batches are kept; {AGAIN} tries again.\n")
            }
            PushReport::Kept { reason, is_worth_another_try: false } => format!(
                "Not pushed: {reason}. The batches are kept; allow the push, then run {AGAIN}.\n"
            ),
        };
        for (n, what) in [
            (self.merged, "merged, with the pull requests of their batches"),
            (self.closed, "due again: their pull requests were closed"),
            (self.red, "failed: checks of their pull requests are red"),
        ] {
            if n > 0 {
                let _ = writeln!(text, "{} {what}.", counted(n, "package is", "packages are"));
            }
        }
        text
    }
}

impl PullRequestReport {
    /// Where it is, and how it is merged.
    fn sentence(&self) -> String {
        let PullRequestLink { number, url } = &self.pull_request;
        let how = match &self.merging {
            Opened::AutoMerge => "will be merged when its checks are green".to_owned(),
            Opened::ForAPerson { reason } => format!(
                "has to be merged by a person ({reason}): `tsuku-batch pr merge {number} --reason …`"
            ),
            Opened::Later { reason } => {
                format!(
                    "cannot be merged yet ({reason}); the next `tsuku-batch merge --push` asks again"
                )
            }
            Opened::Merged => "is merged".to_owned(),
            Opened::Closed => "was closed".to_owned(),
        };
        format!("pull request #{number} {url} {how}")
    }
}

impl fmt::Display for MergeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        for batch in &self.batches {
            write!(f, "{batch}")?;
        }
        for pull in &self.pull_requests {
            writeln!(f, "{}: {}", pull.batch_id, pull.sentence())?;
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        Ok(())
    }
}
