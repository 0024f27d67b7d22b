//! Failures of a host that was asked.

use super::{Draft, FailureView, MAX_SUBJECT, Owner, reason::reason, shown};
use crate::{decide::classify::host_in, model::FailureKind};

/// The subject if the text names no host.
const NO_NAME: &str = "a host that the output does not name";

/// What a part of a message (in lower case) means.
type Meaning = (&'static str, &'static str);

const TLS: &[Meaning] = &[
    ("expired", "its certificate has expired"),
    ("not yet valid", "its certificate is not valid yet"),
    ("self-signed", "its certificate is self-signed"),
    ("self signed", "its certificate is self-signed"),
    ("self_signed", "its certificate is self-signed"),
    ("altname", "its certificate is for another name"),
    ("hostname mismatch", "its certificate is for another name"),
    ("doesn't match", "its certificate is for another name"),
    ("not valid for", "its certificate is for another name"),
    ("issuer", "the issuer of its certificate is not known here"),
    ("unknown authority", "the issuer of its certificate is not known here"),
    ("unable to verify", "the issuer of its certificate is not known here"),
    ("unable_to_verify", "the issuer of its certificate is not known here"),
    ("wrong version number", "it does not speak TLS"),
    ("http response to https", "it does not speak TLS"),
    ("record overflow", "it does not speak TLS"),
    ("packet length too long", "it does not speak TLS"),
];
const CONNECTION: &[Meaning] = &[
    ("refused", "it refuses connections"),
    ("reset", "it closed the connection"),
    ("broken pipe", "it closed the connection"),
    ("socket hang up", "it closed the connection"),
    ("aborted", "it closed the connection"),
    ("unreachable", "the network has no way to it"),
    ("no route", "the network has no way to it"),
];
const CUT_OFF: &[&str] = &[
    "aborted",
    "connection broken",
    "content-length",
    "end of file",
    "incomplete",
    "invalid response body",
    "premature",
    "truncated",
    "unexpected eof",
];

/// What a kind of failure says about the host: from the message in lower case.
type Words = fn(&str) -> String;

const KINDS: &[(FailureKind, Words, Owner)] = &[
    (FailureKind::DnsError, |_| "host name does not resolve".to_owned(), Owner::Dns),
    (
        FailureKind::TlsError,
        |text| meaning(text, TLS, "the TLS connection failed"),
        Owner::HostOrNetwork,
    ),
    (
        FailureKind::ConnectionError,
        |text| meaning(text, CONNECTION, "it cannot be reached"),
        Owner::HostOrNetwork,
    ),
    (FailureKind::Timeout, |_| "it did not answer in time".to_owned(), Owner::HostOrNetwork),
    (
        FailureKind::RateLimited,
        |_| "it limits how often it is asked, and wants a pause".to_owned(),
        Owner::Host,
    ),
    (FailureKind::UpstreamUnavailable, unavailable, Owner::Host),
    (FailureKind::AuthRequired, refused, Owner::Host),
    (FailureKind::UnexpectedResponse, not_understood, Owner::Host),
    (
        FailureKind::ToolchainUnavailable,
        |_| "what the installation needs cannot be downloaded".to_owned(),
        Owner::Host,
    ),
];

const PAGE: &[&str] = &[
    "<html",
    "html page",
    "<!doctype",
    "unexpected token <",
    "unexpected token '<'",
    "invalid character '<'",
];

/// `None` if `failure` is of another kind.
pub(super) fn draft(failure: &FailureView<'_>) -> Option<Draft> {
    let &(kind, what, owner) = KINDS.iter().find(|(kind, ..)| *kind == failure.kind)?;
    let text = failure.message.to_ascii_lowercase();
    let tells_more = kind == FailureKind::ToolchainUnavailable
        || kind == FailureKind::UnexpectedResponse && !is_page(&text);
    let reason = if tells_more { reason(failure) } else { None };
    let what = what(&text);
    Some(Draft::new(format!("{}: {what}", host(failure)), reason, owner))
}

/// The host that failed, or a text that says that none is named.
fn host(failure: &FailureView<'_>) -> String {
    let named = || failure.message.lines().find_map(host_in);
    let host = failure.service.map(str::to_owned).or_else(named);
    host.map_or_else(|| NO_NAME.to_owned(), |host| shown::shortened(&host, MAX_SUBJECT))
}

fn meaning(text: &str, meanings: &[Meaning], otherwise: &str) -> String {
    let known = meanings.iter().find(|(part, _)| text.contains(part)).map(|&(_, what)| what);
    known.unwrap_or(otherwise).to_owned()
}

fn unavailable(text: &str) -> String {
    match status(text, |code| (500..600).contains(&code)) {
        Some(code) => format!("it answered with error {code}"),
        None if CUT_OFF.iter().any(|part| text.contains(part)) => {
            "its answer was cut off".to_owned()
        }
        None => "it does not work at the moment".to_owned(),
    }
}

fn refused(text: &str) -> String {
    match status(text, |code| matches!(code, 401 | 402 | 403 | 407)) {
        Some(code) => format!("it refuses access with status {code}"),
        None => "it refuses access".to_owned(),
    }
}

fn not_understood(text: &str) -> String {
    let what = if is_page(text) {
        "it answered with a web page where data was due"
    } else {
        "its answer was not understood"
    };
    what.to_owned()
}

/// Whether `text` says that an answer was a web page.
fn is_page(text: &str) -> bool {
    PAGE.iter().any(|part| text.contains(part))
}

/// The first number of three digits in `text` that `is_wanted`, also in the form `e404`.
fn status(text: &str, is_wanted: impl Fn(u16) -> bool) -> Option<u16> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let digits = words.map(|word| word.strip_prefix('e').unwrap_or(word));
    let mut codes = digits.filter(|it| it.len() == 3).filter_map(|it| it.parse().ok());
    codes.find(|&code| is_wanted(code))
}
