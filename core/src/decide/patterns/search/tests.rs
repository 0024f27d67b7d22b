use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Found {
    let search = Search::new(&PatternTable::SHARED);
    search.find(text, &mut Lines::new(text, |_| false, &[]))
}

fn firm(text: &str) -> Option<FailureKind> {
    found(text).firm.map(|hit| hit.kind)
}

#[test]
fn a_phrase_states_a_cause_only_where_it_is_reported() {
    let dns = Some(FailureKind::DnsError);
    for text in [
        "no such host",
        "x: no such host",
        "[7] no such host (os error 1)",
        "error: there is no such host",
        "{\"message\":\"no such host\"}",
        "level=error msg=\"no such host\"",
    ] {
        assert_eq!(firm(text), dns, "{text}");
    }
    for text in [
        "the server says no such host",
        "error handling when no such host",
        "it prints 'no such host' then",
        "/srv/no such host/x",
        "error: dial-no such host",
    ] {
        assert_eq!(firm(text), None, "{text}");
    }
}

#[test]
fn a_fault_of_the_machine_is_the_cause_of_what_is_named_before_it_in_a_chain() {
    let (disk, memory) = (Some(FailureKind::DiskFull), Some(FailureKind::OutOfMemory));
    for (text, kind) in [
        ("failed to parse response: write: no space left on device", disk),
        ("error: failed to extract x: write /tmp/y: disk quota exceeded", disk),
        ("recipe validation failed: connection reset: cannot allocate memory", memory),
        ("failed to parse response: out of memory: no such host", memory),
        // No chain: another line, another sentence, or a quoted name.
        (
            "failed to parse response:\nwrite: no space left on device",
            Some(FailureKind::UnexpectedResponse),
        ),
        (
            "failed to parse response, no space left on device",
            Some(FailureKind::UnexpectedResponse),
        ),
        (
            "failed to parse response: 'no space left on device'",
            Some(FailureKind::UnexpectedResponse),
        ),
        // A fault of a service may be a consequence.
        ("no such host: connection refused", Some(FailureKind::DnsError)),
    ] {
        assert_eq!(firm(text), kind, "{text}");
    }
}

#[test]
fn a_name_that_consists_of_words_of_a_message_is_none() {
    for text in [
        "error: compiling toomanyrequests-rs",
        "error: in /srv/toomanyrequests/x",
        "error: x-toomanyrequests",
    ] {
        assert_eq!(firm(text), None, "{text}");
    }
    assert_eq!(firm("error: toomanyrequests: retry later"), Some(FailureKind::RateLimited));
}

#[test]
fn a_status_code_says_what_happened() {
    let check = |text: &str, kind| assert_eq!(firm(text), kind, "{text}");
    check("bad status: 503 service", Some(FailureKind::UpstreamUnavailable));
    check("bad status: 429", Some(FailureKind::RateLimited));
    check("http error 403: rate limit", Some(FailureKind::RateLimited));
    check("http error 403", Some(FailureKind::AuthRequired));
    check("http/1.1 408 request timeout", Some(FailureKind::Timeout));
    for text in ["bad status: 404", "bad status: 5031", "bad status: 50", "http error 5xx"] {
        check(text, None);
    }
}

#[test]
fn the_beginning_of_a_message_at_the_end_of_a_cut_text_is_recognised() {
    let search = Search::new(&PatternTable::SHARED);
    assert_eq!(search.begun("failed: expected exec"), Some(FailureKind::ExecutableMissing));
    assert_eq!(search.begun("github api rate limit e"), Some(FailureKind::RateLimited));
    assert_eq!(search.begun("collecting x\n  download"), None);
    // Several messages of different kinds begin so.
    assert_eq!(search.begun("connection "), None);
    assert_eq!(search.begun("x: failed to "), None);
    assert_eq!(search.begun("unexpected exec"), None);
    assert_eq!(search.begun(""), None);
}

#[test]
fn a_symptom_counts_at_its_last_position_and_a_cause_at_its_first() {
    let text =
        "failed to generate plan\ninstallation failed: step 1\nno such host\ntoo many requests";
    let found = found(text);
    assert_eq!(found.symptom.map(|hit| hit.kind), Some(FailureKind::InstallFailed));
    assert_eq!(found.firm.map(|hit| hit.kind), Some(FailureKind::DnsError));
}

proptest! {
    #[test]
    fn any_text_is_searched(text: String) {
        let text = text.to_ascii_lowercase();
        let _ = found(&text);
        let _ = Search::new(&PatternTable::SHARED).begun(&text);
    }
}
