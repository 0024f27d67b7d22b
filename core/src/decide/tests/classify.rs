//! What the output of a program says about a failure.

use proptest::prelude::*;

use crate::{
    decide::{
        classify::{finding, first_pattern, host_in, without_cause},
        patterns::{PatternTable, Rules, of_build},
        quoted,
    },
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
};

fn found(stage: Stage, exit_code: Option<i32>, text: &str) -> Finding {
    let (tool, text) = ("tool".to_owned(), text.to_owned());
    finding(&Evidence { stage, tool, exit_code, text }, None)
}

#[test]
fn an_exit_code_that_means_one_thing_blames_the_tool() {
    for (code, kind) in [
        (Some(124), FailureKind::BuildTimeout),
        (Some(137), FailureKind::OutOfMemory),
        (Some(127), FailureKind::ToolchainMissing),
        (None, FailureKind::ToolCrashed),
    ] {
        let found = found(Stage::Validate, code, "nothing that says why");
        assert_eq!(found, Finding::stated(kind).of_service("tool"), "{code:?}");
    }
}

/// A machine that names no user is allowed few requests.
#[test]
fn a_used_up_limit_of_requests_without_a_token_is_a_fault_of_the_host_that_passes() {
    let text = "Error: GitHub API rate limit exceeded while resolving tool versions from GitHub: \
                60/60 requests used (unauthenticated), resets at 5:20AM";
    let found = found(Stage::Generate, Some(6), text);
    assert_eq!(found.kind, FailureKind::RateLimited);
    assert!(found.kind.row().transient && found.kind.is_not_package_fault());
}

#[test]
fn where_nothing_says_why_the_stage_decides_and_after_silence_it_is_only_inferred() {
    for (stage, kind) in [
        (Stage::Validate, FailureKind::InstallFailed),
        (Stage::Generate, FailureKind::Unclassified),
        (Stage::Seed, FailureKind::Unclassified),
        (Stage::Merge, FailureKind::Unclassified),
    ] {
        assert_eq!(found(stage, Some(1), "what?"), Finding::stated(kind), "{stage:?}");
        for silence in ["", " \n\t"] {
            let found = found(stage, Some(1), silence);
            assert_eq!(found.kind, kind, "{stage:?}");
            assert_eq!(found.confidence, Confidence::Inferred);
        }
    }
}

#[test]
fn the_sign_that_stands_first_decides_whatever_the_order_of_the_table() {
    let patterns = [("full", FailureKind::DiskFull), ("refused", FailureKind::ConnectionError)];
    assert_eq!(first_pattern("it is full, refused", &patterns), Some(FailureKind::DiskFull));
    assert_eq!(first_pattern("refused, it is full", &patterns), Some(FailureKind::ConnectionError));
    assert_eq!(first_pattern("it is empty", &patterns), None);
}

#[test]
fn the_host_of_an_address_is_what_stands_between_its_user_and_its_port_or_path() {
    for (text, host) in [
        ("get https://a.example", Some("a.example")),
        ("get https://A.Example/x", Some("a.example")),
        ("get https://a.example:443", Some("a.example")),
        ("get https://me:secret@a.example/x@y", Some("a.example")),
        ("get (https://a-b.example)", Some("a-b.example")),
        ("get https://a.example?x=https://b.example", Some("a.example")),
        ("https://a.example https://b.example", Some("a.example")),
        ("get https:///x", None),
        ("get https://", None),
        ("get a.example", None),
        ("", None),
    ] {
        assert_eq!(host_in(text).as_deref(), host, "{text}");
    }
}

proptest! {
    #[test]
    fn the_evidence_of_a_program_that_was_run_is_never_lost(text: String, code: Option<i32>) {
        for stage in [Stage::Seed, Stage::Generate, Stage::Validate, Stage::Merge] {
            let found = found(stage, code, &text);
            prop_assert_ne!(found.kind, FailureKind::EvidenceLost);
            prop_assert_ne!(found.confidence, Confidence::Lost);
        }
    }
}

#[test]
fn a_stored_text_without_a_cause_is_a_failure_for_an_unknown_reason_or_lost() {
    let lost = without_cause("Installing ruby...\nStep 3/4: ...");
    assert_eq!((lost.kind, lost.confidence), (FailureKind::EvidenceLost, Confidence::Lost));
    let unknown = Finding::stated(FailureKind::Unclassified);
    assert_eq!(without_cause("Error: the moon is full"), unknown);
}

#[test]
fn tags_say_what_a_generator_did_not_find() {
    for (tagged, kind) in [
        ("[no_bottles] x", FailureKind::NoBottle),
        ("[complex_archive] x", FailureKind::BinaryDiscoveryFailed),
        ("[complex_archive] [library_only] x", FailureKind::LibraryOnly),
        ("[build_from_source] x", FailureKind::BuildFromSource),
        ("[api_error] x", FailureKind::UpstreamUnavailable),
        ("[api_error] x: no such host", FailureKind::DnsError),
        ("[api_error] recipe already exists at x", FailureKind::UpstreamUnavailable),
    ] {
        let text = format!("Fetching x\ndeterministic generation failed: {tagged}");
        assert_eq!(found(Stage::Generate, Some(9), &text).kind, kind, "{tagged}");
    }
}

