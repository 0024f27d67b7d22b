//! One file on a registry within this process.

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

/// Answers every request with parts of `bytes`, in the chosen way.
pub(crate) struct TestServer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) way: ServingMode,
    pub(crate) asked: Mutex<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServingMode {
    Ranges,
    /// Ignores ranges and sends the whole file.
    Whole,
    /// Sends another version from the second answer on.
    Changing,
    /// Sends parts without stating their range.
    Nameless,
    /// Sends another range than the requested one.
    Elsewhere,
    /// Answers every request with this status.
    Refusing(u16),
}

impl TestServer {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>, way: ServingMode) -> Self {
        Self { bytes: bytes.into(), way, asked: Mutex::default() }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(crate) fn request() -> Request {
    Request::get("https://a.example/", &["x"], &[]).unwrap()
}

/// SHA-256 in the notation of registries.
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
impl Http for TestServer {
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
            (ServingMode::Refusing(status), _) => return answer(status, Headers::new(), b"no"),
            (ServingMode::Whole, _) | (_, None) => {
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
        let moved = usize::from(self.way == ServingMode::Elsewhere && 1 < n_asked);
        let part = &self.bytes[start - moved..=end - moved];
        let (start, end) = (start - moved, end - moved);
        let mut headers = Headers::new();
        if self.way != ServingMode::Nameless {
            headers.insert("content-range".to_owned(), format!("bytes {start}-{end}/{total}"));
        }
        if self.way == ServingMode::Changing {
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
