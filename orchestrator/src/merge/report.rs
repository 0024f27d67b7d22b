//! What `merge --push` prints.

use std::fmt;

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
    /// It was not pushed. The batches are kept, and the next `merge --push` pushes them.
    Kept {
        /// Why.
        reason: String,
        /// Whether it may succeed later without anybody doing something.
        is_worth_another_try: bool,
    },
}

impl fmt::Display for MergeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.push {
            PushReport::Pushed { commit } => writeln!(f, "Pushed {commit}.")?,
            PushReport::Nothing => writeln!(f, "Everything is pushed already.")?,
            PushReport::Kept { reason, is_worth_another_try } => {
                writeln!(f, "Not pushed: {reason}")?;
                if *is_worth_another_try {
                    writeln!(
                        f,
                        "The batches are kept; `tsuku-batch merge --resume --push` tries again."
                    )?;
                } else {
                    writeln!(
                        f,
                        "The batches are kept; allow the push, then run `tsuku-batch merge --resume --push`."
                    )?;
                }
            }
        }
        for batch in &self.batches {
            write!(f, "{batch}")?;
        }
        Ok(())
    }
}
