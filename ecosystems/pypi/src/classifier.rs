//! Classifies the output of pip, pipx and uv. The texts are those of pip 23 to 25, pipx 1 and uv 0.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules},
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
    plugin::FailureClassifier,
};

use crate::{Pypi, quota::HOSTS};

/// The program that installs packages; without it nothing can be installed.
pub(crate) const PROGRAM: &str = "python3";

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: Some(PROGRAM),
    causes: &[
        ("' not found in pypi", FailureKind::PackageNotFound),
        ("was not found in the package registry", FailureKind::PackageNotFound),
        ("http error 404 while getting", FailureKind::PackageNotFound),
        ("404 client error", FailureKind::PackageNotFound),
        ("error: resolutionimpossible", FailureKind::DependencyResolutionFailed),
        ("have conflicting dependencies", FailureKind::DependencyResolutionFailed),
        ("requires a different python", FailureKind::DependencyResolutionFailed),
        ("require a different python version", FailureKind::DependencyResolutionFailed),
        ("no usable wheels", FailureKind::NoBottle),
        ("has no wheels with a matching", FailureKind::NoBottle),
        ("wheels are required for `", FailureKind::NoBottle),
        ("is not a supported wheel on this platform", FailureKind::NoBottle),
        ("no apps associated with package", FailureKind::LibraryOnly),
        (
            "do not match the hashes from the requirements file",
            FailureKind::ArchiveExtractionFailed,
        ),
        ("hash mismatch for", FailureKind::ArchiveExtractionFailed),
        ("error: wheel '", FailureKind::ArchiveExtractionFailed),
        ("badzipfile: ", FailureKind::ArchiveExtractionFailed),
        ("401 error, credentials not correct for ", FailureKind::AuthRequired),
        ("401 client error", FailureKind::AuthRequired),
        ("403 client error", FailureKind::AuthRequired),
        ("http error 403 while getting", FailureKind::AuthRequired),
        (" server error: ", FailureKind::UpstreamUnavailable),
        (" error responses'", FailureKind::UpstreamUnavailable),
        ("incompleteread(", FailureKind::UpstreamUnavailable),
        ("(connect timeout=", FailureKind::Timeout),
        ("http error 5", FailureKind::UpstreamUnavailable),
        ("python3: no module named pip", FailureKind::ToolchainMissing),
        ("python3: no module named venv", FailureKind::ToolchainMissing),
        ("ensurepip is not available", FailureKind::ToolchainMissing),
        (": python3: command not found", FailureKind::ToolchainMissing),
        (": python3: not found", FailureKind::ToolchainMissing),
        ("‘python3’: no such file or directory", FailureKind::ToolchainMissing),
        ("python3 not found: install ", FailureKind::ToolchainMissing),
    ],
    build_failures: &[
        ("error: subprocess-exited-with-error", FailureKind::NativeBuildFailed),
        ("error: metadata-generation-failed", FailureKind::NativeBuildFailed),
        ("error: failed-wheel-build-for-install", FailureKind::NativeBuildFailed),
        ("error: failed building wheel for", FailureKind::NativeBuildFailed),
        ("error: failed to build installable wheels", FailureKind::NativeBuildFailed),
        ("error: could not build wheels for", FailureKind::NativeBuildFailed),
        ("error: command '", FailureKind::NativeBuildFailed),
        // Printed by uv.
        ("failed to build `", FailureKind::NativeBuildFailed),
        ("the build backend returned an error", FailureKind::NativeBuildFailed),
    ],
    // The reason is text of the project's authors.
    quotes_package: |line| line.starts_with("reason for being yanked: "),
    symptoms: &[
        ("could not find a version that satisfies the requirement", FailureKind::PackageNotFound),
        ("no matching distribution found for", FailureKind::PackageNotFound),
        ("no solution found when resolving", FailureKind::DependencyResolutionFailed),
        ("failed to generate locked requirements", FailureKind::DependencyResolutionFailed),
        ("pip download failed", FailureKind::DependencyResolutionFailed),
    ],
    retry_markers: &["warning: retrying (retry("],
};

