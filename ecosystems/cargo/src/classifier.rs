//! Classifies the output of cargo, rustc and rustup. The texts are those of cargo 1.95, unless a
//! comment names an older version.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules},
    model::{Evidence, FailureKind, Finding},
    plugin::FailureClassifier,
};

use crate::{Cargo, quota::HOSTS};

/// The program that installs packages; without it nothing can be installed.
pub(crate) const PROGRAM: &str = "cargo";

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: Some(PROGRAM),
    causes: &[
        ("' not found in crates.io", FailureKind::PackageNotFound),
        (" in registry `crates-io`", FailureKind::PackageNotFound),
        ("no packages found with binaries or examples", FailureKind::LibraryOnly),
        ("there is nothing to install in", FailureKind::LibraryOnly),
        (
            "none of the package's binaries are available for install",
            FailureKind::ExecutableMissing,
        ),
        ("failed to select a version for", FailureKind::DependencyResolutionFailed),
        ("no matching package named", FailureKind::DependencyResolutionFailed),
        ("is not supported by the following package", FailureKind::DependencyResolutionFailed),
        (", it requires rustc ", FailureKind::DependencyResolutionFailed),
        // Cargo up to 1.94, and manifests that only a newer cargo can read.
        ("cannot be built because it requires rustc ", FailureKind::DependencyResolutionFailed),
        ("feature `edition20", FailureKind::DependencyResolutionFailed),
        ("is not stabilized in this version of cargo", FailureKind::DependencyResolutionFailed),
        ("does not understand this lock file", FailureKind::DependencyResolutionFailed),
        ("it has been yanked from registry", FailureKind::PackageNotFound),
        ("this version of cargo is older than", FailureKind::DependencyResolutionFailed),
        ("--locked was passed to prevent this", FailureKind::DependencyResolutionFailed),
        ("(signal: 9, sigkill: kill)", FailureKind::OutOfMemory),
        ("error: linker `", FailureKind::NativeBuildFailed),
        ("error: linking with `", FailureKind::NativeBuildFailed),
        ("failed to verify the checksum of", FailureKind::ArchiveExtractionFailed),
        ("`, got 429", FailureKind::RateLimited),
        ("), got 429", FailureKind::RateLimited),
        ("`, got 401", FailureKind::AuthRequired),
        ("), got 401", FailureKind::AuthRequired),
        ("`, got 403", FailureKind::AuthRequired),
        ("), got 403", FailureKind::AuthRequired),
        ("`, got 404", FailureKind::UpstreamUnavailable),
        ("), got 404", FailureKind::UpstreamUnavailable),
        ("`, got 5", FailureKind::UpstreamUnavailable),
        ("), got 5", FailureKind::UpstreamUnavailable),
        ("[35] ssl connect error", FailureKind::TlsError),
        ("[60] ssl peer certificate", FailureKind::TlsError),
        ("config.json not found in registry", FailureKind::UnexpectedResponse),
        ("expected value at line 1 column 1", FailureKind::UnexpectedResponse),
        ("rustup could not choose a version of", FailureKind::ToolchainMissing),
        ("error: toolchain '", FailureKind::ToolchainMissing),
        (": cargo: command not found", FailureKind::ToolchainMissing),
        (": cargo: not found", FailureKind::ToolchainMissing),
        ("‘cargo’: no such file or directory", FailureKind::ToolchainMissing),
        ("cargo not found: install ", FailureKind::ToolchainMissing),
    ],
    build_failures: &[
        ("error: failed to run custom build command for", FailureKind::NativeBuildFailed),
        ("error: could not compile `", FailureKind::NativeBuildFailed),
    ],
    quotes_package: is_of_a_build_script,
    symptoms: &[
        ("failed to compile `", FailureKind::NativeBuildFailed),
        ("failed to unpack `", FailureKind::ArchiveExtractionFailed),
        ("failed to download `", FailureKind::UpstreamUnavailable),
        ("failed to download from `", FailureKind::UpstreamUnavailable),
        ("failed to query replaced source registry", FailureKind::UpstreamUnavailable),
        ("failed to generate cargo.lock", FailureKind::DependencyResolutionFailed),
    ],
    retry_markers: &["spurious network error"],
};

