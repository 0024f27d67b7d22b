//! Why a cask has no recipe. Facts carry it as the reason why commands are not known; what it
//! begins with tells the kind.
//!
//! What only `app_bundle` cannot do is `unsupported_source`: it is a fact about the cask, and must
//! not look like a broken builder when ten of them come in a row.

use batch_core::model::FailureKind;

pub(crate) const RENAMED: &str = "is an old name of ";
pub(crate) const DISABLED: &str = "is disabled: ";
pub(crate) const NOT_FOR_MACOS: &str = "is not for macOS";
pub(crate) const UNPINNED: &str = "has no checksum, so what is downloaded could not be checked";
pub(crate) const INSECURE: &str = "is not downloaded by https: ";
pub(crate) const NOT_UNPACKED: &str = "cannot be unpacked by the package manager: ";
pub(crate) const RUNS_CODE: &str = "runs code of the vendor's to install: ";
pub(crate) const NO_APP: &str = "has no app, only ";
pub(crate) const SEVERAL_APPS: &str = "has several apps: ";
pub(crate) const ODD_APP: &str = "has an app of an odd name";

/// Beginning of a reason, and what to record.
const KINDS: &[(&str, FailureKind)] = &[
    (RENAMED, FailureKind::PackageNotFound),
    (DISABLED, FailureKind::PackageNotFound),
    (NOT_FOR_MACOS, FailureKind::NoBottle),
    (UNPINNED, FailureKind::UnsupportedSource),
    (INSECURE, FailureKind::UnsupportedSource),
    (NOT_UNPACKED, FailureKind::UnsupportedSource),
    (RUNS_CODE, FailureKind::UnsupportedSource),
    (NO_APP, FailureKind::UnsupportedSource),
    (SEVERAL_APPS, FailureKind::UnsupportedSource),
    (ODD_APP, FailureKind::UnsafeName),
];

/// The kind of failure that `reason` tells of.
pub(crate) fn kind(reason: &str) -> FailureKind {
    let told = KINDS.iter().find(|(beginning, _)| reason.starts_with(beginning));
    told.map_or(FailureKind::BinaryDiscoveryFailed, |(_, kind)| *kind)
}
