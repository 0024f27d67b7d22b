//! Classifies the output of the go command. The texts are those of Go 1.26.

use std::sync::LazyLock;

use batch_core::{
    decide::patterns::{PatternTable, Rules, of_build},
    model::{Confidence, Evidence, FailureKind, Finding},
    plugin::FailureClassifier,
};

use crate::{Go, quota::HOSTS};

/// The program that installs packages; without it nothing can be installed.
pub(crate) const PROGRAM: &str = "go";

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(PATTERNS));

const PATTERNS: PatternTable = PatternTable {
    hosts: HOSTS,
    program: Some(PROGRAM),
    causes: &[
        // Whatever follows, the name was not resolved.
        ("dial tcp: lookup ", FailureKind::DnsError),
        ("' not found in go", FailureKind::PackageNotFound),
        (": 404 not found", FailureKind::PackageNotFound),
        (": 410 gone", FailureKind::PackageNotFound),
        ("unknown revision", FailureKind::PackageNotFound),
        ("remote: repository not found", FailureKind::PackageNotFound),
        ("fatal: repository '", FailureKind::PackageNotFound),
        ("no matching versions for query", FailureKind::PackageNotFound),
        ("but does not contain package", FailureKind::PackageNotFound),
        ("cannot find module providing package", FailureKind::PackageNotFound),
        ("module declares its path as", FailureKind::PackageNotFound),
        ("terminal prompts disabled", FailureKind::PackageNotFound),
        ("argument must be a clean package path", FailureKind::UnsafeName),
        ("malformed module path", FailureKind::UnsafeName),
        ("is not a main package", FailureKind::LibraryOnly),
        ("matched only non-main packages", FailureKind::LibraryOnly),
        ("it must not contain directives that would cause", FailureKind::BuildFromSource),
        ("requires go >= ", FailureKind::DependencyResolutionFailed),
        // Go before 1.21, for a version with a patch level.
        ("invalid go version '", FailureKind::DependencyResolutionFailed),
        ("build constraints exclude all go files", FailureKind::NativeBuildFailed),
        ("checksum mismatch", FailureKind::ArchiveExtractionFailed),
        (": 401 unauthorized", FailureKind::AuthRequired),
        (": 403 forbidden", FailureKind::AuthRequired),
        ("invalid response from proxy", FailureKind::UnexpectedResponse),
        ("\": unexpected eof", FailureKind::UpstreamUnavailable),
        ("x509: ", FailureKind::TlsError),
        ("toolchain not available", FailureKind::ToolchainUnavailable),
        (": go: command not found", FailureKind::ToolchainMissing),
        (": go: not found", FailureKind::ToolchainMissing),
        ("‘go’: no such file or directory", FailureKind::ToolchainMissing),
        ("go not found: install ", FailureKind::ToolchainMissing),
    ],
    build_failures: &[],
    quotes_package: is_of_an_author,
    symptoms: &[
        ("unrecognized import path", FailureKind::PackageNotFound),
        ("go build failed", FailureKind::NativeBuildFailed),
        ("go install failed", FailureKind::InstallFailed),
    ],
    retry_markers: &[],
};

/// Whether the line gives an author's reason for the deprecation of a module or for the retraction
/// of a version.
fn is_of_an_author(line: &str) -> bool {
    line.starts_with("go: ")
        && [" is deprecated: ", "retracted by module author: "].iter().any(|it| line.contains(it))
}

/// How the proxy says that it withholds one module. The variant without a tab occurs after terminal
/// codes were removed.
const WITHHELD: [&str; 2] =
    [": 403 Forbidden\n\tserver response: ", ": 403 Forbidden\nserver response: "];

/// The finding for `text`; if the proxy withholds one module, the registry is not to blame.
fn about_one_module(finding: Finding, text: &str) -> Finding {
    let is_refusal = finding.kind == FailureKind::AuthRequired;
    if is_refusal && WITHHELD.iter().any(|sign| text.contains(sign)) {
        return Finding { confidence: Confidence::Inferred, ..Finding::stated(finding.kind) };
    }
    finding
}

impl FailureClassifier for Go {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        let text = &evidence.text;
        if !names_what_it_builds(text) {
            return RULES.read(text).map(|finding| about_one_module(finding, text));
        }
        let is_too_old = text.lines().any(|line| line.starts_with("note: module requires Go "));
        let is_runtimes = |line: &str| line == "fatal error: runtime: out of memory";
        Some(if is_too_old {
            Finding::stated(FailureKind::DependencyResolutionFailed)
        } else if text.lines().any(is_runtimes) {
            // The compiler and the linker are Go programs, and no code of a package runs.
            Finding::stated(FailureKind::OutOfMemory)
        } else {
            of_build(text, FailureKind::NativeBuildFailed)
        })
    }

    /// The go command repeats module and version before the reason.
    fn reason(&self, _: FailureKind, message: &str) -> Option<String> {
        let is_progress =
            |line: &&str| ["downloading ", "warning: "].iter().any(|it| line.starts_with(it));
        let mut said = message.lines().filter_map(|line| line.strip_prefix("go: "));
        let mut reason = said.find(|line| !is_progress(line))?;
        while let Some((module, rest)) = reason.split_once(": ")
            && module.contains('@')
            && !module.contains(' ')
        {
            reason = rest;
        }
        Some(reason.to_owned())
    }
}

