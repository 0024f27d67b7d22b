//! A registry that consists of files.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use batch_core::io::{Body, Headers, Reply, Request, Transport, TransportError, Validators};

/// Answers at once with the file at an address, completely or in parts like a web server. Other
/// addresses answer with a 404 in plain text.
#[derive(Default)]
pub struct StaticTransport {
    files: BTreeMap<String, (u16, Vec<u8>)>,
    gives_no_parts: bool,
    asked: Mutex<Vec<String>>,
}

impl StaticTransport {
    /// A transport for pairs of address and file.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(url, file)| (url, (200, file)));
        Self { files: files.collect(), ..Self::default() }
    }

    /// The same transport, but it always sends complete files, whatever range is requested.
    #[must_use]
    pub fn without_parts(self) -> Self {
        Self { gives_no_parts: true, ..self }
    }

    /// Adds the answer `status` with `body` at `url`.
    #[must_use]
    pub fn with(mut self, url: &str, status: u16, body: &[u8]) -> Self {
        self.files.insert(url.to_owned(), (status, body.to_vec()));
        self
    }

    /// All addresses that were requested, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for StaticTransport {
    async fn send(&self, request: &Request, _: &Validators) -> Result<Reply, TransportError> {
        let url = request.url.to_string();
        let found = self.files.get(&url);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(url);
        let reply = |status, headers, body: &[u8]| {
            Ok(Reply { status, headers, body: Box::new(SingleChunk(Some(body.to_vec()))) })
        };
        let header = |name: &str, value: String| Headers::from([(name.to_owned(), value)]);
        let Some((status, file)) = found else {
            let plain = header("content-type", "text/plain; charset=utf-8".to_owned());
            return reply(404, plain, b"This could not be found.");
        };
        let Some(range) = request.range.as_ref().filter(|_| !self.gives_no_parts && *status == 200)
        else {
            return reply(*status, Headers::new(), file);
        };
        let total = file.len();
        let bound = |at: &u64| usize::try_from(*at).unwrap_or(usize::MAX);
        let (start, end) = (bound(range.start()), bound(range.end()).saturating_add(1).min(total));
        if end <= start {
            return reply(416, header("content-range", format!("bytes */{total}")), b"");
        }
        let said = format!("bytes {start}-{}/{total}", end - 1);
        reply(206, header("content-range", said), &file[start..end])
    }
}

struct SingleChunk(Option<Vec<u8>>);

#[async_trait]
impl Body for SingleChunk {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(self.0.take())
    }
}
