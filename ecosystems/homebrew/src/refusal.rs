//! Why a formula has no recipe: what facts say in place of commands. Each reason goes on after the
//! name of the formula.

use batch_core::model::{FailureKind, UnknownCommands};

fn because(kind: FailureKind, reason: String) -> UnknownCommands {
    UnknownCommands::new(kind, reason)
}

pub(crate) fn disabled(why: &str) -> UnknownCommands {
    because(FailureKind::PackageNotFound, format!("is disabled: {why}"))
}

pub(crate) fn renamed(name: &str) -> UnknownCommands {
    because(FailureKind::PackageNotFound, format!("is another name of {name}: queue that"))
}

pub(crate) fn moved(tap: &str) -> UnknownCommands {
    because(FailureKind::PackageNotFound, format!("has moved to {tap:?}"))
}

pub(crate) fn without_stable_version() -> UnknownCommands {
    because(FailureKind::NoBottle, "has no stable version".to_owned())
}

pub(crate) fn without_bottle() -> UnknownCommands {
    because(FailureKind::NoBottle, "has no bottle".to_owned())
}

pub(crate) fn stored_elsewhere() -> UnknownCommands {
    because(FailureKind::NoBottle, "has its bottles elsewhere than at ghcr.io".to_owned())
}

pub(crate) fn not_for_linux(tags: &[&str]) -> UnknownCommands {
    let tags = tags.join(", ");
    because(FailureKind::NoBottle, format!("has no bottle for Linux, only for {tags}"))
}

pub(crate) fn requires(requirements: &[&str]) -> UnknownCommands {
    let requirements = requirements.join(", ");
    because(FailureKind::NoBottle, format!("requires what no bottle brings: {requirements}"))
}

pub(crate) fn gone(url: &str) -> UnknownCommands {
    because(FailureKind::NoBottle, format!("names a bottle that is not there: {url}"))
}

pub(crate) fn unreadable(why: &str) -> UnknownCommands {
    let reason = format!("has a bottle that cannot be read: {why}");
    because(FailureKind::ArchiveExtractionFailed, reason)
}

pub(crate) fn empty() -> UnknownCommands {
    because(FailureKind::LibraryOnly, "ships neither a command nor a library".to_owned())
}

pub(crate) fn unsafe_command(why: &str) -> UnknownCommands {
    let reason = format!("has a command that nobody could type safely: {why}");
    because(FailureKind::UnsafeName, reason)
}
