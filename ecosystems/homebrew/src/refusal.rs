//! Why a formula has no recipe. Facts carry it as the reason why commands are not known; what it
//! begins with tells the kind.

use batch_core::model::FailureKind;

/// Beginning of a reason, and what to record.
const KINDS: &[(&str, FailureKind)] = &[
    (DISABLED, FailureKind::PackageNotFound),
    (RENAMED, FailureKind::PackageNotFound),
    (MOVED, FailureKind::PackageNotFound),
    (NO_STABLE, FailureKind::NoBottle),
    (NO_BOTTLE, FailureKind::NoBottle),
    (ELSEWHERE, FailureKind::NoBottle),
    (NOT_FOR_LINUX, FailureKind::NoBottle),
    (REQUIRES, FailureKind::NoBottle),
    (GONE, FailureKind::NoBottle),
    (UNREADABLE, FailureKind::ArchiveExtractionFailed),
    (NOTHING, FailureKind::LibraryOnly),
    (UNSAFE, FailureKind::UnsafeName),
];

pub(crate) const DISABLED: &str = "is disabled: ";
pub(crate) const RENAMED: &str = "is another name of ";
pub(crate) const MOVED: &str = "has moved to ";
pub(crate) const NO_STABLE: &str = "has no stable version";
pub(crate) const NO_BOTTLE: &str = "has no bottle";
pub(crate) const ELSEWHERE: &str = "has its bottles elsewhere than at ghcr.io";
pub(crate) const NOT_FOR_LINUX: &str = "has no bottle for Linux, only for ";
pub(crate) const REQUIRES: &str = "requires what no bottle brings: ";
pub(crate) const GONE: &str = "names a bottle that is not there: ";
pub(crate) const UNREADABLE: &str = "has a bottle that cannot be read: ";
pub(crate) const NOTHING: &str = "ships neither a command nor a library";
pub(crate) const UNSAFE: &str = "has a command that nobody could type safely: ";

/// The kind of failure that `reason` tells of.
pub(crate) fn kind(reason: &str) -> FailureKind {
    let told = KINDS.iter().find(|(beginning, _)| reason.starts_with(beginning));
    told.map_or(FailureKind::BinaryDiscoveryFailed, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_beginning_hides_another() {
        for (i, (text, kind_of_it)) in KINDS.iter().enumerate() {
            assert_eq!(kind(text), *kind_of_it, "{text} at {i}");
        }
        assert_eq!(kind("anything else"), FailureKind::BinaryDiscoveryFailed);
    }
}
