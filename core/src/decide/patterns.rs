//! Pattern tables: what programs print when they know why they failed.

use std::cmp::Reverse;

use crate::{
    decide::{classify::host_in, quoted},
    model::{Confidence, FailureKind, Fault, Finding},
};

/// A part of a message, in lower case, and the cause that it means.
pub type Pattern = (&'static str, FailureKind);

/// The patterns of the tools of one ecosystem, in addition to the patterns of any tool.
#[derive(Debug, Clone, Copy)]
pub struct PatternTable {
    /// The hosts of the ecosystem. Some messages name them without a scheme.
    pub hosts: &'static [&'static str],
    /// The program of the ecosystem. It is named when it is missing.
    pub program: Option<&'static str>,
    /// Patterns that state a cause. The first one in the text decides, because the following ones
    /// are its consequences.
    pub causes: &'static [Pattern],
    /// What the tool prints when a build failed. These patterns are stronger than every cause:
    /// compilers quote source code, and build scripts print anything, so the rest of such a text is
    /// not reliable.
    pub build_failures: &'static [Pattern],
    /// Whether a line, in lower case, repeats the words of a package, for example why its author
    /// deprecates it. Nothing in such a line is a cause.
    pub quotes_package: fn(&str) -> bool,
    /// Patterns that say what went wrong, but not why. They are used only if the text states no
    /// cause. The last one in the text decides, because it is the most specific.
    pub symptoms: &'static [Pattern],
    /// Parts of lines that report a repeated try. Such a line is a cause only if no other line
    /// states one, because the next try may have succeeded.
    pub retry_markers: &'static [&'static str],
}

/// Causes that any tool may print.
const SHARED: &[Pattern] = &[
    ("no space left on device", FailureKind::DiskFull),
    ("disk quota exceeded", FailureKind::DiskFull),
    ("out of memory", FailureKind::OutOfMemory),
    ("cannot allocate memory", FailureKind::OutOfMemory),
    ("fatal error: out of memory", FailureKind::OutOfMemory),
    ("fatal error: runtime: out of memory", FailureKind::OutOfMemory),
    // Printed by compilers and linkers. Only the kernel kills them in this way, when memory is
    // short.
    ("fatal error: killed signal", FailureKind::OutOfMemory),
    (": signal: killed", FailureKind::OutOfMemory),
    ("rate limit exceeded", FailureKind::RateLimited),
    ("rate limit exhausted", FailureKind::RateLimited),
    ("rate limited by", FailureKind::RateLimited),
    ("too many requests", FailureKind::RateLimited),
    ("returned status 429", FailureKind::RateLimited),
    ("requested url returned error: 429", FailureKind::RateLimited),
    ("temporary failure in name resolution", FailureKind::DnsError),
    ("name or service not known", FailureKind::DnsError),
    ("nodename nor servname provided", FailureKind::DnsError),
    ("no such host", FailureKind::DnsError),
    ("could not resolve host", FailureKind::DnsError),
    ("getaddrinfo enotfound", FailureKind::DnsError),
    ("getaddrinfo eai_again", FailureKind::DnsError),
    ("getaddrinfo: ", FailureKind::DnsError),
    ("getaddrinfo(3): ", FailureKind::DnsError),
    ("certificate verify failed", FailureKind::TlsError),
    ("certificate_verify_failed", FailureKind::TlsError),
    ("unable to get local issuer certificate", FailureKind::TlsError),
    ("self-signed certificate", FailureKind::TlsError),
    ("self signed certificate", FailureKind::TlsError),
    ("ssl certificate problem", FailureKind::TlsError),
    ("tls: failed to verify certificate", FailureKind::TlsError),
    ("context deadline exceeded", FailureKind::Timeout),
    ("i/o timeout", FailureKind::Timeout),
    ("tls handshake timeout", FailureKind::Timeout),
    ("read timed out", FailureKind::Timeout),
    ("connection timed out", FailureKind::Timeout),
    ("operation timed out", FailureKind::Timeout),
    ("timeout was reached", FailureKind::Timeout),
    ("connection refused", FailureKind::ConnectionError),
    ("connection reset", FailureKind::ConnectionError),
    ("network is unreachable", FailureKind::ConnectionError),
    ("no route to host", FailureKind::ConnectionError),
    ("could not connect to server", FailureKind::ConnectionError),
    ("couldn't connect to server", FailureKind::ConnectionError),
    ("connect econnrefused", FailureKind::ConnectionError),
    ("errno::econnrefused", FailureKind::ConnectionError),
    ("read econnreset", FailureKind::ConnectionError),
    ("errno::econnreset", FailureKind::ConnectionError),
    ("500 internal server error", FailureKind::UpstreamUnavailable),
    ("502 bad gateway", FailureKind::UpstreamUnavailable),
    ("503 service unavailable", FailureKind::UpstreamUnavailable),
    ("504 gateway", FailureKind::UpstreamUnavailable),
    ("returned status 5", FailureKind::UpstreamUnavailable),
    ("requested url returned error: 5", FailureKind::UpstreamUnavailable),
    ("requested url returned error: 401", FailureKind::AuthRequired),
    ("requested url returned error: 403", FailureKind::AuthRequired),
    ("must start with https://", FailureKind::SchemaInvalid),
    ("recipe validation failed", FailureKind::SchemaInvalid),
    ("which requires llm", FailureKind::RequiresLlm),
    ("recipe already exists at", FailureKind::RecipeExists),
    ("already satisfies", FailureKind::RecipeExists),
    ("failed to get blob sha", FailureKind::ToolchainUnavailable),
    ("failed to download for checksum computation", FailureKind::ToolchainUnavailable),
    ("pattern mismatch", FailureKind::VerifyPatternMismatch),
    ("expected executable", FailureKind::ExecutableMissing),
    ("error while loading shared libraries", FailureKind::LibcMismatch),
    ("version `glibc_", FailureKind::LibcMismatch),
    ("fatal error: ", FailureKind::NativeBuildFailed),
    ("linker `cc` not found", FailureKind::NativeBuildFailed),
    ("cannot execute binary file", FailureKind::LibcMismatch),
    (": exec format error", FailureKind::LibcMismatch),
];

