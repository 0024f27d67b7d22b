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
    /// Interrupted; what had ended is recorded.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
