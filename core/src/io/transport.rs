//! One exchange with a server, with no opinion on whether it may take place.

use std::{collections::BTreeMap, error::Error, fmt};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::io::Request;

/// By lower-case name; the last of several wins.
pub type Headers = BTreeMap<String, String>;

/// Carries requests. Does not wait, retry or follow redirects: each of these needs a ticket.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` once and returns as soon as the headers of the answer are there. `known`
    /// says which answer is already here: the server may say 304 in its place.
    async fn send(&self, request: &Request, known: &Validators) -> Result<Reply, TransportError>;
}

/// What a server called a version of an answer; both `None` when nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Validators {
    /// As the headers of an answer give them. What cannot be sent back is left out: it would break
    /// every later request for the same thing.
    pub fn of(headers: &Headers) -> Self {
        let may_be_sent = |text: &&String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let header = |name| headers.get(name).filter(may_be_sent).cloned();
        Self { etag: header("etag"), last_modified: header("last-modified") }
    }

    /// Whether a server could tell a version by them.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Header that asks for an answer only if it is another one; the entity tag is the more exact.
    pub fn condition(&self) -> Option<(&'static str, &str)> {
        let if_other = self.etag.as_deref().map(|etag| ("if-none-match", etag));
        if_other.or(self.last_modified.as_deref().map(|date| ("if-modified-since", date)))
    }
}

/// An answer whose body is still on its way.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Of the answer.
    pub headers: Headers,
    /// To be read in pieces, so that the reader can stop at its limit.
    pub body: Box<dyn Body>,
}

/// A body on its way.
#[async_trait]
pub trait Body: Send {
    /// The next piece, or `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError>;
}

/// Where an exchange broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// The host's name has no address.
    Dns,
    /// No secure connection: certificate, protocol or clock.
    Tls,
    /// No connection: refused, unreachable, or not made in time.
    Connect,
    /// Connected, but no answer in time.
    Timeout,
    /// The answer began and broke off, or cannot be unpacked.
    Body,
    /// After connecting, before the answer began.
    Other,
}

/// An exchange broke.
#[derive(Debug)]
pub struct TransportError {
    /// Where.
    pub kind: TransportErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl TransportError {
    /// In the words of whoever carried the exchange.
    pub fn new(kind: TransportErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Whether the server cannot have seen the request.
    pub fn is_before_sending(&self) -> bool {
        use TransportErrorKind as Kind;
        match self.kind {
            Kind::Dns | Kind::Tls | Kind::Connect => true,
            Kind::Timeout | Kind::Body | Kind::Other => false,
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use TransportErrorKind as Kind;
        f.write_str(match self.kind {
            Kind::Dns => "the host's name does not resolve; check this machine's name servers",
            Kind::Tls => "no secure connection; check this machine's certificates and clock",
            Kind::Connect => "no connection; check this machine's network and proxy settings",
            Kind::Timeout => "no answer in time",
            Kind::Body => "the answer broke off",
            Kind::Other => "the exchange broke off before an answer",
        })
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_sent_back_is_a_validator() {
        let headers = |etag: &str| Headers::from([("etag".to_owned(), etag.to_owned())]);
        let validators = Validators::of(&headers("W/\"1 2\""));
        assert_eq!(validators.condition(), Some(("if-none-match", "W/\"1 2\"")));
        for hostile in ["\u{fffd}", "a\nb", "\u{7f}"] {
            assert!(Validators::of(&headers(hostile)).is_empty(), "{hostile:?}");
        }
    }
}