/// What programs that build for other tools print when a build failed.
const SHARED_BUILD_FAILURES: &[Pattern] = &[
    ("make: *** ", FailureKind::NativeBuildFailed),
    ("]: *** ", FailureKind::NativeBuildFailed),
    ("configure: error: ", FailureKind::NativeBuildFailed),
    ("cmake error at ", FailureKind::NativeBuildFailed),
    ("ninja: build stopped: ", FailureKind::NativeBuildFailed),
    ("collect2: error: ld returned ", FailureKind::NativeBuildFailed),
    ("gyp err!", FailureKind::NativeBuildFailed),
];

/// What the external generator prints first, when its reason was cut off or never printed.
const SHARED_SYMPTOMS: &[Pattern] = &[
    ("failed to generate plan", FailureKind::DependencyResolutionFailed),
    ("failed to generate dependency plans", FailureKind::ToolchainUnavailable),
    ("eval-time dependencies not satisfied", FailureKind::ToolchainUnavailable),
    ("installation failed: step ", FailureKind::InstallFailed),
    // A verification follows and fails without a message.
    (" installed successfully", FailureKind::VerifyFailed),
];

/// Services that messages name without their addresses.
const NAMED: &[(&str, &str)] = &[("github api", "api.github.com")];

/// How many lines before and after a pattern are searched for its address. Chains of causes name it
/// some lines away.
const LINES_AROUND: usize = 8;

