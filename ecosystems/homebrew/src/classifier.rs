//! Classifies the output of brew, ghcr.io and the generator about formulae and bottles.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules},
    model::{Evidence, FailureKind, Finding},
    plugin::FailureClassifier,
};

use crate::{Homebrew, quota::HOSTS};

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: None,
    causes: &[
        ("' not found in homebrew", FailureKind::PackageNotFound),
        ("no available formula with the name", FailureKind::PackageNotFound),
        ("no formulae or casks found for", FailureKind::PackageNotFound),
        ("has been disabled because", FailureKind::PackageNotFound),
        ("not found in registry", FailureKind::RecipeMissing),
        ("has no bottles available", FailureKind::NoBottle),
        ("must be built from source", FailureKind::BuildFromSource),
        ("no bottle available", FailureKind::NoBottle),
        ("source builds are no longer supported", FailureKind::NoBottle),
        ("manifest_unknown", FailureKind::NoBottle),
        ("manifest unknown", FailureKind::NoBottle),
        ("name_unknown", FailureKind::NoBottle),
        ("failed to get blob sha: manifest request returned 404", FailureKind::NoBottle),
        ("requested url returned error: 404", FailureKind::NoBottle),
        ("bottle contains no binaries", FailureKind::BinaryDiscoveryFailed),
        ("sha256 mismatch", FailureKind::ArchiveExtractionFailed),
        ("sha-256 mismatch", FailureKind::ArchiveExtractionFailed),
        ("checksum mismatch", FailureKind::ArchiveExtractionFailed),
        ("failed to generate dependency plans", FailureKind::ToolchainUnavailable),
        ("toomanyrequests", FailureKind::RateLimited),
        ("authentication token not provided", FailureKind::AuthRequired),
        ("\"code\":\"unauthorized\"", FailureKind::AuthRequired),
        ("\"code\":\"denied\"", FailureKind::AuthRequired),
        ("failed to fetch bottle data", FailureKind::UpstreamUnavailable),
    ],
    build_failures: &[],
    quotes_package: |line| line.contains(" has been deprecated because "),
    symptoms: &[
        ("failed to download resource", FailureKind::UpstreamUnavailable),
        ("inspecting bottle contents... failed", FailureKind::ArchiveExtractionFailed),
    ],
    retry_markers: &[],
};

impl FailureClassifier for Homebrew {
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
            "Warning: Skipping recipe review (--yes). The recipe will be installed without confirmation.\n\
                 Error: package 'anomalyco/tap/opencode' not found in homebrew",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "Error: No available formula with the name \"wgett\". Did you mean wget?",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "Error: youtube-dlc has been disabled because it is not maintained upstream!",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "Error: registry: recipe gmp not found in registry\n\
                 \n\
                 Suggestion: Verify the recipe name is correct.",
            FailureKind::RecipeMissing,
            None,
        ),
        (
            "Error: formula nvm has no bottles available; source builds are no longer supported",
            FailureKind::NoBottle,
            None,
        ),
        ("Error: wget: no bottle available!", FailureKind::NoBottle, None),
        (
            "failed to get blob SHA: manifest request returned 404: {\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}",
            FailureKind::NoBottle,
            None,
        ),
        (
            "GET https://ghcr.io/v2/homebrew/core/x/manifests/1.0: {\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}",
            FailureKind::NoBottle,
            None,
        ),
        (
            "GET https://ghcr.io/v2/homebrew/core/x/manifests/1.0: {\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"retry-after: 262.5µs, allowed: 44000/minute\"}]}",
            FailureKind::RateLimited,
            Some("ghcr.io"),
        ),
        (
            "GET https://ghcr.io/v2/homebrew/core/x/manifests/1.0: {\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication token not provided\"}]}",
            FailureKind::AuthRequired,
            Some("ghcr.io"),
        ),
        (
            "GET https://ghcr.io/token?service=ghcr.io: {\"errors\":[{\"code\":\"DENIED\",\"message\":\"requested access to the resource is denied\"}]}",
            FailureKind::AuthRequired,
            Some("ghcr.io"),
        ),
        (
            "Failed to generate plan: failed to generate dependency plans: failed to generate plan for dependency libyaml: failed to get blob SHA: manifest request failed: Get \"https://ghcr.io/v2/homebrew/core/libyaml/manifests/0.2.5\": context deadline exceeded",
            FailureKind::ToolchainUnavailable,
            Some("ghcr.io"),
        ),
        (
            "manifest request failed: Get \"https://ghcr.io/v2/homebrew/core/x/manifests/1.0\": dial tcp: lookup ghcr.io: no such host",
            FailureKind::DnsError,
            Some("ghcr.io"),
        ),
        (
            "Error: Failed to download resource \"wget\"\n\
                 Download failed: https://ghcr.io/v2/homebrew/core/wget/blobs/sha256:00\n\
                 curl: (22) The requested URL returned error: 503",
            FailureKind::UpstreamUnavailable,
            Some("ghcr.io"),
        ),
        (
            "Error: SHA-256 mismatch\n\
                 Expected: 00\n\
                 \x20 Actual: 01",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (
            "formula pyenv bottle contains no binaries in bin/",
            FailureKind::BinaryDiscoveryFailed,
            None,
        ),
        (
            "failed to fetch bottle data for formula python@3.11 from https://ghcr.io/v2/",
            FailureKind::UpstreamUnavailable,
            Some("ghcr.io"),
        ),
        (
            "Error: recipe validation failed for 'libevent'\n\
                 \x20 - steps: step 3: when.os contains 'darwin' which is not in the recipe's supported platforms",
            FailureKind::SchemaInvalid,
            None,
        ),
        (
            "Error: recipe 'openssl' already satisfies 'openssl@3'. Use --force to create anyway.",
            FailureKind::RecipeExists,
            None,
        ),
        (
            "/t/bin/wget: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /t/bin/wget)",
            FailureKind::LibcMismatch,
            None,
        ),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&Homebrew, STATED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] = &[
        (
            "Error: Failed to download resource \"wget\"\n\
                 Download failed: https://ghcr.io/v2/homebrew/core/wget/blobs/sha256:00",
            FailureKind::UpstreamUnavailable,
        ),
        (
            "Fetching formula metadata... done (v1.0)\n\
                 Inspecting bottle contents... failed",
            FailureKind::ArchiveExtractionFailed,
        ),
    ];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&Homebrew, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "tsuku collects anonymous usage statistics to improve the tool.\n\
                 No personal information is collected. See: https://tsuku.dev/telemetry\n\
                 ✅ patchelf@0.18.0",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)",
        ];
        none_state(&Homebrew, &texts);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &[
        "==> make install\n\
         x.c:1:9: error: initializer element is not constant\n\
         \x20int x = \"{fault}\";\n\
         {fault}\n\
         make: *** [Makefile:3: x.o] Error 1\n\
         \n\
         Error: x 1.0 did not build",
        "Last 15 lines from /root/.cache/Homebrew/Logs/x/01.configure:\n\
         checking for {fault}... no\n\
         configure: error: {fault}",
    ];

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&Homebrew, output, FailureKind::NativeBuildFailed);
        }
    }
}
