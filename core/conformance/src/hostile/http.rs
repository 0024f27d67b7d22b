//! Answers as such: status, headers, where they lead, how they come.

use std::time::Duration;

use super::{Allowed, HostileCase, asked, base, scripted};
use crate::{
    Harness, Outcome,
    network::{Delivery, ScriptedAnswer},
    pack::gzip,
};
use batch_core::{
    io::TransportErrorKind,
    model::FailureKind::{
        self, ArchiveExtractionFailed, AuthRequired, ConnectionError, DnsError, RateLimited,
        Timeout, TlsError, UnexpectedResponse, UpstreamUnavailable,
    },
};

/// One thing that is wrong with one answer, and what may come of it.
struct Row {
    what: &'static str,
    corrupt: fn(&mut ScriptedAnswer),
    allowed: Allowed,
}

impl Row {
    fn is_damage(&self) -> bool {
        matches!(self.allowed, Allowed::Kinds(kinds) if kinds == DAMAGED)
    }
}

const fn row(
    what: &'static str,
    corrupt: fn(&mut ScriptedAnswer),
    kinds: &'static [FailureKind],
) -> Row {
    Row { what, corrupt, allowed: Allowed::Kinds(kinds) }
}

const fn harmless(what: &'static str, corrupt: fn(&mut ScriptedAnswer)) -> Row {
    Row { what, corrupt, allowed: Allowed::OrRecipe(&[]) }
}

const HTML: &str = "text/html; charset=utf-8";
const ODD: &[FailureKind] = &[UnexpectedResponse];
const DOWN: &[FailureKind] = &[UpstreamUnavailable];
const LIMITED: &[FailureKind] = &[RateLimited];
/// Data that is damaged, be it JSON or an archive. Of a plain text nobody can tell: what is cut at
/// a line is shorter, and no more.
const DAMAGED: &[FailureKind] = &[UnexpectedResponse, UpstreamUnavailable, ArchiveExtractionFailed];

const ROWS: &[Row] = &[
    row("429", |scripted| says(scripted, 429, &[], "slow down"), LIMITED),
    row("429, Retry-After 30", |scripted| later(scripted, 429, "30"), LIMITED),
    row(
        "429, Retry-After of ages",
        |scripted| later(scripted, 429, "99999999999999999999"),
        LIMITED,
    ),
    row("429, Retry-After negative", |scripted| later(scripted, 429, "-5"), LIMITED),
    row("429, Retry-After no number", |scripted| later(scripted, 429, "soon"), LIMITED),
    row(
        "429, Retry-After as a date",
        |scripted| later(scripted, 429, "Thu, 01 Jan 1970 00:10:00 GMT"),
        LIMITED,
    ),
    row(
        "429, Retry-After long ago",
        |scripted| later(scripted, 429, "Mon, 01 Jan 1900 00:10:00 GMT"),
        LIMITED,
    ),
    row("403 with Retry-After", |scripted| later(scripted, 403, "60"), LIMITED),
    row(
        "a bot page with 200",
        |scripted| page(scripted, 200, "<title>Just a moment...</title>"),
        LIMITED,
    ),
    row("a bot page with 403", |scripted| page(scripted, 403, "<h1>error 1015</h1>"), LIMITED),
    row("a page with 200", |scripted| page(scripted, 200, "<p>Welcome to the hotel</p>"), ODD),
    row("a page with 401", |scripted| page(scripted, 401, "<p>Who are you?</p>"), &[AuthRequired]),
    row("a page with 403", |scripted| page(scripted, 403, "<p>Forbidden</p>"), &[AuthRequired]),
    row("a page with 402", |scripted| page(scripted, 402, "<p>Pay</p>"), DOWN),
    row("500", |scripted| says(scripted, 500, &[], "oops"), DOWN),
    row("a page with 502", |scripted| page(scripted, 502, "<p>Bad gateway</p>"), DOWN),
    row("503", |scripted| says(scripted, 503, &[], ""), DOWN),
    row("503, Retry-After a minute", |scripted| later(scripted, 503, "60"), DOWN),
    row(
        "503, Retry-After a year",
        |scripted| later(scripted, 503, "31536000"),
        &[RateLimited, UpstreamUnavailable],
    ),
    row("504", |scripted| says(scripted, 504, &[], ""), DOWN),
    row("418", |scripted| says(scripted, 418, &[], "teapot"), ODD),
    row("304 that nobody asked for", |scripted| says(scripted, 304, &[], ""), ODD),
    row("a redirect to itself", |scripted| redirect_to(scripted, None), ODD),
    row(
        "a redirect to another host",
        |scripted| redirect_to(scripted, Some("https://evil.example/x")),
        ODD,
    ),
    row("a redirect to http", |scripted| redirect_to(scripted, Some("http://evil.example/x")), ODD),
    row(
        "a redirect to a private address",
        |scripted| redirect_to(scripted, Some("https://10.0.0.1/x")),
        ODD,
    ),
    row(
        "a redirect to the machine",
        |scripted| redirect_to(scripted, Some("https://127.0.0.1/x")),
        ODD,
    ),
    row(
        "a redirect to a cloud's data",
        |scripted| redirect_to(scripted, Some("https://169.254.169.254/")),
        ODD,
    ),
    row("a redirect to a file", |scripted| redirect_to(scripted, Some("file:///etc/passwd")), ODD),
    row("a redirect to nowhere", |scripted| says(scripted, 302, &[], ""), ODD),
    row(
        "no address for its name",
        |scripted| breaks(scripted, TransportErrorKind::Dns),
        &[DnsError],
    ),
    row("no certificate", |scripted| breaks(scripted, TransportErrorKind::Tls), &[TlsError]),
    row(
        "no connection",
        |scripted| breaks(scripted, TransportErrorKind::Connect),
        &[ConnectionError],
    ),
    row(
        "connection reset",
        |scripted| breaks(scripted, TransportErrorKind::Other),
        &[ConnectionError],
    ),
    row("no answer in time", |scripted| breaks(scripted, TransportErrorKind::Timeout), &[Timeout]),
    row(
        "slow headers",
        |scripted| deliver(scripted, Delivery::Late(Duration::from_secs(90))),
        &[Timeout],
    ),
    row(
        "a slow body",
        |scripted| deliver(scripted, Delivery::Trickling(Duration::from_secs(400))),
        &[Timeout],
    ),
    row("a body that breaks off", |scripted| deliver(scripted, Delivery::BrokenOff), DOWN),
    row("a body without end", |scripted| deliver(scripted, Delivery::Endless), DAMAGED),
    row("a shorter body than announced", shorter, DOWN),
    row(
        "half of a body",
        |scripted| scripted.answer.body.truncate(scripted.answer.body.len() / 2),
        DAMAGED,
    ),
    row("a byte order mark", |scripted| begins(scripted, b"\xEF\xBB\xBF"), DAMAGED),
    row("bytes that are no text", |scripted| begins(scripted, b"\xFF\xFE\x80\x81"), DAMAGED),
    row("zeros", |scripted| scripted.answer.body = vec![0; 4096], DAMAGED),
    row(
        "gzip inside gzip",
        |scripted| scripted.answer.body = gzip(&gzip(&scripted.answer.body)),
        DAMAGED,
    ),
    row("deep nesting", |scripted| scripted.answer.body = deep(), DAMAGED),
    harmless("another content type", |scripted| typed(scripted, "application/octet-stream")),
    harmless("the content type of a page", |scripted| typed(scripted, HTML)),
    harmless("no content type", |scripted| drop(scripted.answer.headers.remove("content-type"))),
    harmless("a server that gives no parts", |scripted| scripted.gives_parts = false),
    harmless("a late answer", |scripted| deliver(scripted, Delivery::Late(Duration::from_secs(9)))),
];

