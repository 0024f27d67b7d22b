//! A network on the virtual clock whose answers are generated at each request.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use batch_core::io::{
    Body, Clock as _, Headers, Reply, Request, Transport, TransportError, Validators,
};
use batch_sim::{SentRequest, SimClock};

/// Status and body.
pub(crate) type Answer = (u16, Vec<u8>);

type Script = dyn Fn(&Request) -> Answer + Send + Sync;

/// Answers after [`LATENCY`], whole or in parts like a web server, and records the times of
/// requests.
pub(crate) struct Network {
    clock: SimClock,
    script: Box<Script>,
    sent: Mutex<Vec<SentRequest>>,
}

/// Long enough that requests one after the other would not use up the quotas.
const LATENCY: Duration = Duration::from_millis(600);

impl Network {
    pub(crate) fn new(
        clock: SimClock,
        script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self { clock, script: Box::new(script), sent: Mutex::default() }
    }

    /// Every request so far, in order.
    pub(crate) fn sent(&self) -> Vec<SentRequest> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: &Request, _: &Validators) -> Result<Reply, TransportError> {
        let sent = SentRequest { at: self.clock.monotonic(), url: request.url.to_string() };
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        self.clock.sleep(LATENCY).await;
        let (mut status, mut body) = (self.script)(request);
        let date = "Sat, 21 Nov 2026 10:00:00 GMT".to_owned();
        let mut headers = Headers::from([("date".to_owned(), date)]);
        if let Some(range) = request.range.as_ref().filter(|_| status == 200) {
            let total = body.len();
            let start = usize::try_from(*range.start()).unwrap().min(total);
            let end = usize::try_from(*range.end()).unwrap().saturating_add(1).min(total);
            assert!(start < end, "{} is asked for what is behind its end", request.url);
            let said = format!("bytes {start}-{}/{total}", end - 1);
            headers.insert("content-range".to_owned(), said);
            (status, body) = (206, body[start..end].to_vec());
        }
        Ok(Reply { status, headers, body: Box::new(SingleChunk(Some(body))) })
    }
}

struct SingleChunk(Option<Vec<u8>>);

#[async_trait]
impl Body for SingleChunk {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        Ok(self.0.take())
    }
}
