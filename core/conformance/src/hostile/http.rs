//! Answers as such: status, headers, where they lead, how they come.

use std::time::Duration;

use super::{Allowed, Tried, asked, base, told};
use crate::{
    Bench, Outcome,
    network::{Manner, Told},
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
    spoil: fn(&mut Told),
    allowed: Allowed,
}

impl Row {
    fn is_damage(&self) -> bool {
        matches!(self.allowed, Allowed::Kinds(kinds) if kinds == DAMAGED)
    }
}

const fn row(what: &'static str, spoil: fn(&mut Told), kinds: &'static [FailureKind]) -> Row {
    Row { what, spoil, allowed: Allowed::Kinds(kinds) }
}

const fn harmless(what: &'static str, spoil: fn(&mut Told)) -> Row {
    Row { what, spoil, allowed: Allowed::OrRecipe(&[]) }
}

const HTML: &str = "text/html; charset=utf-8";
const ODD: &[FailureKind] = &[UnexpectedResponse];
const DOWN: &[FailureKind] = &[UpstreamUnavailable];
const LIMITED: &[FailureKind] = &[RateLimited];
/// Data that is damaged, be it JSON or an archive. Of a plain text nobody can tell: what is cut at
/// a line is shorter, and no more.
const DAMAGED: &[FailureKind] = &[UnexpectedResponse, UpstreamUnavailable, ArchiveExtractionFailed];

const ROWS: &[Row] = &[
    row("429", |told| says(told, 429, &[], "slow down"), LIMITED),
    row("429, Retry-After 30", |told| later(told, 429, "30"), LIMITED),
    row("429, Retry-After of ages", |told| later(told, 429, "99999999999999999999"), LIMITED),
    row("429, Retry-After negative", |told| later(told, 429, "-5"), LIMITED),
    row("429, Retry-After no number", |told| later(told, 429, "soon"), LIMITED),
    row(
        "429, Retry-After as a date",
        |told| later(told, 429, "Thu, 01 Jan 1970 00:10:00 GMT"),
        LIMITED,
    ),
    row(
        "429, Retry-After long ago",
        |told| later(told, 429, "Mon, 01 Jan 1900 00:10:00 GMT"),
        LIMITED,
    ),
    row("403 with Retry-After", |told| later(told, 403, "60"), LIMITED),
    row("a bot page with 200", |told| page(told, 200, "<title>Just a moment...</title>"), LIMITED),
    row("a bot page with 403", |told| page(told, 403, "<h1>error 1015</h1>"), LIMITED),
    row("a page with 200", |told| page(told, 200, "<p>Welcome to the hotel</p>"), ODD),
    row("a page with 401", |told| page(told, 401, "<p>Who are you?</p>"), &[AuthRequired]),
    row("a page with 403", |told| page(told, 403, "<p>Forbidden</p>"), &[AuthRequired]),
    row("a page with 402", |told| page(told, 402, "<p>Pay</p>"), DOWN),
    row("500", |told| says(told, 500, &[], "oops"), DOWN),
    row("a page with 502", |told| page(told, 502, "<p>Bad gateway</p>"), DOWN),
    row("503", |told| says(told, 503, &[], ""), DOWN),
    row("503, Retry-After a minute", |told| later(told, 503, "60"), DOWN),
    row(
        "503, Retry-After a year",
        |told| later(told, 503, "31536000"),
        &[RateLimited, UpstreamUnavailable],
    ),
    row("504", |told| says(told, 504, &[], ""), DOWN),
    row("418", |told| says(told, 418, &[], "teapot"), ODD),
    row("304 that nobody asked for", |told| says(told, 304, &[], ""), ODD),
    row("a redirect to itself", |told| leads(told, None), ODD),
    row("a redirect to another host", |told| leads(told, Some("https://evil.example/x")), ODD),
    row("a redirect to http", |told| leads(told, Some("http://evil.example/x")), ODD),
    row("a redirect to a private address", |told| leads(told, Some("https://10.0.0.1/x")), ODD),
    row("a redirect to the machine", |told| leads(told, Some("https://127.0.0.1/x")), ODD),
    row("a redirect to a cloud's data", |told| leads(told, Some("https://169.254.169.254/")), ODD),
    row("a redirect to a file", |told| leads(told, Some("file:///etc/passwd")), ODD),
    row("a redirect to nowhere", |told| says(told, 302, &[], ""), ODD),
    row("no address for its name", |told| breaks(told, TransportErrorKind::Dns), &[DnsError]),
    row("no certificate", |told| breaks(told, TransportErrorKind::Tls), &[TlsError]),
    row("no connection", |told| breaks(told, TransportErrorKind::Connect), &[ConnectionError]),
    row("connection reset", |told| breaks(told, TransportErrorKind::Other), &[ConnectionError]),
    row("no answer in time", |told| breaks(told, TransportErrorKind::Timeout), &[Timeout]),
    row("slow headers", |told| comes(told, Manner::Late(Duration::from_secs(90))), &[Timeout]),
    row("a slow body", |told| comes(told, Manner::Trickling(Duration::from_secs(400))), &[Timeout]),
    row("a body that breaks off", |told| comes(told, Manner::BrokenOff), DOWN),
    row("a body without end", |told| comes(told, Manner::Endless), DAMAGED),
    row("a shorter body than announced", shorter, DOWN),
    row("half of a body", |told| told.answer.body.truncate(told.answer.body.len() / 2), DAMAGED),
    row("a byte order mark", |told| begins(told, b"\xEF\xBB\xBF"), DAMAGED),
    row("bytes that are no text", |told| begins(told, b"\xFF\xFE\x80\x81"), DAMAGED),
    row("zeros", |told| told.answer.body = vec![0; 4096], DAMAGED),
    row("gzip inside gzip", |told| told.answer.body = gzip(&gzip(&told.answer.body)), DAMAGED),
    row("deep nesting", |told| told.answer.body = deep(), DAMAGED),
    harmless("another content type", |told| typed(told, "application/octet-stream")),
    harmless("the content type of a page", |told| typed(told, HTML)),
    harmless("no content type", |told| drop(told.answer.headers.remove("content-type"))),
    harmless("a server that gives no parts", |told| told.gives_parts = false),
    harmless("a late answer", |told| comes(told, Manner::Late(Duration::from_secs(9)))),
];

