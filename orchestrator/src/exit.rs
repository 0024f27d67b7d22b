//! Exit codes, as the README documents them.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done; for `run` also when packages failed, since each has its record.
    Ok = 0,
    /// Something that this program did not expect; for `recipe check`: an invalid recipe.
    Unexpected = 1,
    /// The command line is wrong. clap uses the same code.
    Usage = 2,
    /// What was asked for is not there; for `seed`: not all of it.
    NotFound = 3,
    /// Nothing could be attempted; the reason is printed and recorded.
    Unavailable = 4,
    /// `try`: the package failed; its failure is printed. `ecosystem check`: a plugin breaks a rule.
    PackageFailed = 5,
    /// The state, or the checkout that a new ecosystem is for, cannot be read or written; the
    /// message names file and remedy.
    State = 6,
    /// Another run is under way.
    Locked = 7,
    /// `status --exit-code`: the pipeline runs, and somebody should look at it.
    Degraded = 10,
    /// `status --exit-code`: the pipeline does not run, though it should.
    Stalled = 11,
    /// `status --exit-code`: an operator stopped the pipeline.
    Paused = 12,
    /// `status --exit-code`: there is no record of any run.
    NeverRun = 13,
    /// Interrupted; what had ended is recorded.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
