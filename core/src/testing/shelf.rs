//! A registry of files.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::io::{Body, Headers, Reply, Request, Transport, TransportError, Validators};

/// Answers from files by path, whole or in parts, as a web server does; everything else is a 404
/// in plain text.
#[derive(Default)]
pub struct Shelf {
    /// By the path of their address, which begins with a slash and is encoded.
    pub files: BTreeMap<String, Vec<u8>>,
    asked: Mutex<Vec<String>>,
}

impl Shelf {
    /// Serves `files`.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self { files: files.into_iter().collect(), asked: Mutex::default() }
    }

    /// Every address that was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for Shelf {
    async fn send(&self, request: &Request, _: &Validators) -> Result<Reply, TransportError> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(request.url.to_string());
        drop(asked);
        let reply = |status, headers, body: &[u8]| {
            Ok(Reply { status, headers, body: Box::new(Whole(Some(body.to_vec()))) })
        };
        let header = |name: &str, value: String| Headers::from([(name.to_owned(), value)]);
        let Some(file) = self.files.get(request.url.path()) else {
            let plain = header("content-type", "text/plain; charset=utf-8".to_owned());
            return reply(404, plain, b"This could not be found.");
        };
        let Some(range) = &request.range else { return reply(200, Headers::new(), file) };
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

struct Whole(Option<Vec<u8>>);

#[async_trait]
impl Body for Whole {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(self.0.take())
    }
}