impl PatternTable {
    /// The table of an ecosystem at `hosts` that has no program of its own and prints only
    /// `causes`.
    pub const fn of_causes(hosts: &'static [&'static str], causes: &'static [Pattern]) -> Self {
        Self { hosts, causes, ..Self::SHARED }
    }

    /// Only the patterns of any tool.
    pub const SHARED: Self = Self {
        hosts: &[],
        program: None,
        causes: &[],
        build_failures: &[],
        quotes_package: |line| line.starts_with("npm warn deprecated "),
        symptoms: &[],
        retry_markers: &[],
    };

    /// What `text` says; `None` when no pattern is in it. The time is linear: each pattern is
    /// searched once or twice.
    pub fn read(&self, text: &str) -> Option<Finding> {
        let text = text.to_ascii_lowercase();
        let is_said = |line: &&str| !quoted::is_quoted(line) && !(self.quotes_package)(line.trim());
        let said: String = text.split_inclusive('\n').filter(is_said).collect();
        if let Some(verdict) = self.verdict(&said, &text) {
            return Some(of_build(&text, verdict));
        }
        let text = said;
        let is_firm = |line: &&str| !self.retry_markers.iter().any(|mark| line.contains(mark));
        let firm: String = text.split_inclusive('\n').filter(is_firm).collect();
        self.cause(&firm).or_else(|| self.cause(&text)).or_else(|| self.symptom(&text))
    }

    /// The kind of failed build: by the first build failure in the reliable lines `said`, or by a
    /// compiler's error anywhere in `text`.
    fn verdict(&self, said: &str, text: &str) -> Option<FailureKind> {
        let patterns = self.build_failures.iter().chain(SHARED_BUILD_FAILURES);
        let stated = places(said, patterns).min_by_key(|&((at, _), _)| at).map(|(_, kind)| kind);
        let has_error = || text.lines().any(quoted::is_compile_error);
        stated.or_else(|| has_error().then_some(FailureKind::NativeBuildFailed))
    }

    fn cause(&self, text: &str) -> Option<Finding> {
        // If two patterns begin at the same position, the longer one is more specific; of equal
        // ones, the ecosystem's own is used.
        let patterns = self.causes.iter().chain(SHARED);
        let ((at, _), kind) =
            places(text, patterns).min_by_key(|&((at, len), _)| (at, Reverse(len)))?;
        let service = match (kind.fault(), kind) {
            (Fault::Registry, _) | (_, FailureKind::ToolchainUnavailable) => {
                self.host_near(text, at)
            }
            (_, FailureKind::ToolchainMissing) => self.program.map(str::to_owned),
            (Fault::Package | Fault::Machine | Fault::Nobody, _) => None,
        };
        Some(Finding { service, ..Finding::stated(kind) })
    }

    fn symptom(&self, text: &str) -> Option<Finding> {
        let patterns = self.symptoms.iter().chain(SHARED_SYMPTOMS);
        let (_, kind) = places(text, patterns).max_by_key(|&(place, _)| place)?;
        Some(Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) })
    }

    /// The host that is named nearest to `at`: in the same line, otherwise shortly before,
    /// otherwise after.
    fn host_near(&self, text: &str, at: usize) -> Option<String> {
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[at..].find('\n').map_or(text.len(), |len| at + len);
        let line = &text[start..end];
        let named = || {
            let by_name = NAMED.iter().find(|(name, _)| line.contains(name)).map(|&(_, host)| host);
            let own = || self.hosts.iter().copied().find(|host| is_word(line, host));
            by_name.or_else(own).map(str::to_owned)
        };
        let first = text[..start].rmatch_indices('\n').nth(LINES_AROUND).map_or(0, |(i, _)| i);
        let last = text[end..].match_indices('\n').nth(LINES_AROUND);
        let last = last.map_or(text.len(), |(len, _)| end + len);
        last_host_in(&text[start..at])
            .or_else(|| host_in(&text[at..end]))
            .or_else(named)
            .or_else(|| last_host_in(&text[first..start]))
            .or_else(|| host_in(&text[end..last]))
    }
}

/// Why a build that printed `text` failed: a fault of the machine if the text reports one,
/// otherwise `otherwise`.
pub fn of_build(text: &str, otherwise: FailureKind) -> Finding {
    Finding::stated(quoted::machine_fault(&text.to_ascii_lowercase()).unwrap_or(otherwise))
}

/// Whether `line` names exactly `host`, and not a host that only begins or ends in the same way.
fn is_word(line: &str, host: &str) -> bool {
    let is_in_host = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    line.split(|c| !is_in_host(c)).any(|word| word.trim_matches('.') == host)
}

/// The first position of each of `patterns` in `text`, and its length.
fn places<'a>(
    text: &str,
    patterns: impl Iterator<Item = &'a Pattern>,
) -> impl Iterator<Item = ((usize, usize), FailureKind)> {
    patterns.filter_map(|&(pattern, kind)| text.find(pattern).map(|at| ((at, pattern.len()), kind)))
}