fn says(told: &mut Told, status: u16, headers: &[(&str, &str)], body: &str) {
    let answer = &mut told.answer;
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    answer.headers = headers.iter().map(own).collect();
    (answer.status, answer.body) = (status, body.as_bytes().to_vec());
}

fn later(told: &mut Told, status: u16, after: &str) {
    says(told, status, &[("retry-after", after)], "later");
}

fn page(told: &mut Told, status: u16, text: &str) {
    says(told, status, &[("content-type", HTML)], &format!("<!doctype html><html>{text}"));
}

/// `None` leads to itself.
fn leads(told: &mut Told, to: Option<&str>) {
    let own = told.answer.url.clone();
    says(told, 302, &[("location", to.unwrap_or(&own))], "");
}

fn comes(told: &mut Told, manner: Manner) {
    told.manner = manner;
}

fn breaks(told: &mut Told, kind: TransportErrorKind) {
    told.manner = Manner::Broken(kind);
}

fn typed(told: &mut Told, content_type: &str) {
    told.answer.headers.insert("content-type".to_owned(), content_type.to_owned());
}

fn begins(told: &mut Told, bytes: &[u8]) {
    told.answer.body.splice(0..0, bytes.iter().copied());
}

fn shorter(told: &mut Told) {
    let length = told.answer.body.len() + 7;
    told.gives_parts = false;
    told.answer.headers.insert("content-length".to_owned(), length.to_string());
}

fn deep() -> Vec<u8> {
    let depth = 100_000;
    let mut text = "{\"a\":[".repeat(depth);
    text.push_str(&"]}".repeat(depth));
    text.into_bytes()
}

pub(crate) fn answers_are_survived(bench: &Bench) -> Outcome {
    let case = match base(bench) {
        Ok(case) => case,
        Err(outcome) => return outcome,
    };
    let mut problems = vec![];
    for row in ROWS {
        for i in asked(bench, case) {
            let mut told = told(case);
            (row.spoil)(&mut told[i]);
            let what = format!("{} for {}", row.what, told[i].answer.url);
            let allowed = if row.is_damage() && case.is_plain_text(i) {
                &Allowed::Anything
            } else {
                &row.allowed
            };
            let tried = Tried { subject: &bench.subject, case, what, allowed };
            problems.extend(tried.ask(told));
        }
    }
    problems.into()
}

/// How many there are.
pub(crate) const fn n_rows() -> usize {
    ROWS.len()
}
