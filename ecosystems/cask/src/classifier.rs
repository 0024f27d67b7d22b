//! Classifies the output of brew, hdiutil and the generator about casks. The downloads are on the
//! hosts of vendors: a failed download concerns the vendor, and never proves that the cask is gone.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules},
    model::{Evidence, FailureKind, Finding},
    plugin::FailureClassifier,
};

use crate::{Cask, quota::HOSTS};

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: None,
    causes: &[
        ("' not found in cask", FailureKind::PackageNotFound),
        ("no cask with this name exists", FailureKind::PackageNotFound),
        ("no formulae or casks found for", FailureKind::PackageNotFound),
        ("has been disabled because", FailureKind::PackageNotFound),
        ("this software does not run on", FailureKind::NoBottle),
        ("depends on hardware architecture being", FailureKind::NoBottle),
        ("macos is required for this software", FailureKind::NoBottle),
        ("sha256 mismatch", FailureKind::ArchiveExtractionFailed),
        ("sha-256 mismatch", FailureKind::ArchiveExtractionFailed),
        ("checksum mismatch", FailureKind::ArchiveExtractionFailed),
        ("hdiutil: attach failed", FailureKind::ArchiveExtractionFailed),
        ("app_bundle supports zip and dmg archives", FailureKind::ArchiveExtractionFailed),
        (".app bundle not found", FailureKind::ExecutableMissing),
        ("' is not there.", FailureKind::ExecutableMissing),
        ("it seems there is already an app at", FailureKind::InstallFailed),
        ("requested url returned error: 403", FailureKind::UpstreamUnavailable),
        ("requested url returned error: 404", FailureKind::UpstreamUnavailable),
        ("bad status: 403", FailureKind::UpstreamUnavailable),
        ("bad status: 404", FailureKind::UpstreamUnavailable),
    ],
    build_failures: &[],
    quotes_package: |line| line.contains(" has been deprecated because "),
    symptoms: &[
        ("download failed on cask", FailureKind::UpstreamUnavailable),
        ("failed to download resource", FailureKind::UpstreamUnavailable),
        ("failed to mount dmg", FailureKind::ArchiveExtractionFailed),
    ],
    retry_markers: &[],
};

impl FailureClassifier for Cask {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        RULES.read(&evidence.text)
    }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{
        ClassifierCase, all_hint_at, all_state, no_quote_is_believed, none_state,
    };

    use super::*;

    const STATED: &[ClassifierCase] = &[
        (
            "Error: Cask 'fierfox' is unavailable: No Cask with this name exists.",
            FailureKind::PackageNotFound,
            None,
        ),
        ("Error: package 'zzz' not found in cask", FailureKind::PackageNotFound, None),
        ("Error: No formulae or casks found for zzz.", FailureKind::PackageNotFound, None),
        (
            "Error: visit has been disabled because it is discontinued upstream! It was disabled on 2025-01-01.",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "Error: This software does not run on macOS versions other than Big Sur.",
            FailureKind::NoBottle,
            None,
        ),
        (
            "Error: Cask ampps depends on hardware architecture being one of [{:type=>:intel, :bits=>64}], but you are running {:type=>:arm, :bits=>64}.",
            FailureKind::NoBottle,
            None,
        ),
        ("Error: macOS is required for this software.", FailureKind::NoBottle, None),
        (
            "Error: SHA-256 mismatch\n\
                 Expected: 00\n\
                 \x20 Actual: 01",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (
            "failed to mount DMG: exit status 1\n\
                 Output: hdiutil: attach failed - image not recognized",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (
            "app_bundle supports ZIP and DMG archives; got tar.gz",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (".app bundle not found: iTerm.app in /t/extracted", FailureKind::ExecutableMissing, None),
        (
            "Error: It seems the App source '/opt/homebrew/Caskroom/x/1.0/X.app' is not there.",
            FailureKind::ExecutableMissing,
            None,
        ),
        (
            "Error: It seems there is already an App at '/Applications/X.app'.",
            FailureKind::InstallFailed,
            None,
        ),
        (
            "Error: Download failed on Cask 'x' with message: Download failed: https://dl.vendor.example/x.dmg\n\
                 curl: (22) The requested URL returned error: 404",
            FailureKind::UpstreamUnavailable,
            Some("dl.vendor.example"),
        ),
        (
            "curl: (22) The requested URL returned error: 403\n\
                 Error: Download failed on Cask 'x' with message: Download failed: https://dl.vendor.example/x.dmg",
            FailureKind::UpstreamUnavailable,
            Some("dl.vendor.example"),
        ),
        (
            "Error checking package: formulae.brew.sh returned status 502",
            FailureKind::UpstreamUnavailable,
            Some("formulae.brew.sh"),
        ),
        (
            "curl: (6) Could not resolve host: formulae.brew.sh",
            FailureKind::DnsError,
            Some("formulae.brew.sh"),
        ),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&Cask, STATED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] = &[
        (
            "Error: Download failed on Cask 'x' with message: Download failed: https://dl.vendor.example/x.dmg",
            FailureKind::UpstreamUnavailable,
        ),
        (
            "failed to mount DMG: exit status 1\n\
                 Output: ",
            FailureKind::ArchiveExtractionFailed,
        ),
    ];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&Cask, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "==> Downloading https://dl.vendor.example/x.dmg\n\
                 ==> Installing Cask x",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)",
        ];
        none_state(&Cask, &texts);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &["{fault}\n\
         x.c:1:9: error: initializer element is not constant\n\
         make: *** [Makefile:3: x.o] Error 1"];

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&Cask, output, FailureKind::NativeBuildFailed);
        }
    }
}
