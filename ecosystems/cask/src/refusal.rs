//! Why a cask has no recipe: what facts say in place of commands. Each reason goes on after the
//! name of the cask.
//!
//! A limit of `app_bundle` is recorded as `unsupported_source`: it is a property of the cask, and
//! ten of them in a row must not look like a broken builder.

use batch_core::model::{FailureKind, UnknownCommands};

fn because(kind: FailureKind, reason: String) -> UnknownCommands {
    UnknownCommands::new(kind, reason)
}

pub(crate) fn renamed(token: &str) -> UnknownCommands {
    because(FailureKind::PackageNotFound, format!("is an old name of {token}: queue that"))
}

pub(crate) fn disabled(why: &str) -> UnknownCommands {
    because(FailureKind::PackageNotFound, format!("is disabled: {why}"))
}

pub(crate) fn not_for_macos() -> UnknownCommands {
    because(FailureKind::NoBottle, "is not for macOS".to_owned())
}

pub(crate) fn unpinned() -> UnknownCommands {
    let reason = "has no checksum, so what is downloaded could not be checked";
    because(FailureKind::UnsupportedSource, reason.to_owned())
}

pub(crate) fn insecure(url: &str) -> UnknownCommands {
    because(FailureKind::UnsupportedSource, format!("is not downloaded by https: {url}"))
}

pub(crate) fn not_unpacked(why: &str) -> UnknownCommands {
    let reason = format!("cannot be unpacked by the package manager: {why}");
    because(FailureKind::UnsupportedSource, reason)
}

pub(crate) fn runs_code(kinds: &str) -> UnknownCommands {
    let reason = format!("runs code of the vendor's to install: {kinds}");
    because(FailureKind::UnsupportedSource, reason)
}

pub(crate) fn without_app(others: &str) -> UnknownCommands {
    because(FailureKind::UnsupportedSource, format!("has no app, only {others}"))
}

pub(crate) fn several_apps(n: usize) -> UnknownCommands {
    because(FailureKind::UnsupportedSource, format!("has several apps: {n}"))
}

pub(crate) fn odd_app() -> UnknownCommands {
    because(FailureKind::UnsafeName, "has an app of an odd name".to_owned())
}
