//! The exit codes, which the README documents.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command succeeded. A run also succeeds when packages fail, because each failure is
    /// recorded.
    Ok = 0,
    /// An unexpected error. For `recipe check`: a recipe is invalid. For `doctor`: something was found.
    /// For `config check`: the plan does not fit.
    Unexpected = 1,
    /// The command line is wrong. clap uses the same code.
    Usage = 2,
    /// The requested object does not exist. For `seed`: not everything could be read. For a stage: the
    /// folder has no plan.
    NotFound = 3,
    /// Nothing could be attempted. The reason is printed and recorded. For a stage: it cannot do its
    /// work now, and the message says why.
    Unavailable = 4,
    /// `try`: the package failed, and its failure is printed. `ecosystem check`: a plugin breaks a
    /// rule. `repro --run`: the same failure did not occur again.
    PackageFailed = 5,
    /// The state, the artifacts of a stage, or the checkout for a new ecosystem, cannot be read or
    /// written. The message names the file and the remedy.
    State = 6,
    /// Another run is in progress.
    Locked = 7,
    /// `status --exit-code`: the pipeline runs, and somebody should look at it.
    Degraded = 10,
    /// `status --exit-code`: the pipeline does not run, although it should.
    Stalled = 11,
    /// `status --exit-code`: an operator stopped the pipeline.
    Paused = 12,
    /// `status --exit-code`: there is no record of any run.
    NeverRun = 13,
    /// The command was interrupted. Everything that had ended is recorded.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
