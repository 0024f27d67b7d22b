//! Classifies the output of cpanm and perl. The texts are those of cpanm 1.7 and perl 5.36.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules, of_build},
    model::{Confidence, Evidence, FailureKind, Finding},
    plugin::FailureClassifier,
};

use crate::{Cpan, quota::HOSTS};

/// The program that installs packages; without it nothing can be installed.
pub(crate) const PROGRAM: &str = "cpanm";

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: Some(PROGRAM),
    causes: &[
        ("' not found in cpan", FailureKind::PackageNotFound),
        (" which doesn't satisfy ", FailureKind::DependencyResolutionFailed),
        (".pm in @inc", FailureKind::DependencyResolutionFailed),
        (" error 404: not found.", FailureKind::PackageNotFound),
        ("required--this is only", FailureKind::DependencyResolutionFailed),
        ("can't locate extutils/makemaker.pm", FailureKind::ToolchainMissing),
        ("checksum mismatch for", FailureKind::ArchiveExtractionFailed),
        ("signature verification for", FailureKind::ArchiveExtractionFailed),
        ("bad archive: ", FailureKind::ArchiveExtractionFailed),
        ("! timed out (> ", FailureKind::BuildTimeout),
        ("fail timed out (> ", FailureKind::BuildTimeout),
        ("402 payment required", FailureKind::UpstreamUnavailable),
        (": cpanm: command not found", FailureKind::ToolchainMissing),
        (": cpanm: not found", FailureKind::ToolchainMissing),
        ("‘cpanm’: no such file or directory", FailureKind::ToolchainMissing),
        ("cpanm not found: install ", FailureKind::ToolchainMissing),
        (": perl: command not found", FailureKind::ToolchainMissing),
        (": perl: not found", FailureKind::ToolchainMissing),
        ("‘perl’: no such file or directory", FailureKind::ToolchainMissing),
        ("perl not found: install ", FailureKind::ToolchainMissing),
    ],
    build_failures: &[],
    quotes_package: |_| false,
    symptoms: &[
        ("couldn't find module or a distribution", FailureKind::PackageNotFound),
        ("failed to fetch distribution", FailureKind::UpstreamUnavailable),
        ("failed to download http", FailureKind::UpstreamUnavailable),
        ("configure failed for", FailureKind::NativeBuildFailed),
        ("installing the dependencies failed", FailureKind::DependencyResolutionFailed),
        (" failed. see ", FailureKind::InstallFailed),
        ("cpanm install failed", FailureKind::InstallFailed),
    ],
    retry_markers: &["failed. retrying ..."],
};

impl FailureClassifier for Cpan {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        let text = &evidence.text;
        let finding = RULES.read(text)?;
        let is_cpanms = finding.kind == FailureKind::BuildTimeout
            || text.contains("Can't locate ExtUtils/MakeMaker.pm in @INC");
        if is_cpanms || !finding.kind.is_not_package_fault() {
            return Some(finding);
        }
        // A script of a distribution failed: the text above cpanm's message is output of the
        // script.
        Some(if text.contains("Configure failed for ") {
            inferred(of_build(text, FailureKind::NativeBuildFailed))
        } else if text.contains(" failed. See ") {
            inferred(of_build(text, FailureKind::InstallFailed))
        } else {
            finding
        })
    }
}