impl FailureClassifier for Pypi {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        let finding = RULES.read(&evidence.text)?;
        let is_stated = finding.confidence == Confidence::Stated;
        let is_absence = finding.kind == FailureKind::PackageNotFound && !is_stated;
        Some(if is_absence { of_no_version(finding, evidence) } else { finding })
    }
}

/// pip prints the same message if no file fits and if it could not reach the registry, so the
/// message is not reliable. If it lists other versions, it did reach the registry.
fn of_no_version(finding: Finding, evidence: &Evidence) -> Finding {
    let (asked, nothing) = ("(from versions: ", "(from versions: none)");
    if evidence.text.contains(asked) && !evidence.text.contains(nothing) {
        return Finding::stated(FailureKind::DependencyResolutionFailed);
    }
    // Only versions that the registry has are installed, so there is no file for this machine.
    let kind = match evidence.stage {
        Stage::Validate => FailureKind::NoBottle,
        Stage::Seed | Stage::Generate | Stage::Merge => finding.kind,
    };
    Finding { kind, ..finding }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{
        ClassifierCase, all_hint_at, all_state, no_quote_is_believed, none_state,
    };
    use batch_core::model::Stage;

    use super::*;

    const STATED: &[ClassifierCase] = &[
        (
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ConnectTimeoutError(<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>, 'Connection to pypi.org timed out. (connect timeout=15)')': /simple/httpie/\n\
                 ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::Timeout,
            Some("pypi.org"),
        ),
        (
            "pip._vendor.requests.exceptions.RetryError: HTTPSConnectionPool(host='files.pythonhosted.org', port=443): Max retries exceeded with url: /packages/x-1.0-py3-none-any.whl (Caused by ResponseError('too many 503 error responses'))",
            FailureKind::UpstreamUnavailable,
            Some("files.pythonhosted.org"),
        ),
        (
            "pip._vendor.urllib3.exceptions.ProtocolError: ('Connection broken: IncompleteRead(512 bytes read, 1024 more expected)', IncompleteRead(512 bytes read, 1024 more expected))",
            FailureKind::UpstreamUnavailable,
            None,
        ),
        (
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a new connection: [Errno -2] Name or service not known')': /simple/httpie/\n\
                 ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::DnsError,
            None,
        ),
        (
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/httpie/\n\
                 ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::ConnectionError,
            None,
        ),
        (
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'ReadTimeoutError(\"HTTPSConnectionPool(host='pypi.org', port=443): Read timed out. (read timeout=15)\")': /simple/httpie/\n\
                 ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::Timeout,
            Some("pypi.org"),
        ),
        (
            "Could not fetch URL https://pypi.org/simple/httpie/: There was a problem confirming the ssl certificate: HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded with url: /simple/httpie/ (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate (_ssl.c:1006)'))) - skipping\n\
                 ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::TlsError,
            Some("pypi.org"),
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement httpie==99.9.9 (from versions: 0.8.0, 3.2.3, 3.2.4)\n\
                 ERROR: No matching distribution found for httpie==99.9.9",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "ERROR: Ignored the following versions that require a different python version: 0.55.2 Requires-Python <3.5\n\
                 ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "ERROR: Cannot install urllib3==1.26.0 and urllib3==2.0 because these package versions have conflicting dependencies.\n\
                 \n\
                 ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "ERROR: Package 'pb' requires a different Python: 3.11.7 not in '>=3.99'",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "ERROR: pb-1-cp27-cp27m-win32.whl is not a supported wheel on this platform.",
            FailureKind::NoBottle,
            None,
        ),
        (
            "error: No solution found when resolving dependencies\n\
                 \x20 cause: Because all versions of docopt have no usable wheels and you require docopt, we can conclude that your requirements are unsatisfiable.",
            FailureKind::NoBottle,
            None,
        ),
        (
            "    error: No solution found when resolving dependencies\n\
                 \x20     cause: Because zzz was not found in the package registry and you require zzz, we can conclude that your requirements are unsatisfiable.\n\
                 Error installing zzz.",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "installing urllib3...\n\
                 No apps associated with package urllib3 or its dependencies. `pipx install`\n\
                 requires an application entry point.",
            FailureKind::LibraryOnly,
            None,
        ),
        (
            "error: subprocess-exited-with-error\n\
                 \n\
                 × Getting requirements to build wheel did not run successfully.\n\
                 │ exit code: 1\n\
                 ╰─> See above for output.",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "      x.c:1:10: fatal error: nosuch.h: No such file or directory\n\
                 \x20 ERROR: Failed building wheel for pb\n\
                 ERROR: Could not build wheels for pb, which is required to install pyproject.toml-based projects",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('Connection refused')': /simple/httpie/\n\
                 \x20 ERROR: Failed building wheel for pb",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (
            "ERROR: Wheel 'pb' located at /t/pb-1-py3-none-any.whl is invalid.",
            FailureKind::ArchiveExtractionFailed,
            None,
        ),
        (
            "ERROR: HTTP error 503 while getting https://files.pythonhosted.org/packages/03/b6/x.whl",
            FailureKind::UpstreamUnavailable,
            Some("files.pythonhosted.org"),
        ),
        (
            "shutil.Error: [('/tmp/a', '/t/a', \"[Errno 28] No space left on device: '/tmp/a' -> '/t/a'\")]",
            FailureKind::DiskFull,
            None,
        ),
        ("/usr/bin/python3: No module named pip", FailureKind::ToolchainMissing, Some("python3")),
        (
            "The virtual environment was not created successfully because ensurepip is not available.  On Debian/Ubuntu systems, you need to install the python3-venv package",
            FailureKind::ToolchainMissing,
            Some("python3"),
        ),
        (
            "Warning: version resolution failed: GitHub API rate limit exceeded while resolving tool versions from GitHub: 60/60 requests used (unauthenticated), resets at 5:20AM, using 'dev'\n\
                 Generating plan for python-standalone@dev\n\
                 Failed to generate plan: failed to resolve step download: failed to decompose download: failed to decompose \"download\": failed to download for checksum computation: bad status: 404 Not Found",
            FailureKind::RateLimited,
            Some("api.github.com"),
        ),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&Pypi, STATED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] = &[
        (
            "Failed to generate plan: failed to resolve step pipx_install: failed to decompose \"pipx_install\": failed to generate locked requirements: pip download failed: exit status 1\n\
                 Output: Collecting tctl==0.0.46\n\
                 \x20 Download...",
            FailureKind::DependencyResolutionFailed,
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement httpie (from versions: none)\n\
                 ERROR: No matching distribution found for httpie",
            FailureKind::NoBottle,
        ),
        (
            "   Creating venv: /tmp/x/.install/venvs/vllm\n\
                 \x20  Installing 176 packages with hash verification\n\
                 \x20  Package installed successfully",
            FailureKind::VerifyFailed,
        ),
    ];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&Pypi, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "   Creating venv: /tmp/x/.install/venvs/lib3mf\n\
                 \x20  Installing 1 packages with hash verification\n\
                 ❌ lib3mf@2.5.0\n\
                 Ins...",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)\n\
                 ✅ python-standalone@20260414",
        ];
        none_state(&Pypi, &texts);
    }

    #[test]
    fn without_an_answer_of_the_registry_the_package_is_not_blamed() {
        let text = "ERROR: No matching distribution found for zzz".to_owned();
        let (stage, tool) = (Stage::Generate, "python3".to_owned());
        let found = Pypi.classify(&Evidence { stage, tool, exit_code: Some(1), text });
        assert_eq!(found.unwrap().kind, FailureKind::PackageNotFound);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &[
        "  error: subprocess-exited-with-error\n\
         \n\
         \x20 × Building wheel for x (pyproject.toml) did not run successfully.\n\
         \x20 │ exit code: 1\n\
         \x20 ╰─> [3 lines of output]\n\
         \x20     x.c:1:9: error: initializer element is not constant\n\
         \x20     int x = \"{fault}\";\n\
         \x20     {fault}\n\
         \x20 ERROR: Failed building wheel for x\n\
         ERROR: Could not build wheels for x, which is required to install pyproject.toml-based projects",
        "  {fault}\n\
         \x20 ERROR: Failed building wheel for x",
        "  × Failed to build `x==1.0`\n\
         \x20 ├─▶ The build backend returned an error\n\
         \x20 ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)\n\
         \x20     [stderr]\n\
         \x20     RuntimeError: {fault}",
    ];

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&Pypi, output, FailureKind::NativeBuildFailed);
        }
    }
}
