//! Classifies the output of gem and bundler. The texts are those of RubyGems 3.3 and Bundler 4.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules},
    model::{Evidence, FailureKind, Finding},
    plugin::FailureClassifier,
};

use crate::{RubyGems, quota::HOSTS};

/// The program that installs packages; without it nothing can be installed.
pub(crate) const PROGRAM: &str = "gem";

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: Some(PROGRAM),
    causes: &[
        ("' not found in rubygems", FailureKind::PackageNotFound),
        (") in any repository", FailureKind::PackageNotFound),
        ("could not find gem '", FailureKind::PackageNotFound),
        ("bad response not found 404", FailureKind::PackageNotFound),
        ("(required by '", FailureKind::DependencyResolutionFailed),
        ("could not find compatible versions", FailureKind::DependencyResolutionFailed),
        ("requires ruby version", FailureKind::DependencyResolutionFailed),
        ("requires rubygems version", FailureKind::DependencyResolutionFailed),
        ("your ruby version is", FailureKind::DependencyResolutionFailed),
        ("exception while verifying", FailureKind::ArchiveExtractionFailed),
        ("package metadata is missing in", FailureKind::ArchiveExtractionFailed),
        ("mismatched checksums", FailureKind::ArchiveExtractionFailed),
        ("checksum mismatch", FailureKind::ArchiveExtractionFailed),
        ("bad response unauthorized 401", FailureKind::AuthRequired),
        ("authentication is required for ", FailureKind::AuthRequired),
        ("bad response forbidden 403", FailureKind::AuthRequired),
        ("bad response internal server error 500", FailureKind::UpstreamUnavailable),
        ("bad response bad gateway 502", FailureKind::UpstreamUnavailable),
        ("bad response service unavailable 503", FailureKind::UpstreamUnavailable),
        ("bad response gateway time", FailureKind::UpstreamUnavailable),
        ("malformed version number string", FailureKind::UnexpectedResponse),
        ("net::opentimeout", FailureKind::Timeout),
        ("net::readtimeout", FailureKind::Timeout),
        ("execution expired", FailureKind::Timeout),
        (" - timed out (", FailureKind::Timeout),
        ("could not reach host ", FailureKind::ConnectionError),
        ("network error while fetching ", FailureKind::ConnectionError),
        ("ssl verification error at depth", FailureKind::TlsError),
        (": gem: command not found", FailureKind::ToolchainMissing),
        (": gem: not found", FailureKind::ToolchainMissing),
        ("‘gem’: no such file or directory", FailureKind::ToolchainMissing),
        ("gem not found: install ", FailureKind::ToolchainMissing),
        (": ruby: command not found", FailureKind::ToolchainMissing),
        (": ruby: not found", FailureKind::ToolchainMissing),
        ("‘ruby’: no such file or directory", FailureKind::ToolchainMissing),
        ("ruby not found: install ", FailureKind::ToolchainMissing),
    ],
    build_failures: &[
        ("error: failed to build gem native extension", FailureKind::NativeBuildFailed),
        ("gem::ext::builderror: ", FailureKind::NativeBuildFailed),
    ],
    quotes_package: |_| false,
    symptoms: &[
        ("could not find a valid gem", FailureKind::PackageNotFound),
        ("bundle lock failed", FailureKind::DependencyResolutionFailed),
        ("failed to generate gemfile.lock", FailureKind::DependencyResolutionFailed),
        ("bundle install failed", FailureKind::InstallFailed),
        ("error installing", FailureKind::InstallFailed),
        ("while executing gem", FailureKind::InstallFailed),
    ],
    retry_markers: &["due to error ("],
};

