//! Tests of headlines and remedies.

use proptest::prelude::*;

use super::*;

fn package() -> PackageId {
    "eco:x".parse().unwrap()
}

/// A failure of `package` with nothing but a kind and a message.
fn view<'a>(package: &'a PackageId, kind: FailureKind, message: &'a str) -> FailureView<'a> {
    FailureView {
        package,
        stage: Stage::Validate,
        kind,
        confidence: Confidence::Stated,
        service: None,
        exit_code: Some(1),
        message,
        blocked_by: &[],
        id: None,
        is_repeatable: false,
        own_reason: None,
    }
}

#[track_caller]
fn check(kind: FailureKind, message: &str, expected: &str) {
    let package = package();
    assert_eq!(headline(&view(&package, kind, message)).line, expected);
}

#[track_caller]
fn check_host(kind: FailureKind, message: &str, expected: &str) {
    let package = package();
    let service = Some("registry.example");
    let failure = FailureView { service, ..view(&package, kind, message) };
    assert_eq!(headline(&failure).line, expected);
}

#[test]
fn every_kind_has_words_of_its_own_and_a_remedy_that_contains_its_sentence() {
    let package = package();
    let mut lines = std::collections::BTreeSet::new();
    for &kind in FailureKind::ALL {
        let failure = view(&package, kind, "");
        let Headline { line, .. } = headline(&failure);
        assert!(line.len() > "eco:x: failed".len() && !line.ends_with(": failed"), "{line}");
        // Tools of a machine and of an ecosystem are missing in the same way, and all three kinds
        // of verification end in the same way if nothing is known.
        lines.insert(line);
        let Remedy { text, command } = remedy(&failure);
        assert!(text.starts_with(kind.row().remediation), "{kind}: {text}");
        assert_eq!(command.is_none(), kind == FailureKind::LibraryOnly, "{kind}");
    }
    assert_eq!(lines.len(), FailureKind::ALL.len() - 3, "{lines:#?}");
}

#[test]
fn faults_of_hosts_name_the_host_and_the_owner() {
    let of = check_host;
    of(
        FailureKind::DnsError,
        "getaddrinfo ENOTFOUND registry.example",
        "registry.example: host name does not resolve (this machine's DNS)",
    );
    of(
        FailureKind::TlsError,
        "unable to get local issuer certificate",
        "registry.example: the issuer of its certificate is not known here (the host or the network)",
    );
    of(
        FailureKind::ConnectionError,
        "connect ECONNREFUSED 127.0.0.1:1",
        "registry.example: it refuses connections (the host or the network)",
    );
    of(
        FailureKind::UpstreamUnavailable,
        "error code E502\nerror 502 Bad Gateway",
        "registry.example: it answered with error 502",
    );
    of(
        FailureKind::UpstreamUnavailable,
        "curl: (18) transfer closed, truncated",
        "registry.example: its answer was cut off",
    );
    of(
        FailureKind::AuthRequired,
        "403 Forbidden",
        "registry.example: it refuses access with status 403",
    );
    of(
        FailureKind::UnexpectedResponse,
        "invalid json: Unexpected token <",
        "registry.example: it answered with a web page where data was due",
    );
}

#[test]
fn a_host_that_nobody_names_is_looked_for_in_the_message() {
    let named = "it answered\nGET https://a.example/x - 503 Service Unavailable";
    check(FailureKind::UpstreamUnavailable, named, "a.example: it answered with error 503");
    check(
        FailureKind::Timeout,
        "timed out",
        "a host that the output does not name: it did not answer in time (the host or the network)",
    );
}

#[test]
fn faults_of_the_machine_say_what_was_done() {
    check(
        FailureKind::OutOfMemory,
        "FATAL ERROR: Reached heap limit",
        "installing x: its heap is full (this machine)",
    );
    check(
        FailureKind::BuildTimeout,
        "error: timed out after 300 s",
        "installing x: not finished within the time limit of 300 s (this machine)",
    );
    check_host(
        FailureKind::ToolchainMissing,
        "",
        "registry.example: this program is not installed (this machine)",
    );
}

