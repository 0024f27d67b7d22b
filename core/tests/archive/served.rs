//! One file at a registry that lives in this process.

use std::{
    fmt::Write as _,
    io::Write as _,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use batch_core::io::{CachedFile, Headers, Http, HttpError, Request, Response};
use batch_sim::SimClock;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

/// Answers every request with parts of `bytes`, in its own way.
pub(crate) struct Served {
    pub(crate) bytes: Vec<u8>,
    pub(crate) way: Way,
    pub(crate) asked: Mutex<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Ranges,
    /// Knows no ranges.
    Whole,
    /// Another version from the second answer on.
    Changing,
    /// Parts that do not say which they are.
    Nameless,
    /// Other parts than it was asked for.
    Elsewhere,
    /// Every request, this status.
    Refusing(u16),
}

impl Served {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>, way: Way) -> Self {
        Self { bytes: bytes.into(), way, asked: Mutex::default() }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) fn request() -> Request {
    Request::get("https://a.example/", &["x"], &[]).unwrap()
}

/// As registries write it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256-".to_owned(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // a string takes everything
        hex
    })
}

pub(crate) fn run<T>(future: impl Future<Output = T> + Send) -> T {
    SimClock::default().run(future)
}

#[async_trait]
impl Http for Served {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let range = request.range.clone();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(range.as_ref().map_or("all".into(), |range| format!("{range:?}")));
        let n_asked = asked.len();
        drop(asked);
        let (url, total) = (request.url, self.bytes.len());
        let answer = |status, headers: Headers, body: &[u8]| {
            let body = body.to_vec();
            Ok(Response { url: url.clone(), status, headers, body })
        };
        let range = match (self.way, range) {
            (Way::Refusing(status), _) => return answer(status, Headers::new(), b"no"),
            (Way::Whole, _) | (_, None) => {
                if request.max_bytes < total {
                    return Err(HttpError::TooLarge { url, max_bytes: request.max_bytes });
                }
                return answer(200, Headers::new(), &self.bytes);
            }
            (_, Some(range)) => range,
        };
        let start = usize::try_from(*range.start()).unwrap();
        let end = usize::try_from(*range.end()).unwrap().min(total.saturating_sub(1));
        if total <= start {
            return answer(416, Headers::new(), b"");
        }
        let moved = usize::from(self.way == Way::Elsewhere && 1 < n_asked);
        let part = &self.bytes[start - moved..=end - moved];
        let (start, end) = (start - moved, end - moved);
        let mut headers = Headers::new();
        if self.way != Way::Nameless {
            headers.insert("content-range".to_owned(), format!("bytes {start}-{end}/{total}"));
        }
        if self.way == Way::Changing {
            headers.insert("etag".to_owned(), format!("\"{}\"", n_asked.min(2)));
        }
        answer(206, headers, part)
    }

    async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError> {
        let body = self.send(Request { range: None, ..request }).await?.body;
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&body).unwrap();
        Ok(file.into_temp_path())
    }
}