/// Each way in which a build says that the kernel killed a part of it.
const KILLED: &[&str] = &[
    "process didn't exit successfully: `rustc x` (signal: 9, SIGKILL: kill)",
    "cc: fatal error: Killed signal terminated program cc1",
    "/go/pkg/tool/link: signal: killed",
    "go build example.org/x: signal: killed",
    "make: *** [Makefile:3: x.o] Killed",
    "make[2]: *** [Makefile:3: x.o] Killed",
    "make[2]: *** [Makefile:3: x.o] Error 137",
    "memory allocation of 1073741824 bytes failed",
    "gcc: internal compiler error: Killed (program cc1)",
    "collect2: fatal error: ld terminated with signal 9 [Killed]",
];

/// Each way in which it says that the disk is full.
const FULL: &[&str] = &[
    "error: failed to write `x`: No space left on device (os error 28)",
    "/usr/bin/ld: final link failed: No space left on device",
    "cc1: fatal error: error writing to /tmp/x.s: No space left on device",
    "/go/pkg/tool/link: mapping output file failed: no space left on device",
    "compile: writing output: write /tmp/x.o: no space left on device",
];

/// Lines that have a part of these in them and are none.
const OTHERS: &[&str] = &[
    "process didn't exit successfully: `rustc x` (exit status: 101)",
    "it said: ` (signal: 9, SIGKILL: kill)",
    "/go/pkg/tool/link: signal: killed by hand",
    "the tool link: signal: killed",
    ": signal: killed",
    "go build example.org/x: exit status 1",
    "go vet example.org/x: signal: killed",
    "make: *** [Makefile:3: x.o] Error 1",
    "make: [Makefile:3: x.o] Killed",
    "cmake: *** [Makefile:3: x.o] Killed",
    "error: failed to write `x`: Permission denied (os error 13)",
    "note: failed to write `x`: No space left on device (os error 28)",
    "/usr/bin/ld: final link failed: bad value",
    "/usr/bin/ld: first link failed: No space left on device",
    "cc1: fatal error: error writing to /tmp/x.s: Input/output error",
    "cc1: fatal error: x.h: No space left on device",
    "/go/pkg/tool/link: mapping output file failed: permission denied",
    "/go/pkg/tool/link: reading input file failed: no space left on device",
    "compile: writing output: permission denied",
    "compile: reading input: no space left on device",
];

#[test]
fn a_build_fails_by_its_own_fault_unless_one_of_its_programs_names_the_machines() {
    let kind = |line: &str| {
        let text = format!("first\n  {line}\nlast\n");
        let found = of_build(&text, FailureKind::NativeBuildFailed);
        assert_eq!(found.confidence, Confidence::Stated);
        found.kind
    };
    // Of rustc's errors those about a source are indented, and so is their place.
    for line in KILLED.iter().chain(&FULL[1..]) {
        assert_ne!(kind(line), FailureKind::NativeBuildFailed, "{line}");
    }
    for line in OTHERS {
        assert_eq!(kind(line), FailureKind::NativeBuildFailed, "{line}");
        assert_eq!(of_build(line, FailureKind::RunnerLost).kind, FailureKind::RunnerLost, "{line}");
    }
    for (lines, expected) in [(KILLED, FailureKind::OutOfMemory), (FULL, FailureKind::DiskFull)] {
        for line in lines {
            assert_eq!(of_build(line, FailureKind::RunnerLost).kind, expected, "{line}");
        }
    }
    assert_eq!(kind(FULL[0]), FailureKind::NativeBuildFailed);
}

#[test]
fn a_compile_error_is_a_number_of_an_error_or_a_place_in_a_source() {
    for line in [
        "error[e0425]: cannot find value",
        "  error[e0308]: mismatched types",
        "x.c:3:5: error: expected ';'",
        "x.c:3: fatal error: y.h: no such file or directory",
    ] {
        assert!(quoted::is_compile_error(line), "{line}");
        assert!(quoted::is_quoted(line), "{line}");
    }
    for line in [
        "error[e]: no number",
        "error[e04x5]: no number",
        "error: could not compile",
        "x.c: error: nowhere",
        "x.c:: error: nowhere",
        "x.c:5x: error: nowhere",
        "x.c:3:5: error",
    ] {
        assert!(!quoted::is_compile_error(line), "{line}");
    }
}

#[test]
fn a_table_of_causes_knows_these_and_its_hosts_by_their_names() {
    const TABLE: PatternTable = PatternTable::of_causes(
        &["registry.example"],
        &[("no such thing", FailureKind::PackageNotFound)],
    );
    let rules = Rules::new(TABLE);
    let read = |text: &str| rules.read(text).unwrap();
    assert_eq!(read("no such thing").kind, FailureKind::PackageNotFound);
    let found = read("registry.example: connection refused");
    assert_eq!(found.service.as_deref(), Some("registry.example"));
}

#[test]
fn a_host_is_looked_for_eight_lines_before_and_behind_and_no_further() {
    let service = |text: &str| Rules::of_any_tool().read(text).unwrap().service;
    for (n, expected) in [(1, true), (8, true), (9, false)] {
        let far = "\n".repeat(n);
        let host = expected.then(|| "a.example".to_owned());
        for start in ["", "\n", "some words\n"] {
            assert_eq!(service(&format!("{start}https://a.example{far}no such host")), host);
            assert_eq!(service(&format!("{start}no such host{far}https://a.example\n")), host);
            assert_eq!(
                service(&format!("{start}it failed: no such host{far}https://a.example")),
                host
            );
        }
    }
}