#[test]
fn a_verify_command_is_named_with_its_end_and_its_own_reason() {
    let of = |message: &str, expected: &str| check(FailureKind::VerifyFailed, message, expected);
    of(
        "Error: ENOENT: no such file or directory, open '/tmp/a/b/vendor'\n\
         error: \"node-sass --version\" failed with exit code 1",
        "node-sass --version exited with 1: ENOENT: no such file or directory, open '…/vendor'",
    );
    // A command may print the words of this program.
    of(
        "error: \"rm -rf /\" failed with exit code 0\nerror: \"x\" failed with exit code 1",
        "x exited with 1: \"rm -rf /\" failed with exit code 0",
    );
    check(
        FailureKind::VerifyPatternMismatch,
        "error: pattern mismatch: \"x --version\" printed \"2.0\", without \"1.0\"",
        "x --version printed \"2.0\", without \"1.0\"",
    );
    check(
        FailureKind::VerifyTimeout,
        "error: \"x\" timed out after 30 s",
        "x timed out after 30 s",
    );
}

#[test]
fn the_end_of_a_program_is_said_in_words() {
    let package = package();
    let message = "error: \"x\" failed with exit code 139";
    let failure = view(&package, FailureKind::VerifyFailed, message);
    let line = headline(&FailureView { exit_code: Some(139), ..failure }).line;
    assert_eq!(line, "x was ended by signal SIGSEGV (a memory error)");
}

#[test]
fn the_reason_is_the_error_and_not_what_follows_from_it() {
    let of = |message: &str, reason: &str| {
        check(
            FailureKind::InstallFailed,
            message,
            &format!("x: its installation failed: {reason}"),
        );
    };
    of("npm error code 1\nnpm error command failed\nnpm error Error: no vendor", "no vendor");
    of("ERROR: cannot open it\nmake: *** [x] Error 1", "cannot open it");
    of("cannot read it\ncaused by: b\ncaused by: the cause of it", "the cause of it");
    of("error: no data\ncaused by: b\ncaused by: the cause of it", "the cause of it");
    of("cannot read it\nnothing else\nValueError: no number", "ValueError: no number");
    of("[7] could not start\n[8] could not end", "could not start");
    of("something\nlast", "something");
    of("thread 'main' panicked at src/main.rs:1:1:\nno settings\nnote: run with", "no settings");
    of("errors were found: none", "errors were found: none");
    let none = "x: its installation ended with exit code 1";
    check(FailureKind::InstallFailed, "npm error code 1\nnpm error command failed", none);
    check(FailureKind::InstallFailed, "", none);
}

#[test]
fn builds_and_libraries_name_what_is_missing() {
    let build = |message: &str, expected: &str| {
        check(FailureKind::NativeBuildFailed, message, expected);
    };
    build(
        "x.c:1:10: fatal error: pcap.h: No such file or directory",
        "x: it cannot be compiled without the header pcap.h",
    );
    build(
        "/usr/bin/ld: cannot find -lssl: No such file",
        "x: it cannot be compiled without the library ssl",
    );
    build("sh: 1: make: not found", "x: it cannot be compiled without the program make");
    build("error: linker `cc` not found", "x: it cannot be compiled without the program cc");
    build(
        "x.c:1:1: error: unknown type name 'foo'",
        "x: it cannot be compiled: unknown type name 'foo'",
    );
    let libc = |message: &str, expected: &str| check(FailureKind::LibcMismatch, message, expected);
    libc(
        "./a/x: error while loading shared libraries: libz.so.1: cannot open shared object file",
        "x: the shared library libz.so.1 is missing",
    );
    libc(
        "x: /lib/libc.so.6: version `GLIBC_2.38' not found (required by x)",
        "x: it needs GLIBC_2.38, which this environment lacks",
    );
}

#[test]
fn what_is_lost_says_where_the_text_ends() {
    check(
        FailureKind::EvidenceLost,
        "Installing dependencies\nInstalling nodejs...",
        "x: the log ends before a cause: it stops after 'Installing nodejs...'",
    );
    check(FailureKind::EvidenceLost, "", "x: only exit code 1 is stored, and no text");
}

