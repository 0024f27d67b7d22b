//! The workflows and actions of GitHub: what they may do, and whether they do what they say.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod commands;
mod files;
mod mutations;
mod privileges;
mod shell;
mod workflows;
