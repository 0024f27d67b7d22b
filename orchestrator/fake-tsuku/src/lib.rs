//! A program for tests that answers like the package manager, according to a script. `README.md`
//! describes scripts.

mod act;
mod call;
mod recorded;
mod script;

use std::process::ExitCode;

pub use recorded::{Recorded, Replied};
pub use script::{Answer, Script};

/// The variable with the file of the script.
pub const SCRIPT_VARIABLE: &str = "FAKE_TSUKU_SCRIPT";

/// The variable for the child that outlives its parent: its lifetime in milliseconds.
pub(crate) const CHILD_VARIABLE: &str = "FAKE_TSUKU_CHILD";

/// Acts as the fake program if the environment names a script; otherwise returns `None`. Must be
/// called first in `main`.
#[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
pub fn entry() -> Option<ExitCode> {
    let script = std::env::var_os(SCRIPT_VARIABLE)?;
    let child = std::env::var(CHILD_VARIABLE).ok().and_then(|ms| ms.parse().ok());
    Some(match child {
        Some(ms) => act::live(ms),
        None => act::answer(script.as_ref()),
    })
}
