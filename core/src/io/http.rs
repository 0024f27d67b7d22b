//! How a plugin asks a registry: what it hands in, and what it gets back.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use tempfile::TempPath;
use url::Url;

use crate::{
    io::{Headers, HttpError, page, retry::http_date},
    model::is_hidden,
};

/// Sends requests.
#[async_trait]
pub trait Http: Send + Sync {
    /// The answer to `request`, whatever its status.
    ///
    /// Waits for the quota first. Follows redirects, and tries again what may work a second time;
    /// each of these waits for the quota anew.
    async fn send(&self, request: Request) -> Result<Response, HttpError>;

    /// As [`Http::send`], for what is too large for memory: dumps and archives. Any status but a
    /// success is an error.
    async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError>;
}

/// What to send. Not `Debug`: it may hold a secret.
#[derive(Clone)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// An HTML page is an error unless it is asked for here.
    pub accept: Option<&'static str>,
    /// First and last byte; such an answer is never unpacked.
    pub range: Option<RangeInclusive<u64>>,
    pub body: Vec<u8>,
    /// A bearer token; never sent on to another host, and its answers are never kept.
    pub auth: Option<String>,
    /// A longer body is an error, found while reading. Counted after unpacking.
    pub max_bytes: usize,
}

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub enum Method {
    Get,
    Post,
}

/// What came back.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub struct Response {
    /// After redirects.
    pub url: Url,
    pub status: u16,
    pub headers: Headers,
    /// Whole after a success; else its first 64 KiB.
    pub body: Vec<u8>,
}

/// A body on disk, for as long as this value lives.
pub type CachedFile = TempPath;

impl Request {
    /// Asks for `segments` under `origin`, at most 8 MiB of it. Each segment is encoded, so no
    /// package name can lead to another place.
    pub fn get(origin: &str, segments: &[&str], query: &[(&str, &str)]) -> Result<Self, HttpError> {
        let not_url = || HttpError::NotUrl { text: origin.to_owned() };
        let mut url = Url::parse(origin).map_err(|_| not_url())?;
        if !segments.is_empty() {
            url.path_segments_mut().map_err(|()| not_url())?.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let (accept, range, body, auth) = (None, None, vec![], None);
        Ok(Self { method: Method::Get, url, accept, range, body, auth, max_bytes: 8 << 20 })
    }

    /// Follows a redirect. A secret stays with the origin that it is for.
    pub(crate) fn move_to(&mut self, target: Url) {
        if target.origin() != self.url.origin() {
            self.auth = None;
        }
        self.url = target;
    }
}

impl Response {
    /// The day on which the server says it answered; `None` where it does not say.
    pub fn answered_on(&self) -> Option<NaiveDate> {
        Some(http_date(self.headers.get("date")?)?.date_naive())
    }

    /// The body of a success, or `None` where there is nothing: absence is not an error.
    pub fn found(self) -> Result<Option<Vec<u8>>, HttpError> {
        match self.status {
            200..300 => Ok(Some(self.body)),
            404 | 410 | 451 => Ok(None),
            _ => Err(page::refusal(self.url, self.status, &self.headers, &self.body)),
        }
    }
}

/// The answer to `request`, read as JSON; `None` where there is nothing.
pub async fn json<T: DeserializeOwned>(
    http: &dyn Http,
    mut request: Request,
) -> Result<Option<T>, HttpError> {
    request.accept.get_or_insert("application/json");
    let response = http.send(request).await?;
    let url = response.url.clone();
    let Some(body) = response.found()? else { return Ok(None) };
    match serde_json::from_slice(&body) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_eof() => Err(HttpError::Truncated { url }),
        Err(error) => Err(HttpError::Malformed { url, reason: one_line(&error.to_string()) }),
    }
}

/// A parser's message may quote the answer, which may hold anything.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).take(LONGEST).collect()
}