/// Whether the compiler or the linker printed a message: it follows a line `# import/path`, which
/// nothing else prints. Errors about modules that could not be loaded have no such line, although
/// they also begin with a position in a source file.
fn names_what_it_builds(text: &str) -> bool {
    let next = text.lines().skip(1);
    text.lines().zip(next).any(|(line, next)| {
        let path = line.strip_prefix("# ").unwrap_or_default();
        !path.is_empty() && !path.contains(' ') && !next.trim().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{
        ClassifierCase, all_hint_at, all_state, no_quote_is_believed, none_state,
    };

    use super::*;

    const STATED: &[ClassifierCase] = &[
        (
            "go: github.com/a/b@v0.8.0: github.com/a/b@v0.8.0: reading https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info: 404 Not Found\n\
                 \tserver response: not found: github.com/a/b@v0.8.0: invalid version: unknown revision v0.8.0",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "go: github.com/a/b@v0.8.0: github.com/a/b@v0.8.0: reading https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info: 410 Gone",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "go: github.com/a/b@v0.8.0: github.com/a/b@v0.8.0: reading https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info: 403 Forbidden",
            FailureKind::AuthRequired,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.8.0: github.com/a/b@v0.8.0: reading https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info: 429 Too Many Requests",
            FailureKind::RateLimited,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.8.0: github.com/a/b@v0.8.0: reading https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info: 503 Service Unavailable",
            FailureKind::UpstreamUnavailable,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@latest: module github.com/a/b: Get \"https://proxy.golang.org/github.com/a/b/@v/list\": dial tcp 142.0.0.1:443: connect: connection refused",
            FailureKind::ConnectionError,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.9.0: Get \"https://proxy.golang.org/github.com/a/b/@v/v0.9.0.info\": dial tcp: lookup proxy.golang.org on 10.0.0.53:53: no such host",
            FailureKind::DnsError,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.9.0: Get \"https://proxy.golang.org/github.com/a/b/@v/v0.9.0.info\": dial tcp: lookup proxy.golang.org on 10.0.0.53:53: dial udp 10.0.0.53:53: connect: network is unreachable",
            FailureKind::DnsError,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.9.0: Get \"https://proxy.golang.org/github.com/a/b/@v/v0.9.0.info\": dial tcp 142.0.0.1:443: i/o timeout",
            FailureKind::Timeout,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.8.0: Get \"https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            FailureKind::TlsError,
            Some("proxy.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.8.1: verifying module: github.com/a/b@v0.8.1: reading https://sum.golang.org/lookup/github.com/a/b@v0.8.1: 503 Service Unavailable",
            FailureKind::UpstreamUnavailable,
            Some("sum.golang.org"),
        ),
        (
            "go: github.com/a/b@v0.8.0: invalid response from proxy \"https://proxy.golang.org\": invalid character '<' looking for beginning of value",
            FailureKind::UnexpectedResponse,
            Some("proxy.golang.org"),
        ),
        (
            "go: downloading golang.org/x/tools v0.52.0\n\
                 go: golang.org/x/tools/cmd/nope@latest: module golang.org/x/tools@latest found (v0.52.0), but does not contain package golang.org/x/tools/cmd/nope",
            FailureKind::PackageNotFound,
            None,
        ),
        (
            "go: downloading github.com/pkg/errors v0.9.1\n\
                 package github.com/pkg/errors is not a main package",
            FailureKind::LibraryOnly,
            None,
        ),
        (
            "go: warning: \"github.com/spf13/cobra/...\" matched only non-main packages",
            FailureKind::LibraryOnly,
            None,
        ),
        (
            "go: k8s.io/kubernetes/cmd/kubectl@v1.30.0 (in k8s.io/kubernetes@v1.30.0):\n\
                 \tThe go.mod file for the module providing named packages contains one or\n\
                 \tmore replace directives. It must not contain directives that would cause\n\
                 \tit to be interpreted differently than if it were the main module.",
            FailureKind::BuildFromSource,
            None,
        ),
        (
            "go: go.mod requires go >= 1.99 (running go 1.26.8; GOTOOLCHAIN=local)",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "go: Foo.com/..@latest: argument must be a clean package path",
            FailureKind::UnsafeName,
            None,
        ),
        (
            "# x.test/gl\n\
                 ./m.go:3:14: undefined: x",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "# x.test/gl\n\
                 ./m.go:3:14: cannot use 1 (untyped int constant) as string value in assignment",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "# runtime/cgo\n\
                 cgo: C compiler \"gcc\" not found: exec: \"gcc\": executable file not found in $PATH",
            FailureKind::NativeBuildFailed,
            None,
        ),
        (
            "go: golang.org/x/tools@v0.52.0: read \"https://proxy.golang.org/golang.org/x/tools/@v/v0.52.0.zip\": write /t/v0.52.0.zip306493098.tmp: no space left on device",
            FailureKind::DiskFull,
            None,
        ),
        (
            "go: example.com/a@v1.0.0: read \"https://proxy.golang.org/example.com/a/@v/v1.0.0.info\": unexpected EOF",
            FailureKind::UpstreamUnavailable,
            Some("proxy.golang.org"),
        ),
        (
            "go: errors parsing go.mod:\n\
                 /t/go.mod:3: invalid go version '1.23.2': must match format 1.23",
            FailureKind::DependencyResolutionFailed,
            None,
        ),
        (
            "go: x.org/a@v0.1.0: Get \"https://proxy.golang.org/x.org/a/@v/v0.1.0.info\": x509: certificate signed by unknown authority",
            FailureKind::TlsError,
            Some("proxy.golang.org"),
        ),
        (
            "# example.com/a\n\
                 /usr/lib/go/pkg/tool/linux_amd64/link: signal: killed",
            FailureKind::OutOfMemory,
            None,
        ),
        (
            "# example.com/a\n\
                 fatal error: runtime: out of memory\n\
                 \n\
                 runtime stack:",
            FailureKind::OutOfMemory,
            None,
        ),
        ("bash: line 1: go: command not found", FailureKind::ToolchainMissing, Some("go")),
    ];

    #[test]
    fn stated_causes_are_classified_with_their_service() {
        all_state(&Go, STATED);
    }

    /// Texts that say that the proxy withholds one module.
    const REFUSED: &[(&str, FailureKind)] = &[
        (
            "go: github.com/a/b@v0.8.0: github.com/a/b@v0.8.0: reading https://proxy.golang.org/github.com/a/b/@v/v0.8.0.info: 403 Forbidden\n\
                 \tserver response: This module version is not available.",
            FailureKind::AuthRequired,
        ),
        (
            "cmd/x/main.go:13:2: golang.org/x/telemetry@v0.0.0: reading https://proxy.golang.org/golang.org/x/telemetry/@v/v0.0.0.zip: 403 Forbidden\n\
                 \tserver response: This module version is not available.",
            FailureKind::AuthRequired,
        ),
        (
            "go: x.org/a@v0.0.0: reading https://proxy.golang.org/x.org/a/@v/v0.0.0.zip: 403 Forbidden\n\
                 server response: This module version is not available.",
            FailureKind::AuthRequired,
        ),
    ];

    #[test]
    fn a_withheld_module_is_not_missing_and_blames_no_host() {
        all_hint_at(&Go, REFUSED);
    }

    /// Texts that stop before they name the reason.
    const INFERRED: &[(&str, FailureKind)] =
        &[("go build failed: exit status 1", FailureKind::NativeBuildFailed)];

    #[test]
    fn a_headline_without_its_reason_is_only_inferred() {
        all_hint_at(&Go, INFERRED);
    }

    #[test]
    fn outputs_without_a_cause_are_left_to_core() {
        let texts = [
            "go: downloading golang.org/x/tools v0.52.0\n\
                 go: downloading golang.org/x/mod v0.42.0",
            "   ⚠ Low GitHub API rate limit: 9 requests remaining (resets at 2026-03-26T13:39:53Z)",
        ];
        none_state(&Go, &texts);
    }

    /// Outputs of failed builds that contain a quoted text.
    const QUOTES: &[&str] = &[
        "go: downloading example.com/a v1.0.0\n\
         # example.com/a\n\
         ./main.go:3:13: cannot use \"{fault}\" (untyped string constant) as int value in variable declaration\n\
         ./main.go:4:2: undefined: {fault}",
        "# example.com/a\n\
         ./main.go:3:2: {fault}\n\
         ./main.go:9:1: too many errors",
    ];

    #[test]
    fn the_reason_follows_the_repeated_module() {
        let reason = |text: &str| Go.reason(FailureKind::InstallFailed, text);
        let text = "go: downloading x v1.0.0\ngo: a.b/c@v1.0.0: a.b/c@v1.0.0: reading https://p/x: 400 Bad Request";
        assert_eq!(reason(text).unwrap(), "reading https://p/x: 400 Bad Request");
        assert_eq!(reason("go: go.mod requires go >= 1.99").unwrap(), "go.mod requires go >= 1.99");
        assert_eq!(reason("go: downloading x v1.0.0\n# p\n./main.go:1:1: x"), None);
    }

    #[test]
    fn texts_quoted_by_a_build_are_not_causes() {
        for output in QUOTES {
            no_quote_is_believed(&Go, output, FailureKind::NativeBuildFailed);
        }
    }
}