fn says(scripted: &mut ScriptedAnswer, status: u16, headers: &[(&str, &str)], body: &str) {
    let answer = &mut scripted.answer;
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    answer.headers = headers.iter().map(own).collect();
    (answer.status, answer.body) = (status, body.as_bytes().to_vec());
}

fn later(scripted: &mut ScriptedAnswer, status: u16, after: &str) {
    says(scripted, status, &[("retry-after", after)], "later");
}

fn page(scripted: &mut ScriptedAnswer, status: u16, text: &str) {
    says(scripted, status, &[("content-type", HTML)], &format!("<!doctype html><html>{text}"));
}

/// `None` leads to itself.
fn redirect_to(scripted: &mut ScriptedAnswer, to: Option<&str>) {
    let own = scripted.answer.url.clone();
    says(scripted, 302, &[("location", to.unwrap_or(&own))], "");
}

fn deliver(scripted: &mut ScriptedAnswer, delivery: Delivery) {
    scripted.delivery = delivery;
}

fn breaks(scripted: &mut ScriptedAnswer, kind: TransportErrorKind) {
    scripted.delivery = Delivery::Broken(kind);
}

fn typed(scripted: &mut ScriptedAnswer, content_type: &str) {
    scripted.answer.headers.insert("content-type".to_owned(), content_type.to_owned());
}

fn begins(scripted: &mut ScriptedAnswer, bytes: &[u8]) {
    scripted.answer.body.splice(0..0, bytes.iter().copied());
}

fn shorter(scripted: &mut ScriptedAnswer) {
    let length = scripted.answer.body.len() + 7;
    scripted.gives_parts = false;
    scripted.answer.headers.insert("content-length".to_owned(), length.to_string());
}

fn deep() -> Vec<u8> {
    let depth = 100_000;
    let mut text = "{\"a\":[".repeat(depth);
    text.push_str(&"]}".repeat(depth));
    text.into_bytes()
}

pub(crate) fn answers_are_survived(harness: &Harness) -> Outcome {
    let case = match base(harness) {
        Ok(case) => case,
        Err(outcome) => return outcome,
    };
    let mut problems = vec![];
    for row in ROWS {
        for i in asked(harness, case) {
            let mut scripted = scripted(case);
            (row.corrupt)(&mut scripted[i]);
            let what = format!("{} for {}", row.what, scripted[i].answer.url);
            let allowed = if row.is_damage() && case.is_plain_text(i) {
                &Allowed::Anything
            } else {
                &row.allowed
            };
            let tried = HostileCase { subject: &harness.subject, case, what, allowed };
            problems.extend(tried.ask(scripted));
        }
    }
    problems.into()
}

/// How many there are.
pub(crate) const fn n_rows() -> usize {
    ROWS.len()
}
