//! One exchange with a server. Whether it is allowed is decided elsewhere.

use std::{collections::BTreeMap, error::Error, fmt};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::io::Request;

/// The headers by their names in lower case. The last of several values is used.
pub type Headers = BTreeMap<String, String>;

/// Sends requests. It does not wait, retry or follow redirects, because each of these needs a
/// permission of the quota.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request` once and returns as soon as the headers of the answer are there. `known`
    /// describes a cached answer, so that the server may answer 304.
    async fn send(&self, request: &Request, known: &Validators) -> Result<Reply, TransportError>;
}

/// The tag and the date of a version of an answer. Both are `None` when nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "HTTP's own words")]
pub struct Validators {
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

impl Validators {
    /// Reads them from the headers of an answer. A value that cannot be sent back is left out,
    /// because every later request for this address would fail.
    pub fn of(headers: &Headers) -> Self {
        let may_be_sent = |text: &&String| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let header = |name| headers.get(name).filter(may_be_sent).cloned();
        Self { etag: header("etag"), last_modified: header("last-modified") }
    }

    /// Whether a server cannot recognise a version by them.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// The header for a conditional request. The entity tag is preferred because it is more exact.
    pub fn condition(&self) -> Option<(&'static str, &str)> {
        let if_other = self.etag.as_deref().map(|etag| ("if-none-match", etag));
        if_other.or(self.last_modified.as_deref().map(|date| ("if-modified-since", date)))
    }
}

/// An answer whose body has not been read yet.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The headers of the answer.
    pub headers: Headers,
    /// The body, which is read in pieces, so that the reader can stop at its limit.
    pub body: Box<dyn Body>,
}

/// A body that is being received.
#[async_trait]
pub trait Body: Send {
    /// The next piece, or `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError>;
}

/// The step at which an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// The host name has no address.
    Dns,
    /// No secure connection: a problem with the certificate, the protocol or the clock.
    Tls,
    /// No connection: refused, unreachable, or not established in time.
    Connect,
    /// Connected, but no answer in time.
    Timeout,
    /// The answer began and was interrupted, or it cannot be decompressed.
    Body,
    /// Another error after connecting and before the answer began.
    Other,
}

/// An exchange failed.
#[derive(Debug)]
pub struct TransportError {
    /// The step that failed.
    pub kind: TransportErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl TransportError {
    /// An error with the cause `source`.
    pub fn new(kind: TransportErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Whether the server cannot have received the request.
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
            Kind::Body => "the answer was interrupted",
            Kind::Other => "the connection was closed before an answer",
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
    fn only_values_that_can_be_sent_are_validators() {
        let headers = |etag: &str| Headers::from([("etag".to_owned(), etag.to_owned())]);
        let validators = Validators::of(&headers("W/\"1 2\""));
        assert_eq!(validators.condition(), Some(("if-none-match", "W/\"1 2\"")));
        for hostile in ["\u{fffd}", "a\nb", "\u{7f}"] {
            assert!(Validators::of(&headers(hostile)).is_empty(), "{hostile:?}");
        }
    }
}
