//! One exchange: a ticket, what the cache knows, a deadline, a body within its limit.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use crate::io::{
    Clock, Headers, HttpError, Reply, Request, Transport, TransportError, TransportErrorKind,
    Validators, aside,
    cache::{DiskCache, Stored},
    clock::within,
    gate::{Gates, Ticket},
    page,
    payload::{Keep, Payload},
    polite::{Deadlines, SLOWEST},
    retry::retry_after,
};

/// As much as is read of an answer that is no success, and for as long: its status says enough.
const LONGEST_REFUSAL: usize = 64 << 10;
const REFUSAL_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) struct Exchanger {
    pub(crate) gates: Gates,
    pub(crate) cache: Arc<DiskCache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) deadlines: Deadlines,
    /// For bodies on disk.
    pub(crate) dir: PathBuf,
}

/// An answer, its body read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    /// Of a success whole, and where it was asked to be; else its beginning, in memory.
    pub(crate) payload: Payload,
}

impl Exchanger {
    /// Waits for a turn and sends `request` once.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        keep: Keep,
    ) -> Result<Answer, HttpError> {
        let ticket = self.gates.enter(&request.url).await?;
        let work = self.converse(request, keep, &ticket);
        match keep {
            Keep::InMemory => {
                let limit = self.deadlines.metadata;
                within(&*self.clock, limit, work).await.ok_or_else(|| request.late(limit))?
            }
            // Its deadlines depend on how much comes.
            Keep::OnDisk => work.await,
        }
    }

    async fn converse(
        &self,
        request: &Request,
        keep: Keep,
        ticket: &Ticket<'_>,
    ) -> Result<Answer, HttpError> {
        let stored = self.load(request, keep).await;
        let known = stored.as_ref().map(|stored| Validators::of(&stored.headers));
        let mut reply = self.open(request, &known.unwrap_or_default()).await?;
        self.observe(ticket, &reply);
        if let (304, Some(stored)) = (reply.status, stored) {
            self.cache.confirm(request);
            return Ok(Answer { status: 200, headers: stored.headers, payload: stored.payload });
        }
        if !(200..300).contains(&reply.status) {
            let payload = Payload::Memory(self.beginning(&mut reply).await);
            return Ok(Answer { status: reply.status, headers: reply.headers, payload });
        }
        let payload = self.read(request, keep, &mut reply).await?;
        self.refuse_page(request, &reply.headers, &payload, ticket)?;
        let (status, headers) = (reply.status, reply.headers);
        if status != 200 {
            return Ok(Answer { status, headers, payload });
        }
        Ok(self.store(request, Answer { status, headers, payload }).await)
    }

    /// The kept answer to `request`. Its digest is compared, which takes long for a large file.
    async fn load(&self, request: &Request, keep: Keep) -> Option<Stored> {
        let (cache, request) = (Arc::clone(&self.cache), request.clone());
        aside(move || cache.load(&request, keep)).await
    }

    /// Keeps `answer`, whose digest is taken, which takes long for a large file.
    async fn store(&self, request: &Request, answer: Answer) -> Answer {
        let (cache, request) = (Arc::clone(&self.cache), request.clone());
        aside(move || {
            cache.store(&request, &answer.headers, &answer.payload);
            answer
        })
        .await
    }

    async fn open(&self, request: &Request, known: &Validators) -> Result<Reply, HttpError> {
        let limit = self.deadlines.headers;
        let sent = within(&*self.clock, limit, self.transport.send(request, known)).await;
        let late = || {
            let reason = format!("the answer did not begin within {} s", limit.as_secs_f64());
            Err(TransportError::new(TransportErrorKind::Timeout, reason))
        };
        sent.unwrap_or_else(late).map_err(|source| request.broken(source))
    }

    /// What the host says about being asked.
    fn observe(&self, ticket: &Ticket<'_>, reply: &Reply) {
        let wait = reply.headers.get("retry-after");
        let asked = wait.and_then(|text| retry_after(text, self.clock.now()));
        if page::is_throttled(reply.status, &reply.headers) {
            ticket.throttled(asked);
        } else if let (503, Some(asked)) = (reply.status, asked) {
            ticket.pause(asked);
        }
    }

    async fn read(
        &self,
        request: &Request,
        keep: Keep,
        reply: &mut Reply,
    ) -> Result<Payload, HttpError> {
        let disk = |source| request.disk(source);
        let announced = reply.headers.get("content-length").and_then(|text| text.parse().ok());
        if announced.is_some_and(|announced: usize| request.max_bytes < announced) {
            return Err(request.too_large());
        }
        let mut payload = Payload::new(keep, &self.dir).map_err(disk)?;
        let began_at = self.clock.monotonic();
        let mut n_read = 0;
        loop {
            let piece = reply.body.chunk();
            let piece = match keep {
                Keep::InMemory => piece.await,
                Keep::OnDisk => {
                    let Deadlines { stall, .. } = self.deadlines;
                    let limit = self.deadlines.of_file(n_read);
                    let left =
                        limit.saturating_sub(self.clock.monotonic().saturating_sub(began_at));
                    let late = || request.late(if stall < left { stall } else { limit });
                    within(&*self.clock, left.min(stall), piece).await.ok_or_else(late)?
                }
            };
            let Some(chunk) = piece.map_err(|source| request.broken(source))? else { break };
            if request.max_bytes - n_read < chunk.len() {
                return Err(request.too_large());
            }
            n_read += chunk.len();
            payload.extend(&chunk).map_err(disk)?;
        }
        if announced.is_some_and(|announced| announced != n_read) {
            return Err(HttpError::Truncated { url: request.url.clone() });
        }
        Ok(payload)
    }

    async fn beginning(&self, reply: &mut Reply) -> Vec<u8> {
        let mut body = vec![];
        let reading = async {
            while let Ok(Some(chunk)) = reply.body.chunk().await {
                body.extend_from_slice(&chunk[..chunk.len().min(LONGEST_REFUSAL - body.len())]);
                if body.len() == LONGEST_REFUSAL {
                    break;
                }
            }
        };
        // Whether it ended or not, what has come is what there is.
        let _ = within(&*self.clock, REFUSAL_DEADLINE, reading).await;
        body
    }

    /// A page in place of data is an error; one that asks for fewer requests pauses the host too.
    fn refuse_page(
        &self,
        request: &Request,
        headers: &Headers,
        payload: &Payload,
        ticket: &Ticket<'_>,
    ) -> Result<(), HttpError> {
        let head = payload.head().map_err(|source| request.disk(source))?;
        let Some(error) = page::instead_of_data(request, headers, &head) else { return Ok(()) };
        if matches!(error, HttpError::Throttled { .. }) {
            let wait = headers.get("retry-after");
            ticket.throttled(wait.and_then(|text| retry_after(text, self.clock.now())));
        }
        Err(error)
    }
}

impl Deadlines {
    /// Until the end of a file of which `n_read` bytes have come.
    fn of_file(&self, n_read: usize) -> Duration {
        let seconds = n_read / usize::try_from(SLOWEST).unwrap_or(usize::MAX);
        self.artifact + Duration::from_secs(seconds as u64)
    }
}

impl Request {
    fn late(&self, limit: Duration) -> HttpError {
        HttpError::Timeout { url: self.url.clone(), limit }
    }

    fn too_large(&self) -> HttpError {
        HttpError::TooLarge { url: self.url.clone(), max_bytes: self.max_bytes }
    }

    pub(crate) fn broken(&self, source: TransportError) -> HttpError {
        HttpError::Transport { url: self.url.clone(), source }
    }

    pub(crate) fn disk(&self, source: io::Error) -> HttpError {
        HttpError::Disk { url: self.url.clone(), source }
    }
}
