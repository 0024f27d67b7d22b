//! How texts are read.

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

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(OWN));

#[track_caller]
fn check(text: &str, kind: FailureKind, service: Option<&str>) {
    let found = RULES.read(text).map(|finding| (finding.kind, finding.service));
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
    check("no such host: https://registry.example\nmake: *** [Makefile:3: x] Error 1", build, None);
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
        assert_eq!(RULES.read(text), None, "{text}");
    }
    check("checking for getaddrinfo... no\nno such package", FailureKind::PackageNotFound, None);
}

#[test]
fn a_headline_counts_only_without_a_cause_and_blames_no_host() {
    let finding = RULES.read("failed to generate plan: install failed").unwrap();
    assert_eq!(finding.kind, FailureKind::InstallFailed);
    assert_eq!(finding.confidence, Confidence::Inferred);
    check("install failed: no such package", FailureKind::PackageNotFound, None);
    assert_eq!(RULES.read("Installing 1 packages with hash verification"), None);
    assert_eq!(RULES.read("Low GitHub API rate limit: 6 requests remaining"), None);
}

#[test]
fn a_fault_names_the_host_nearest_to_it() {
    let (kind, own) = (FailureKind::DnsError, Some("registry.example"));
    let far = "\n".repeat(service::LINES_AROUND + 2);
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
fn shared_patterns_are_lower_case_and_stand_once_in_their_table() {
    let causes = shared::causes().flat_map(|&(_, _, patterns)| patterns);
    let symptoms = shared::SYMPTOMS.iter().map(|(pattern, _)| pattern);
    let others = shared::BUILD_FAILURES.iter().chain(shared::BEFORE_STATUS).chain(shared::MARKS);
    let all: Vec<&str> = causes.chain(symptoms).chain(others).copied().collect();
    for pattern in &all {
        assert_eq!(*pattern, pattern.to_ascii_lowercase());
        assert_eq!(all.iter().filter(|other| *other == pattern).count(), 1, "{pattern}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read(bytes: Vec<u8>, group in 0..shared::causes().count()) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = RULES.read(&text);
        let cause = shared::causes().nth(group).unwrap().2[0];
        prop_assert!(RULES.read(&format!("{cause}\n{text}")).is_some(), "{cause}");
    }
}
