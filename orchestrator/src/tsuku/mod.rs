//! Calls of the package manager's own program, for the generator and the validator.
//!
//! A call has a private home and a private temporary folder, an environment of listed variables and a
//! deadline, and it leaves no process behind. [`batch_core::decide::tsuku`] interprets the output.

mod argv;
mod program;
mod variables;

pub use argv::{Container, Target, create, eval, install, validate};
pub use program::{CallLimits, Found, NotFound, PrivateFolder, Tsuku, Wanted};
pub use variables::{Setting, is_key_of_model, variables};