/// The finding of a script that failed for an unknown reason.
fn inferred(finding: Finding) -> Finding {
    Finding { confidence: Confidence::Inferred, ..finding }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{
        ClassifierCase, all_hint_at, all_state, no_quote_is_believed, none_state,
    };

    use super::*;

    const STATED: &[ClassifierCase] = &[
        (
            "Can't locate Nope/Mod.pm in @INC (you may need to install the Nope::Mod module) (@INC contains: /etc/perl /usr/share/perl5) at -e line 1.\n\
                 BEGIN failed--compilation aborted at -e line 1.",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "Perl v7.0.0 required--this is only v5.36.0, stopped at Makefile.PL line 1.\n\
                 BEGIN failed--compilation aborted at Makefile.PL line 1.\n\
                 ! Configure failed for ./Bar-1.0. See /t/build.log for details.",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "! Found Foo 1.0 which doesn't satisfy 2.0.",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "Baz.xs:2:10: fatal error: nosuchheader.h: No such file or directory\n\
                 compilation terminated.\n\
                 make: *** [Makefile:330: Baz.o] Error 1\n\
                 -> FAIL Installing ./Baz-1.0 failed. See /t/build.log for details. Retry with --force to force install it.",
            FailureKind::NativeBuildFailed,
            None,
        ),
        ("make: *** [Makefile:330: Baz.o] Error 1", FailureKind::NativeBuildFailed, None),
        ("Checksum mismatch for ack-v3.7.0.tar.gz", FailureKind::ArchiveExtractionFailed, None),
        ("! Bad archive: Foo-1.0.tar.gz", FailureKind::ArchiveExtractionFailed, None),
        ("! Timed out (> 60s). Use --verbose to retry.", FailureKind::BuildTimeout, None),
        (
            "! Failed to download https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/ack-v3.7.0.tar.gz: 599 Internal Exception: Could not connect to 'cpan.metacpan.org:443': Connection refused",
            FailureKind::ConnectionError,
            Some("cpan.metacpan.org"),
        ),
        (
            "Error checking package: fastapi.metacpan.org returned status 503",
            FailureKind::UpstreamUnavailable,
            Some("fastapi.metacpan.org"),
        ),
        (
            "https://fastapi.metacpan.org/v1/release/ack answered 402 Payment Required",
            FailureKind::UpstreamUnavailable,
            Some("fastapi.metacpan.org"),
        ),
        ("Error: package 'zzz' not found in cpan", FailureKind::PackageNotFound, None),
        (
            "Can't locate ExtUtils/MakeMaker.pm in @INC (@INC contains: /etc/perl) at Makefile.PL line 1.",
            FailureKind::ToolchainMissing,
            Some("cpanm"),
        ),
        ("sh: 1: cpanm: not found", FailureKind::ToolchainMissing, Some("cpanm")),
        (
            "perl not found: install perl first (tsuku install perl)",
            FailureKind::ToolchainMissing,
            Some("cpanm"),
        ),
        ("expected executable ack not found at /t/bin/ack", FailureKind::ExecutableMissing, None),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&Cpan, STATED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] = &[
        ("! Couldn't find module or a distribution Zzz::No::Such", FailureKind::PackageNotFound),
        (
            "gzip: stdin: unexpected end of file\n\
                 /usr/bin/tar: Child returned status 1\n\
                 /usr/bin/tar: Error is not recoverable: exiting now\n\
                 ! Failed to fetch distribution ack-v3.7.0",
            FailureKind::UpstreamUnavailable,
        ),
        (
            "==> Found dependencies: Zzz::Missing\n\
                 ! Finding Zzz::Missing (1.0) on mirror https://cpan.metacpan.org failed.\n\
                 ! Couldn't find module or a distribution Zzz::Missing (1.0)\n\
                 ! Installing the dependencies failed: Module 'Zzz::Missing' is not installed\n\
                 ! Bailing out the installation for Foo-1.0.",
            FailureKind::DependencyResolutionFailed,
        ),
        (
            "Configuring /t/Qux-1.0 ... ! Configure failed for ./Qux-1.0. See /t/build.log for details.\n\
                 N/A",
            FailureKind::NativeBuildFailed,
        ),
        (
            "Configuring /t/Baz-1.0 ... OK\n\
                 Building Baz-1.0 ... ! Installing ./Baz-1.0 failed. See /t/build.log for details. Retry with --force to force install it.\n\
                 FAIL",
            FailureKind::InstallFailed,
        ),
    ];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&Cpan, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "--> Working on ack\n\
                 Fetching https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/ack-v3.7.0.tar.gz ... OK\n\
                 Configuring ack-v3.7.0 ... OK",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)",
        ];
        none_state(&Cpan, &texts);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &[
        "--> Working on X\n\
         Configuring X-1.0 ... OK\n\
         Building X-1.0 ... x.c:1:9: error: initializer element is not constant\n\
         \x20int x = \"{fault}\";\n\
         {fault}\n\
         make: *** [Makefile:330: x.o] Error 1\n\
         -> FAIL Installing X-1.0 failed. See /t/build.log for details. Retry with --force to force install it.",
        "Configuring X-1.0 ... {fault} at Makefile.PL line 3.\n\
         -> N/A\n\
         -> FAIL Configure failed for X-1.0. See /t/build.log for details.",
    ];

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&Cpan, output, FailureKind::NativeBuildFailed);
        }
        let of_module_build = "Building X-1.0 ... {fault} at Build line 3.\n\
            ! Installing X-1.0 failed. See /t/build.log for details.";
        no_quote_is_believed(&Cpan, of_module_build, FailureKind::InstallFailed);
    }
}
