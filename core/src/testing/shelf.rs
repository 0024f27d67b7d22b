//! A virtual host of files, any bytes, that can be asked for in part.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::io::{Body, Headers, Reply, Request, Transport, TransportError, Validators};

/// Answers at once with what lies at an address, with 404 where nothing does.
#[derive(Default)]
pub struct Shelf {
    files: BTreeMap<String, (u16, Vec<u8>)>,
    gives_parts: bool,
    asked: Mutex<Vec<String>>,
}

impl Shelf {
    /// A shelf of pairs of address and file; it gives parts of them.
    pub fn new(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(url, file)| (url, (200, file)));
        Self { files: files.collect(), gives_parts: true, asked: Mutex::default() }
    }

    /// The same, whose files come whole or not at all.
    #[must_use]
    pub fn without_parts(self) -> Self {
        Self { gives_parts: false, ..self }
    }

    /// With `status` and `body` at `url`.
    #[must_use]
    pub fn with(mut self, url: &str, status: u16, body: &[u8]) -> Self {
        self.files.insert(url.to_owned(), (status, body.to_vec()));
        self
    }

    /// Every address that was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for Shelf {
    async fn send(&self, request: &Request, _: &Validators) -> Result<Reply, TransportError> {
        let url = request.url.to_string();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(url.clone());
        let Some((status, file)) = self.files.get(&url) else {
            return Ok(Reply { status: 404, headers: Headers::new(), body: Box::new(Once(None)) });
        };
        let range = request.range.as_ref().filter(|_| self.gives_parts && *status == 200);
        let (status, headers, body) = match range {
            None => (*status, Headers::new(), file.clone()),
            Some(range) => {
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
                let (start, end) = (place(*range.start()), place(range.end().saturating_add(1)));
                let said = format!("bytes {start}-{}/{}", end.saturating_sub(1), file.len());
                let headers = Headers::from([("content-range".to_owned(), said)]);
                (206, headers, file[start..end].to_vec())
            }
        };
        Ok(Reply { status, headers, body: Box::new(Once(Some(body))) })
    }
}

struct Once(Option<Vec<u8>>);

#[async_trait]
impl Body for Once {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(self.0.take())
    }
}