/// Whether the line is a `warning: package@version: text`, which a build script asked cargo to
/// print.
fn is_of_a_build_script(line: &str) -> bool {
    let mut words = line.strip_prefix("warning: ").unwrap_or_default().split(' ');
    words.next().is_some_and(|word| word.contains('@') && word.ends_with(':'))
}

impl FailureClassifier for Cargo {
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
            "    Updating crates.io index\n\
                 error: could not find `zzz-no-such-crate` in registry `crates-io` with version `*`",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "    Updating crates.io index\n\
                 error: could not find `ripgrep` in registry `crates-io` with version `=99.9.9`",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "error: there is nothing to install in `anyhow v1.0.104`, because it has no binaries\n\
                 `cargo install` is only for installing programs, and can't be used with libraries.",
            FailureKind::LibraryOnly,
            None,
        ),
        (
            "    Finished `release` profile [optimized] target(s) in 0.06s\n\
                 warning: none of the package's binaries are available for install using the selected features\n\
                 \x20 bin \"lc\" requires the features: `z`",
            FailureKind::ExecutableMissing,
            None,
        ),
        (
            "  Installing lc v0.1.0\n\
                 error: failed to compile `lc v0.1.0`, intermediate artifacts can be found at `/t/target`.\n\
                 \n\
                 Caused by:\n\
                 \x20 rustc 1.95.0 is not supported by the following package:\n\
                 \x20   lc@0.1.0 requires rustc 1.99",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "error: cannot install package `ripgrep 15.2.0`, it requires rustc 1.85 or newer, while the currently active rustc version is 1.70.0",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "error: failed to compile `lc v0.1.0`, intermediate artifacts can be found at `/t/target`.\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to select a version for the requirement `anyhow = \"=99\"`\n\
                 \x20 candidate versions found which didn't match: 1.0.104, 1.0.103, ...\n\
                 \x20 location searched: crates.io index",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "error: the lock file /t/Cargo.lock needs to be updated but --locked was passed to prevent this",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "   Compiling lc v0.1.0\n\
                 error[E0308]: mismatched types\n\
                 \x20--> src/main.rs:1:25\n\
                 error: could not compile `lc` (bin \"lc\") due to 1 previous error\n\
                 error: failed to compile `lc v0.1.0`, intermediate artifacts can be found at `/t/target`.",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "error: failed to run custom build command for `openssl-sys v0.9.0`\n\
                 \n\
                 \x20 thread 'main' panicked at build.rs:1:12:\n\
                 \x20 Could not find directory of OpenSSL installation",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "error: linker `cc` not found\n\
                 \x20 |\n\
                 \x20 = note: No such file or directory (os error 2)",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to get successful HTTP response from `https://index.crates.io/config.json` (18.0.0.1), got 429\n\
                 \x20 body:\n\
                 \x20 too many requests from the same IP",
            FailureKind::RateLimited,
            Some("index.crates.io"),
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to get successful HTTP response from `https://index.crates.io/config.json`, got 503\n\
                 \x20 body:",
            FailureKind::UpstreamUnavailable,
            Some("index.crates.io"),
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to get successful HTTP response from `https://crates.example/config.json` (10.0.0.1), got 403\n\
                 \x20 body:",
            FailureKind::AuthRequired,
            Some("crates.example"),
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to download from `https://index.crates.io/config.json`\n\
                 \n\
                 Caused by:\n\
                 \x20 [6] Could not resolve hostname (Could not resolve host: index.crates.io)",
            FailureKind::DnsError,
            Some("index.crates.io"),
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to download from `https://index.crates.io/config.json`\n\
                 \n\
                 Caused by:\n\
                 \x20 [7] Could not connect to server (Failed to connect to index.crates.io port 443 after 0 ms)",
            FailureKind::ConnectionError,
            Some("index.crates.io"),
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to download from `https://index.crates.io/config.json`\n\
                 \n\
                 Caused by:\n\
                 \x20 [60] SSL peer certificate or SSH remote key was not OK (SSL certificate problem: self-signed certificate)",
            FailureKind::TlsError,
            Some("index.crates.io"),
        ),
        (
            "    Updating crates.io index\n\
                 error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 download of config.json failed\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to download from `https://static.crates.io/crates/x/x-1.0.0.crate`\n\
                 \n\
                 Caused by:\n\
                 \x20 [28] Timeout was reached (Operation too slow. Less than 10 bytes/sec transferred the last 30 seconds)",
            FailureKind::Timeout,
            Some("static.crates.io"),
        ),
        (
            "error: failed to query replaced source registry `crates-io`\n\
                 \n\
                 Caused by:\n\
                 \x20 config.json not found in registry",
            FailureKind::UnexpectedResponse,
            None,
        ),
        (
            "warning: spurious network error (3 tries remaining): [6] Could not resolve hostname (Could not resolve host: index.crates.io)\n\
                 \x20  Compiling lc v0.1.0\n\
                 error: could not compile `lc` (bin \"lc\") due to 1 previous error",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "error: failed to unpack package `ripgrep v15.2.0`\n\
                 \n\
                 Caused by:\n\
                 \x20 failed to unpack `x.rs` into `/t/x.rs`\n\
                 \n\
                 Caused by:\n\
                 \x20 No space left on device (os error 28)",
            FailureKind::DiskFull,
            None,
        ),
        (
            "error: rustup could not choose a version of cargo to run, because one wasn't specified explicitly, and no default is configured.",
            FailureKind::ToolchainMissing,
            Some("cargo"),
        ),
        (
            "error: toolchain '1.1.1-x86_64-unknown-linux-gnu' is not installed\n\
                 help: run `rustup toolchain install` to install it",
            FailureKind::ToolchainMissing,
            Some("cargo"),
        ),
        (
            "error: failed to compile `lc v0.1.0`, intermediate artifacts can be found at `/t/target`.\n\
                 \n\
                 Caused by:\n\
                 \x20 package `clap_lex v0.3.1` cannot be built because it requires rustc 1.64.0 or newer, while the currently active rustc version is 1.63.0",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "error: failed to parse manifest at `/t/lc-0.1.0/Cargo.toml`\n\
                 \n\
                 Caused by:\n\
                 \x20 feature `edition2024` is required\n\
                 \n\
                 \x20 The package requires the Cargo feature called `edition2024`, but that feature is not stabilized in this version of Cargo (1.75.0).",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "error: failed to parse lock file at: /t/lc-0.1.0/Cargo.lock\n\
                 \n\
                 Caused by:\n\
                 \x20 lock file version `4` was found, but this version of Cargo does not understand this lock file, perhaps Cargo needs to be updated?",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "error: cannot install package `bar`, it has been yanked from registry `crates-io`",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "warning: spurious network error (1 try remaining): [7] Couldn't connect to server\n\
                 error: failed to download from `https://index.crates.io/config.json`\n\
                 \n\
                 Caused by:\n\
                 \x20 [7] Couldn't connect to server",
            FailureKind::ConnectionError,
            Some("index.crates.io"),
        ),
        (
            "   Compiling big v0.1.0\n\
                 error: could not compile `big` (bin \"big\")\n\
                 \n\
                 Caused by:\n\
                 \x20 process didn't exit successfully: `rustc --crate-name big` (signal: 9, SIGKILL: kill)",
            FailureKind::OutOfMemory,
            None,
        ),
        (
            "  cc: fatal error: Killed signal terminated program cc1\n\
                 \x20 compilation terminated.\n\
                 error: failed to run custom build command for `x-sys v0.9.0`",
            FailureKind::OutOfMemory,
            None,
        ),
        ("bash: line 1: cargo: command not found", FailureKind::ToolchainMissing, Some("cargo")),
        ("env: ‘cargo’: No such file or directory", FailureKind::ToolchainMissing, Some("cargo")),
        (
            "Failed to generate plan: failed to resolve step cargo_install: failed to decompose \"cargo_install\": failed to generate Cargo.lock: failed to download crate from https://crates.io/api/v1/crates/basis_universal/0.3.1/download: exit status 22\n\
                 Output: curl: (22) The requested URL returned error: 403",
            FailureKind::AuthRequired,
            Some("crates.io"),
        ),
        (
            "Warning: version resolution failed: GitHub API rate limit exceeded while resolving tool versions from GitHub: 60/60 requests used (unauthenticated), resets at 5:20AM, using 'dev'\n\
                 Generating plan for rust@dev\n\
                 Failed to generate plan: failed to resolve step download: failed to decompose download: failed to decompose \"download\": failed to download for checksum computation: bad status: 404 Not Found",
            FailureKind::RateLimited,
            Some("api.github.com"),
        ),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&Cargo, STATED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] = &[
        (
            "error: failed to download `ripgrep v0.1.0`\n\
                 \n\
                 Caused by:\n\
                 \x20 attempting to make an HTTP request, but --offline was specified",
            FailureKind::UpstreamUnavailable,
        ),
        (
            "error: failed to compile `lc v0.1.0`, intermediate artifacts can be found at",
            FailureKind::NativeBuildFailed,
        ),
    ];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&Cargo, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "Installing eval-time dependencies: [rust]\n\
                 Installing rust...\n\
                 Generating plan for rust@1.94.1\n\
                 \x20  Using cached: rust-1.94.1-x86_64-unknown-linux-gnu.tar.gz\n\
                 \x20  Running: ./install.sh --pr...",
            "install: installing component 'rust-docs'\n\
                 install: installing component 'cargo'\n\
                 install: installing component 'rust-...",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)",
        ];
        none_state(&Cargo, &texts);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &[
        "   Compiling x v0.1.0 (/t/x-0.1.0)\n\
         error[E0308]: mismatched types\n\
         \x20--> src/main.rs:1:16\n\
         \x20 |\n\
         1 | const X: i32 = \"{fault}\";\n\
         \x20 |          ---   ^^^^^^^^^ expected `i32`, found `&str`\n\
         \n\
         error: could not compile `x` (bin \"x\") due to 1 previous error\n\
         error: failed to compile `x v0.1.0`, intermediate artifacts can be found at `/t/target`.",
        "error: {fault}\n\
         \x20--> src/main.rs:1:1\n\
         \x20 |\n\
         1 | compile_error!(\"{fault}\");\n\
         \x20 | ^^^^^^^^^^^^^^^^^^^^^^^^^\n\
         \n\
         error: could not compile `x` (bin \"x\") due to 1 previous error",
        "warning: x@0.1.0: {fault}\n\
         error: failed to run custom build command for `x v0.1.0`\n\
         \n\
         Caused by:\n\
         \x20 process didn't exit successfully: `/t/target/release/build/x/build-script-build` (exit status: 101)\n\
         \x20 --- stdout\n\
         \x20 {fault}\n\
         \n\
         \x20 --- stderr\n\
         \x20 thread 'main' panicked at build.rs:1:13:\n\
         \x20 {fault}",
        "error[E0308]: mismatched types\n\
         \x20--> src/main.rs:1:16\n\
         \x20 |\n\
         1 | const X: i32 = \"{fault}\";\n\
         \x20 |          ---   ^^^^^^^^^ expected `i32`, found `&str`",
    ];

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&Cargo, output, FailureKind::NativeBuildFailed);
        }
    }
}
