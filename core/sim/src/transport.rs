//! A virtual network.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;

use batch_core::io::{
    Body, Clock as _, Headers, Reply, Request, Transport, TransportError, TransportErrorKind,
    Validators,
};

use crate::SimClock;

/// A request and the time when it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct SentRequest {
    pub at: Duration,
    pub url: String,
}

/// Status, headers and body.
pub type Answer = (u16, &'static [(&'static str, &'static str)], &'static str);

type Script = dyn Fn(&Request) -> Result<Answer, TransportErrorKind> + Send + Sync;

/// Answers every request after the same delay on the virtual clock, and records when it was sent.
/// An answer with an `etag` is not sent again to a client that knows it.
pub struct SimTransport {
    clock: SimClock,
    latency: Duration,
    script: Box<Script>,
    sent: Mutex<Vec<SentRequest>>,
}

impl SimTransport {
    /// A network in which `answer` decides about each request.
    pub fn new(
        clock: SimClock,
        latency: Duration,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::unreliable(clock, latency, move |request| Ok(answer(request)))
    }

    /// A network in which some requests fail.
    pub fn unreliable(
        clock: SimClock,
        latency: Duration,
        script: impl Fn(&Request) -> Result<Answer, TransportErrorKind> + Send + Sync + 'static,
    ) -> Self {
        Self { clock, latency, script: Box::new(script), sent: Mutex::default() }
    }

    /// All requests so far.
    pub fn sent(&self) -> Vec<SentRequest> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for SimTransport {
    async fn send(&self, request: &Request, known: &Validators) -> Result<Reply, TransportError> {
        let sent = SentRequest { at: self.clock.monotonic(), url: request.url.to_string() };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        self.clock.sleep(self.latency).await;
        let broken = |kind| TransportError::new(kind, "the script says so");
        let (status, headers, body) = (self.script)(request).map_err(broken)?;
        let headers: Headers = headers.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect();
        let etag = headers.get("etag");
        if status == 200 && etag.is_some() && etag == known.etag.as_ref() {
            return Ok(Reply { status: 304, headers, body: Box::new(SingleChunk(None)) });
        }
        Ok(Reply { status, headers, body: Box::new(SingleChunk(Some(body.into()))) })
    }
}

struct SingleChunk(Option<Vec<u8>>);

#[async_trait]
impl Body for SingleChunk {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(self.0.take())
    }
}
