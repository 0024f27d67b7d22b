//! What any tool may print, in lower case.

mod others;
mod services;

use super::Context;
use crate::model::FailureKind::{
    self, DependencyResolutionFailed, InstallFailed, ToolchainUnavailable, VerifyFailed,
};

/// A kind of failure, where a pattern must stand to mean it, and the patterns.
pub(super) type Group = (FailureKind, Context, &'static [&'static str]);

/// Causes. If two patterns begin at the same position, the longer one decides.
pub(super) fn causes() -> impl Iterator<Item = &'static Group> {
    services::CAUSES.iter().chain(others::CAUSES)
}

/// Texts that a status code of three digits follows.
pub(super) const BEFORE_STATUS: &[&str] = &[
    "requested url returned error: ",
    "returned status ",
    "returned status code ",
    "bad status: ",
    "bad status code: ",
    "unexpected status: ",
    "unexpected status code: ",
    "unexpected status code ",
    "request failed with status code ",
    "status code: ",
    "status code ",
    "http status server error (",
    "http status client error (",
    "http status code ",
    "http status: ",
    "http status ",
    "http error code: ",
    "http error: ",
    "http error ",
    "http response code: ",
    "received http code ",
    "http/1.1 ",
    "http/2 ",
];

/// What programs that build for other tools print when a build failed.
pub(super) const BUILD_FAILURES: &[&str] = &[
    "make: *** ",
    "]: *** ",
    "configure: error: ",
    "cmake error at ",
    "ninja: build stopped: ",
    "collect2: error: ld returned ",
    "gyp err!",
];

/// What the external generator prints first, when its reason was cut off or never printed.
pub(super) const SYMPTOMS: &[(&str, FailureKind)] = &[
    ("failed to generate plan", DependencyResolutionFailed),
    ("failed to generate dependency plans", ToolchainUnavailable),
    ("eval-time dependencies not satisfied", ToolchainUnavailable),
    ("installation failed: step ", InstallFailed),
    // A verification follows and fails without a message. Where the text was cut, the reason may
    // have followed.
    (" installed successfully", VerifyFailed),
];

/// Words that say that the rest of a line reports a failure.
pub(super) const MARKS: &[&str] = &[
    "error",
    "err!",
    "fail",
    "fatal",
    "unable",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "exception",
    "abort",
    "curl: (",
    "panicked",
    "refusing",
];