impl FailureClassifier for RubyGems {
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
            "ERROR:  Could not find a valid gem 'x' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - timed out (https://rubygems.org/specs.4.8.gz)",
            FailureKind::Timeout,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  While executing gem ... (Gem::RemoteFetcher::FetchError)\n\
                 \x20   Net::OpenTimeout: Failed to open TCP connection to rubygems.org:443 (execution expired) (https://rubygems.org/gems/x-1.0.gem)",
            FailureKind::Timeout,
            Some("rubygems.org"),
        ),
        (
            "Could not reach host rubygems.org. Check your network connection and try again.",
            FailureKind::ConnectionError,
            Some("rubygems.org"),
        ),
        (
            "Network error while fetching https://rubygems.org/quick/Marshal.4.8/x-1.0.gemspec.rz",
            FailureKind::ConnectionError,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  Could not find a valid gem 'nokogirii' (>= 0) in any repository\n\
                 ERROR:  Possible alternatives: nokogiri",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "ERROR:  Could not find a valid gem 'natx' (= 9) in any repository",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "Could not find gem 'zzz' in rubygems repository https://rubygems.org/ or installed locally.",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "ERROR:  Could not find a valid gem 'zzzmissing' (>= 3) (required by 'needs' (>= 0)) in any repository",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "ERROR:  Error installing newruby:\n\
                 \tnewruby-1.0 requires Ruby version >= 9.9. The current ruby version is 3.1.2.",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "Failed to generate plan: failed to resolve step gem_install: failed to generate Gemfile.lock: bundle lock failed: exit status 6\n\
                 Output: Fetching gem metadata from https://rubygems.org/.....\n\
                 Resolving dependencies...\n\
                 Could not find compatible versions\n\
                 \n\
                 Because pngcheck >= 0.2.8 depends on bundler >= 2.3.22, < 3.A",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "Building native extensions. This could take a while...\n\
                 ERROR:  Error installing natx:\n\
                 \tERROR: Failed to build gem native extension.\n\
                 \n\
                 \x20   current directory: /t/g/gems/natx-1.0/ext\n\
                 mkmf.rb can't find header files for ruby at /usr/lib/ruby/include/ruby.h",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status 5\n\
                 Output: Fetching gem metadata from https://rubygems.org/.\n\
                 Installing exiv2 0.1.2 with native extensions\n\
                 Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\
                 \n\
                 current directory:\n\
                 checking for -lexiv2...",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - SocketError: Failed to open TCP connection to rubygems.org:443 (getaddrinfo: Name or service not known) (https://rubygems.org/specs.4.8.gz)",
            FailureKind::DnsError,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - Errno::ECONNREFUSED: Failed to open TCP connection to rubygems.org:443 (Connection refused - connect(2) for rubygems.org:443) (https://rubygems.org/specs.4.8.gz)",
            FailureKind::ConnectionError,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - bad response Too Many Requests 429 (https://rubygems.org/specs.4.8.gz)",
            FailureKind::RateLimited,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - bad response Service Unavailable 503 (https://rubygems.org/specs.4.8.gz)",
            FailureKind::UpstreamUnavailable,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - bad response Forbidden 403 (https://rubygems.org/specs.4.8.gz)",
            FailureKind::AuthRequired,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - bad response Not Found 404 (https://rubygems.org/specs.4.8.gz)",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "ERROR:  SSL verification error at depth 0: self-signed certificate (18)\n\
                 ERROR:  Certificate /CN=localhost is not trusted\n\
                 ERROR:  Could not find a valid gem 'rake' (>= 0), here is why:\n\
                 \x20         Unable to download data from https://rubygems.org/ - SSL_connect returned=1 errno=0 state=error: certificate verify failed (self-signed certificate) (https://rubygems.org/specs.4.8.gz)",
            FailureKind::TlsError,
            Some("rubygems.org"),
        ),
        (
            "ERROR:  While executing gem ... (ArgumentError)\n\
                 \x20   Malformed version number string <html>nope</html>",
            FailureKind::UnexpectedResponse,
            None,
        ),
        (
            "Exception while verifying /t/broken-1.0.gem\n\
                 ERROR:  While executing gem ... (NoMethodError)\n\
                 \x20   undefined method `size' for nil:NilClass",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (
            "Error checking package: rubygems.org returned status 503",
            FailureKind::UpstreamUnavailable,
            Some("rubygems.org"),
        ),
        (
            "Installation failed: step 1 (gem_exec) failed: expected executable bullet not found at /t/.install/ruby/4.0.0/bin/bullet",
            FailureKind::ExecutableMissing,
            None,
        ),
        (
            "Error: recipe validation failed for 'less'\n\
                 \x20 - metadata.homepage: homepage must start with https:// (got: http://lesscss.org)",
            FailureKind::SchemaInvalid,
            None,
        ),
        (
            "Failed to generate plan: failed to resolve step download: failed to decompose \"download\": failed to download for checksum computation: bad status: 404 Not Found",
            FailureKind::ToolchainUnavailable,
            None,
        ),
        ("sh: 1: gem: not found", FailureKind::ToolchainMissing, Some("gem")),
        (
            "/usr/bin/env: ‘ruby’: No such file or directory",
            FailureKind::ToolchainMissing,
            Some("gem"),
        ),
        (
            "Warning: version resolution failed: GitHub API rate limit exceeded while resolving tool versions from GitHub: 60/60 requests used (unauthenticated), resets at 5:20AM, using 'dev'\n\
                 Generating plan for ruby@dev\n\
                 Failed to generate plan: failed to resolve step download: failed to decompose download: failed to decompose \"download\": failed to download for checksum computation: bad status: 404 Not Found",
            FailureKind::RateLimited,
            Some("api.github.com"),
        ),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&RubyGems, STATED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] = &[
        (
            "Installation failed: step 1 (gem_exec) failed: bundle install failed: exit status 5\n\
                 Output: Fetching gem metadata from https://rubygems.org/.......\n\
                 Fetching nokogiri 1.5.11\n\
                 Fetching slop 3.3.3\n\
                 I...",
            FailureKind::InstallFailed,
        ),
        (
            "Failed to generate plan: failed to resolve step gem_install: failed to generate Gemfile.lock: bundle lock failed: exit status 6\n\
                 Output: Fetching gem metadata",
            FailureKind::DependencyResolutionFailed,
        ),
        (
            "   Running: bundle config set --local path /t/.install && bundle install\n\
                 \x20  Gem installed successfully\n\
                 \x20  Created 1 self-contained wrapper(s)",
            FailureKind::VerifyFailed,
        ),
    ];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&RubyGems, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "Installing eval-time dependencies: [ruby]\n\
                 Installing ruby...\n\
                 Executing plan: libyaml@0.2.5\n\
                 Step 3/4: homebrew_relocate\n\
                 \x20  Relocating placeholders: libyaml (libr...",
            "ERROR:  Possible alternatives: natx",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)",
        ];
        none_state(&RubyGems, &texts);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &[
        "Building native extensions. This could take a while...\n\
         ERROR:  Error installing x:\n\
         ERROR: Failed to build gem native extension.\n\
         \n\
         \x20   current directory: /t/g/gems/x-1.0/ext\n\
         /usr/bin/ruby extconf.rb\n\
         checking for {fault}... no\n\
         x.c:1:9: error: initializer element is not constant\n\
         \x20int x = \"{fault}\";\n\
         {fault}\n\
         make: *** [Makefile:3: x.o] Error 1\n\
         make failed, exit code 2",
        "Installing {fault} 1.0 with native extensions\n\
         Gem::Ext::BuildError: ERROR: Failed to build gem native extension.\n\
         {fault}",
    ];

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&RubyGems, output, FailureKind::NativeBuildFailed);
        }
    }
}
