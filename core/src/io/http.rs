//! How a plugin asks a registry: requests and responses.

use std::{ops::RangeInclusive, string::FromUtf8Error, time::Duration};

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
    /// Waits for the quota first. Follows redirects, and repeats requests that may succeed the
    /// second time. Each of these requests waits for the quota too.
    async fn send(&self, request: Request) -> Result<Response, HttpError>;

    /// Like [`Http::send`], for dumps and archives that are too large for memory. Any status except
    /// a success is an error.
    async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError>;
}

/// A request. It does not implement `Debug`, because it may contain a secret.
#[derive(Clone)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// The accepted media type. An HTML page is an error unless it is requested here.
    pub accept: Option<&'static str>,
    /// The first and the last byte. Such an answer is never decompressed.
    pub range: Option<RangeInclusive<u64>>,
    pub body: Vec<u8>,
    /// A bearer token. It is never sent to another host, and the answers are never cached.
    pub auth: Option<String>,
    /// Maximal size of the body after decompression. A larger body is an error.
    pub max_bytes: usize,
    /// A stored answer that came, or was confirmed by the server, at most this long ago is used
    /// without a request. It is meant for files that all packages share, such as an index. Zero
    /// means that the server is asked every time. Redirects are always followed again.
    pub fresh_for: Duration,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
}

impl Method {
    /// Whether the same request twice has the effect of one, by the rules of HTTP (RFC 9110,
    /// 9.2.2).
    pub(crate) const fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Put => true,
            Self::Post | Self::Patch => false,
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub struct Response {
    /// The address after redirects.
    pub url: Url,
    pub status: u16,
    pub headers: Headers,
    /// The complete body of a success; otherwise its first 64 KiB.
    pub body: Vec<u8>,
}

/// A body on disk, which exists as long as this value.
pub type CachedFile = TempPath;

impl Request {
    /// A request for `segments` under `origin`, for at most 8 MiB. Each segment is encoded, so no
    /// package name can lead to another address.
    pub fn get(origin: &str, segments: &[&str], query: &[(&str, &str)]) -> Result<Self, HttpError> {
        let not_url = || HttpError::NotUrl { text: origin.to_owned() };
        let mut url = Url::parse(origin).map_err(|_| not_url())?;
        if !segments.is_empty() {
            url.path_segments_mut().map_err(|()| not_url())?.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(Self {
            method: Method::Get,
            url,
            accept: None,
            range: None,
            body: vec![],
            auth: None,
            max_bytes: 8 << 20,
            fresh_for: Duration::ZERO,
        })
    }

    /// The request for an answer in JSON, unless it accepts something else already.
    #[must_use]
    pub fn accepting_json(mut self) -> Self {
        self.accept.get_or_insert("application/json");
        self
    }

    /// The request for at most `max_bytes` bytes; a larger answer is an error.
    #[must_use]
    pub fn at_most(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// Follows a redirect. A secret is only sent to the origin that it is for.
    pub(crate) fn move_to(&mut self, target: Url) {
        if target.origin() != self.url.origin() {
            self.auth = None;
        }
        self.url = target;
    }
}

impl Response {
    /// The day on which the server answered, according to the server; `None` when it does not say.
    pub fn answered_on(&self) -> Option<NaiveDate> {
        Some(http_date(self.headers.get("date")?)?.date_naive())
    }

    /// The body of a success; `None` when the address does not exist, which is not an error.
    pub fn found(self) -> Result<Option<Vec<u8>>, HttpError> {
        match self.status {
            200..300 => Ok(Some(self.body)),
            404 | 410 | 451 => Ok(None),
            _ => Err(page::refusal(self.url, self.status, &self.headers, &self.body)),
        }
    }
}

/// The answer to `request`, read as JSON; `None` when the address does not exist.
pub async fn json<T: DeserializeOwned>(
    http: &dyn Http,
    request: Request,
) -> Result<Option<T>, HttpError> {
    let response = http.send(request.accepting_json()).await?;
    let url = response.url.clone();
    let Some(body) = response.found()? else { return Ok(None) };
    match serde_json::from_slice(&body) {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_eof() => Err(HttpError::Truncated { url }),
        Err(error) => Err(HttpError::Malformed { url, reason: one_line(&error.to_string()) }),
    }
}

/// The answer to `request` as a text, which must be UTF-8; `None` when there is nothing.
pub async fn text(http: &dyn Http, request: Request) -> Result<Option<String>, HttpError> {
    let response = http.send(request).await?;
    let url = response.url.clone();
    let Some(body) = response.found()? else { return Ok(None) };
    let odd = |error: FromUtf8Error| {
        let reason = format!("it is not UTF-8: {}", error.utf8_error());
        HttpError::Malformed { url, reason }
    };
    String::from_utf8(body).map(Some).map_err(odd)
}

/// The message of a parser may quote the answer, which may contain anything.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 200;
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).take(LONGEST).collect()
}
