//! Errors that the caller has to correct.

use crate::exit::Exit;

/// An error that the caller has to correct, with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn usage(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Usage, message: message.into() }.into()
    }

    pub(super) fn not_found(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::NotFound, message: message.into() }.into()
    }
}
