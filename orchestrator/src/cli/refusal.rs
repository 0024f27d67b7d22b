//! Errors, and their exit codes.

use batch_core::io::{StateError, StateErrorKind};

use super::{Out, stages};
use crate::{exit::Exit, settings::SettingsError};

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

    pub(super) fn unavailable(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::Unavailable, message: message.into() }.into()
    }

    pub(super) fn not_found(message: impl Into<String>) -> anyhow::Error {
        Self { exit: Exit::NotFound, message: message.into() }.into()
    }
}

/// Prints an error and returns its exit code.
pub(super) fn fail(error: &anyhow::Error, out: &Out) -> Exit {
    let exit = exit_of(error);
    out.error(error, exit);
    exit
}

fn exit_of(error: &anyhow::Error) -> Exit {
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    let state = error.chain().find_map(|cause| cause.downcast_ref::<StateError>());
    let settings = error.chain().any(<dyn std::error::Error>::is::<SettingsError>);
    match (refusal, state) {
        (Some(refusal), _) => refusal.exit,
        (None, Some(StateError { kind: StateErrorKind::Locked { .. }, .. })) => Exit::Locked,
        (None, Some(_)) => Exit::State,
        (None, None) if settings => Exit::State,
        (None, None) => stages::exit_of(error).unwrap_or(Exit::Unexpected),
    }
}