#[test]
fn missing_recipes_are_named_and_queued() {
    let package = package();
    let blocked_by: Vec<PackageName> =
        ["a", "b", "c", "d~e"].iter().map(|name| name.parse().unwrap()).collect();
    let failure = view(&package, FailureKind::RecipeMissing, "");
    let failure = FailureView { blocked_by: &blocked_by, ..failure };
    let expected = "x: it waits for the recipes of a, b, c and 1 more";
    assert_eq!(headline(&failure).line, expected);
    let command = remedy(&failure).command.unwrap();
    assert_eq!(command, "tsuku-batch queue add --tier 2 eco:a eco:b eco:c eco:d~e");
}

#[test]
fn a_command_names_only_a_host_that_is_one() {
    let package = package();
    let failure = view(&package, FailureKind::DnsError, "");
    let command = |service| remedy(&FailureView { service, ..failure.clone() }).command.unwrap();
    assert_eq!(command(Some("registry.example")), "getent hosts registry.example");
    for service in [None, Some("-x.y"), Some("a.b;reboot"), Some("sandbox"), Some("")] {
        assert_eq!(command(service), "tsuku-batch ecosystem show eco");
    }
}

#[test]
fn only_what_is_stored_is_repeated() {
    let package = package();
    let failure = view(&package, FailureKind::InstallFailed, "");
    assert_eq!(remedy(&failure).command.unwrap(), "tsuku-batch try eco:x");
    let failure = FailureView { id: Some("eco-1-x"), is_repeatable: true, ..failure };
    assert_eq!(remedy(&failure).command.unwrap(), "tsuku-batch repro eco-1-x --run");
}

#[test]
fn the_owner_is_shown_however_long_the_reason_is() {
    let package = package();
    let message = "bad ".repeat(500);
    let failure = view(&package, FailureKind::UnsafeName, &message);
    assert_eq!(remedy(&failure).command.unwrap(), "tsuku-batch queue unblock eco:x");
    let line = headline(&failure).line;
    assert_eq!(line.chars().count(), MAX_CHARS);
    assert!(line.ends_with("… (a rule of this program)"), "{line}");
}

#[test]
fn no_line_is_a_command_to_a_ci_system() {
    let package = package();
    for service in ["::error::x", " ##[error]x", "##[group]::x"] {
        let failure = view(&package, FailureKind::DnsError, "");
        let line = headline(&FailureView { service: Some(service), ..failure }).line;
        assert!(!line.starts_with(['#', ':']) && line.contains("x: host name"), "{line}");
    }
    for nothing in ["error: \"\"", "error: \"##\"", "error: \" : \""] {
        let line = headline(&view(&package, FailureKind::VerifyFailed, nothing)).line;
        assert!(line.starts_with("x: its verify command did not do what it should"), "{line}");
    }
    check(
        FailureKind::VerifyFailed,
        "error: \"::add-mask::x\" failed with exit code 1",
        "add-mask::x exited with 1",
    );
}

proptest! {
    #[test]
    fn any_message_becomes_one_short_visible_line(
        message in "(error: |caused by: | /tmp/a/|https://|\"|version `|: |\u{1b}\\[31m|\u{202e}|::error::|\n|\r|.){0,40}",
        n in 0..FailureKind::ALL.len(),
        service in proptest::option::of(".{0,80}"),
    ) {
        let package = package();
        let failure = view(&package, FailureKind::ALL[n], &message);
        let failure = FailureView { service: service.as_deref(), ..failure };
        let Headline { line, .. } = headline(&failure);
        prop_assert!((1..=MAX_CHARS).contains(&line.chars().count()), "{line}");
        prop_assert!(!line.chars().any(|c| c.is_control() || crate::model::is_hidden(c)), "{line:?}");
        prop_assert!(!line.contains("/tmp/"), "{line:?}");
        prop_assert_eq!(&line, &headline(&failure).line);
    }
}

#[test]
fn the_reasons_below_an_error_are_the_cause() {
    check(
        FailureKind::SchemaInvalid,
        "Error: recipe validation failed for 'x'\n  - metadata.homepage: homepage must start with https:// (got: http://r.example)",
        "x: its recipe is not valid: metadata.homepage: homepage must start with https:// (got: http://r.example)",
    );
    check(
        FailureKind::SchemaInvalid,
        "Error: recipe validation failed for 'x'",
        "x: its recipe is not valid",
    );
}
