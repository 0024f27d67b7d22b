//! The message signatures in the history of the earlier pipeline: how each must be classified by
//! tags, classifier, shared patterns and exit code together.

use batch_core::{
    decide::classify,
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
};
use orchestrator::plugins;

fn read(ecosystem: &str, stage: Stage, text: &str) -> Finding {
    let registry = plugins::registry().expect("the linked plugins are a registry");
    let plugin = registry.resolve(ecosystem).expect("a test uses ecosystems");
    let (tool, text) = ("tsuku".to_owned(), text.to_owned());
    let evidence = Evidence { stage, tool, exit_code: Some(6), text };
    classify::finding(&evidence, plugin.classifier.classify(&evidence))
}

const RATE_LIMIT: &str = "Warning: version resolution failed: GitHub API rate limit exceeded while \
    resolving tool versions from GitHub: 60/60 requests used (unauthenticated), using 'dev'\n\
    Failed to generate plan: failed to resolve step download: failed to download for checksum \
    computation: bad status: 404 Not Found";

/// Ecosystem, final lines, kind, service.
const STATED: &[(&str, &str, FailureKind, Option<&str>)] = &[
    (
        "rubygems",
        "Error: recipe validation failed for 'less'\n  - metadata.homepage: homepage must start \
         with https:// (got: http://lesscss.org)",
        FailureKind::SchemaInvalid,
        None,
    ),
    (
        "rubygems",
        "Installation failed: step 1 (gem_exec) failed: expected executable bullet not found at \
         /t/.install/ruby/4.0.0/bin/bullet",
        FailureKind::ExecutableMissing,
        None,
    ),
    (
        "homebrew",
        "Error: package 'anomalyco/tap/opencode' not found in homebrew",
        FailureKind::PackageNotFound,
        None,
    ),
    ("pypi", RATE_LIMIT, FailureKind::RateLimited, Some("api.github.com")),
    ("cargo", RATE_LIMIT, FailureKind::RateLimited, Some("api.github.com")),
    ("rubygems", RATE_LIMIT, FailureKind::RateLimited, Some("api.github.com")),
    (
        "homebrew",
        "deterministic generation failed: [missing_dep] missing dependencies: recipe python@3.14 \
         not found in registry",
        FailureKind::RecipeMissing,
        None,
    ),
    (
        "homebrew",
        "deterministic generation failed: [api_error] failed to fetch bottle data for formula aalib",
        FailureKind::UpstreamUnavailable,
        None,
    ),
    (
        "homebrew",
        "Error: registry: recipe gmp not found in registry",
        FailureKind::RecipeMissing,
        None,
    ),
    (
        "homebrew",
        "deterministic generation failed: [no_bottles] formula nvm has no bottles available",
        FailureKind::NoBottle,
        None,
    ),
    (
        "rubygems",
        "failed to generate Gemfile.lock: bundle lock failed: exit status 6\nOutput: Fetching gem \
         metadata from https://rubygems.org/........\nResolving dependencies...\nCould not find \
         compatible versions\n\nBecause cql >= 1.7.0 depends on Ruby >= 1.8.7, < 4.0",
        FailureKind::DependencyResolutionFailed,
        None,
    ),
    (
        "homebrew",
        "deterministic generation failed: [complex_archive] formula pyenv bottle contains no \
         binaries in bin/",
        FailureKind::BinaryDiscoveryFailed,
        None,
    ),
    (
        "homebrew",
        "Error: recipe validation failed for 'libevent'\n  - steps: step 3: when.os contains \
         'darwin' which is not in the recipe's supported platforms",
        FailureKind::SchemaInvalid,
        None,
    ),
    (
        "homebrew",
        "Error: recipe already exists at recipes/o/openssl.toml\nUse --force to overwrite",
        FailureKind::RecipeExists,
        None,
    ),
    (
        "homebrew",
        "Error: recipe 'openssl' already satisfies 'openssl@3'. Use --force to create anyway.",
        FailureKind::RecipeExists,
        None,
    ),
    (
        "rubygems",
        "Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\ncurrent \
         directory:\n/t/ext\nruby extconf.rb\nchecking for pkg-config for exiv2... not found",
        FailureKind::NativeBuildFailed,
        None,
    ),
    (
        "rubygems",
        "failed to decompose \"download\": failed to download for checksum computation: bad \
         status: 404 Not Found",
        FailureKind::ToolchainUnavailable,
        None,
    ),
    (
        "cargo",
        "failed to download crate from https://crates.io/api/v1/crates/basis_universal/0.3.1/\
         download: exit status 22\nOutput: curl: (22) The requested URL returned error: 403",
        FailureKind::AuthRequired,
        Some("crates.io"),
    ),
    (
        "rubygems",
        "Error checking package: rubygems.org returned status 503",
        FailureKind::UpstreamUnavailable,
        Some("rubygems.org"),
    ),
];

/// Texts that stop before their reason, or contain none: only an inference is possible.
const INFERRED: &[(&str, &str, FailureKind)] = &[
    (
        "rubygems",
        "   Gem installed successfully\n   Created 1 self-contained wrapper(s)",
        FailureKind::VerifyFailed,
    ),
    (
        "pypi",
        "failed to generate locked requirements: pip download failed: exit status 1\nOutput: \
         Collecting tctl==0.0.46\n  Download...",
        FailureKind::DependencyResolutionFailed,
    ),
    (
        "rubygems",
        "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status \
         5\nOutput: Fetching gem metadata from https://rubygems.org/.......\nFetching slop 3.3.3\nI",
        FailureKind::InstallFailed,
    ),
];

#[test]
fn a_signature_with_a_cause_is_classified_as_stated() {
    for &(ecosystem, text, kind, service) in STATED {
        let service = service.map(str::to_owned);
        let expected = Finding { service, ..Finding::stated(kind) };
        assert_eq!(read(ecosystem, Stage::Validate, text), expected, "{text}");
    }
}

#[test]
fn a_signature_that_was_cut_is_only_inferred() {
    for &(ecosystem, text, kind) in INFERRED {
        let finding = read(ecosystem, Stage::Validate, text);
        assert_eq!((finding.kind, finding.confidence), (kind, Confidence::Inferred), "{text}");
    }
}

#[test]
fn similar_texts_without_a_cause_are_not_causes() {
    for ecosystem in ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"] {
        for text in [
            "   Installing 1 packages with hash verification",
            "   ⚠ Low GitHub API rate limit: 6 requests remaining (resets at 2026-04-24T02:49:59Z)",
            "tsuku collects anonymous usage statistics to improve the tool.\nNo personal \
             information is collected. See: https://tsuku.dev/telemetry",
            "Warning: Skipping recipe review (--yes). The recipe will be installed without \
             confirmation.",
        ] {
            let finding = read(ecosystem, Stage::Generate, text);
            assert_eq!(finding, Finding::stated(FailureKind::Unclassified), "{ecosystem}: {text}");
        }
        assert_eq!(read(ecosystem, Stage::Validate, "").kind, FailureKind::EvidenceLost);
    }
}