fn last_host_in(text: &str) -> Option<String> {
    text.rfind("://").and_then(|at| host_in(&text[at..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: PatternTable = PatternTable {
        hosts: &["registry.example"],
        program: Some("tool"),
        causes: &[
            ("no such package", FailureKind::PackageNotFound),
            ("tool: command not found", FailureKind::ToolchainMissing),
            ("rate limit exceeded for good", FailureKind::AuthRequired),
        ],
        build_failures: &[("tool: it does not build", FailureKind::NativeBuildFailed)],
        quotes_package: |line| line.starts_with("tool: the author says "),
        symptoms: &[("install failed", FailureKind::InstallFailed)],
        retry_markers: &["warning: retrying"],
    };

    #[track_caller]
    fn check(text: &str, kind: FailureKind, service: Option<&str>) {
        let found = OWN.read(text).map(|finding| (finding.kind, finding.service));
        assert_eq!(found, Some((kind, service.map(str::to_owned))), "{text}");
    }

    #[test]
    fn the_first_cause_wins_whether_a_plugin_or_core_knows_it() {
        check("connection refused\nno such package", FailureKind::ConnectionError, None);
        check("No Such Package\nconnection refused", FailureKind::PackageNotFound, None);
        check("rate limit exceeded for good", FailureKind::AuthRequired, None);
    }

    #[test]
    fn a_retry_message_is_a_cause_only_if_there_is_no_other() {
        let retry = "WARNING: Retrying after connection refused\n";
        check(&format!("{retry}no such package"), FailureKind::PackageNotFound, None);
        check(&format!("{retry}install failed"), FailureKind::ConnectionError, None);
    }

    #[test]
    fn a_verdict_of_the_tool_outranks_build_output_but_not_machine_faults() {
        let build = FailureKind::NativeBuildFailed;
        check("connection refused\ntool: it does not build\nno such package", build, None);
        check("tool: it does not build\nno space left on device", build, None);
        check(
            "no such host: https://registry.example\nmake: *** [Makefile:3: x] Error 1",
            build,
            None,
        );
        check("write error: disk quota exceeded\nmake[2]: *** [x.mk:3: x] Error 1", build, None);
        let killed = "cc: fatal error: Killed signal terminated program cc1\n";
        check(&format!("{killed}tool: it does not build"), FailureKind::OutOfMemory, None);
    }

    #[test]
    fn a_compile_error_is_a_verdict_even_if_the_tools_own_message_was_cut_off() {
        let build = FailureKind::NativeBuildFailed;
        check("connection refused\nx.c:3:5: error: expected ';'\n", build, None);
        check("error[E0308]: mismatched types\n 1 | \"connection refused\"", build, None);
    }

    #[test]
    fn quoted_and_listed_texts_are_not_causes() {
        for text in [
            "checking for getaddrinfo: no such host",
            "  12 | \"connection refused\"",
            "x.c:3:5: warning: connection refused",
            "tool: the author says connection refused",
            "Error: ENOSPC: System limit for number of file watchers reached, watch",
            "Compiling getaddrinfo v0.1.0",
        ] {
            assert_eq!(OWN.read(text), None, "{text}");
        }
        check(
            "checking for getaddrinfo... no\nno such package",
            FailureKind::PackageNotFound,
            None,
        );
    }

    #[test]
    fn a_headline_counts_only_without_a_cause_and_blames_no_host() {
        let finding = OWN.read("failed to generate plan: install failed").unwrap();
        assert_eq!(finding.kind, FailureKind::InstallFailed);
        assert_eq!(finding.confidence, Confidence::Inferred);
        check("install failed: no such package", FailureKind::PackageNotFound, None);
        assert_eq!(OWN.read("Installing 1 packages with hash verification"), None);
        assert_eq!(OWN.read("Low GitHub API rate limit: 6 requests remaining"), None);
    }

    #[test]
    fn a_fault_names_the_host_nearest_to_it() {
        let (kind, own) = (FailureKind::DnsError, Some("registry.example"));
        let far = "\n".repeat(LINES_AROUND + 2);
        check(&format!("see https://a.example{far}no such host"), kind, None);
        check(&format!("no such host{far}see https://a.example"), kind, None);
        check("https://a.example\nno such host\nhttps://b.example", kind, Some("a.example"));
        check("no such host\nunable to get https://registry.example/x", kind, own);
        check("get https://a.example, https://registry.example:8/x: no such host", kind, own);
        check("from `https://registry.example/x`\n\ncaused by:\n  no such host", kind, own);
        check("no such host registry.example:443", kind, own);
        check("no such host 'my-registry.example' or registry.example.org", kind, None);
        check("no such host: https://me:secret@b.example/x", kind, Some("b.example"));
        let text = "see https://docs.example\nGitHub API rate limit exceeded\nno such package";
        check(text, FailureKind::RateLimited, Some("api.github.com"));
    }

    #[test]
    fn a_full_disk_blames_no_host_and_a_missing_tool_itself() {
        check("https://registry.example: no space left on device", FailureKind::DiskFull, None);
        check("sh: tool: command not found", FailureKind::ToolchainMissing, Some("tool"));
    }

    #[test]
    fn shared_patterns_are_lower_case() {
        for (pattern, _) in SHARED.iter().chain(SHARED_SYMPTOMS).chain(SHARED_BUILD_FAILURES) {
            assert_eq!(*pattern, pattern.to_ascii_lowercase());
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(bytes: Vec<u8>, before in 0..SHARED.len()) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = OWN.read(&text);
            let found = OWN.read(&format!("{}\n{text}", SHARED[before].0));
            prop_assert!(found.is_some());
        }
    }
}
