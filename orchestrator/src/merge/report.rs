//! What `merge --push` prints.

use std::fmt;

use batch_core::model::{BatchId, PullRequestLink};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::run::BatchSummary;

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

impl fmt::Display for MergeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const AGAIN: &str = "`tsuku-batch merge --push --resume`";
        match &self.push {
            PushReport::Pushed { commit } => writeln!(f, "Pushed {commit}.")?,
            PushReport::Nothing => writeln!(f, "Everything is pushed already.")?,
            PushReport::Waits { number, until } => writeln!(
                f,
                "Not pushed: the state waits for pull request #{number}, whose checks it would start \
                 again, until it is merged or {}. The batches are kept; {AGAIN} pushes them.",
                until.trunc_subsecs(0)
            )?,
            PushReport::Kept { reason, is_worth_another_try: true } => {
                writeln!(f, "Not pushed: {reason}. The batches are kept; {AGAIN} tries again.")?;
            }
            PushReport::Kept { reason, is_worth_another_try: false } => writeln!(
                f,
                "Not pushed: {reason}. The batches are kept; allow the push, then run {AGAIN}."
            )?,
        }
        for (n, what) in [
            (self.merged, "packages are merged, with their pull requests"),
            (self.closed, "packages are due again: their pull requests were closed"),
            (self.red, "packages failed: checks of their pull requests are red"),
        ] {
            if n > 0 {
                writeln!(f, "{n} {what}.")?;
            }
        }
        for batch in &self.batches {
            write!(f, "{batch}")?;
        }
        for PullRequestReport { batch_id, pull_request, merging } in &self.pull_requests {
            let PullRequestLink { number, url } = pull_request;
            write!(f, "{batch_id}: pull request #{number} {url} ")?;
            match merging {
                Opened::AutoMerge => writeln!(f, "will be merged when its checks are green")?,
                Opened::ForAPerson { reason } => writeln!(
                    f,
                    "has to be merged by a person ({reason}): `tsuku-batch pr merge {number} --reason …`"
                )?,
                Opened::Merged => writeln!(f, "is merged")?,
                Opened::Closed => writeln!(f, "was closed")?,
            }
        }
        for problem in &self.problems {
            writeln!(f, "problem: {problem}")?;
        }
        Ok(())
    }
}
