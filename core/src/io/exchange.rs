//! One exchange: waiting for a quota, the cache, a deadline, and a body within its limit.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::io::{
    Clock, Headers, HttpError, Reply, Request, Transport, TransportError, TransportErrorKind,
    Validators,
    cache::{DiskCache, Stored, key},
    clock::within,
    gate::{Gates, Ledger, Ticket},
    page,
    payload::{BodyStorage, Payload},
    polite::{Deadlines, MIN_BYTES_PER_SECOND},
    retry::retry_after,
    run_blocking,
};

/// How much of an answer that is no success is read at most, and for how long. Its status is
/// enough.
const MAX_REFUSAL: usize = 64 << 10;
const REFUSAL_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) struct Exchanger {
    pub(crate) gates: Gates,
    pub(crate) cache: Arc<DiskCache>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) deadlines: Deadlines,
    /// The folder for bodies on disk.
    pub(crate) dir: PathBuf,
    pub(crate) turns: Turns,
}

/// Requests whose answer may be used again are sent one at a time for each address, so that all
/// others find the answer of the first in the cache.
#[derive(Default)]
pub(crate) struct Turns(Mutex<BTreeMap<String, Turn>>);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Turns {
    /// `None` when every such request is sent.
    fn of(&self, request: &Request) -> Option<Turn> {
        if request.fresh_for.is_zero() {
            return None;
        }
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(turns.entry(key(request)).or_default()))
    }
}

/// An answer whose body was read.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    /// The complete body of a success, in memory or on disk as requested. Otherwise the beginning
    /// of the body, in memory.
    pub(crate) payload: Payload,
}

impl Exchanger {
    /// Waits for the quota and sends `request` once. `ledger` counts it.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        storage: BodyStorage,
        ledger: &Ledger,
    ) -> Result<Answer, HttpError> {
        // Others that ask for the same address wait here for this answer.
        let turn = self.turns.of(request);
        let _turn = match &turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        if turn.is_some()
            && let Some(Stored { headers, payload }) = self.load_fresh(request, storage).await
        {
            return Ok(Answer { status: 200, headers, payload });
        }
        let ticket = self.gates.enter(&request.url, ledger).await?;
        let work = self.send_and_read(request, storage, &ticket);
        match storage {
            BodyStorage::InMemory => {
                let limit = self.deadlines.metadata;
                within(&*self.clock, limit, work).await.ok_or_else(|| request.late(limit))?
            }
            // Its deadlines depend on the amount of data.
            BodyStorage::OnDisk => work.await,
        }
    }

    async fn send_and_read(
        &self,
        request: &Request,
        storage: BodyStorage,
        ticket: &Ticket<'_>,
    ) -> Result<Answer, HttpError> {
        let stored = self.load(request, storage).await;
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
        let payload = self.read(request, storage, &mut reply).await?;
        self.refuse_page(request, &reply.headers, &payload, ticket)?;
        let (status, headers) = (reply.status, reply.headers);
        // A part that passed for the whole would be missing its rest.
        if status == 206 && request.range.is_none() {
            return Err(request.unasked_part());
        }
        if status != 200 {
            return Ok(Answer { status, headers, payload });
        }
        Ok(self.store(request, Answer { status, headers, payload }).await)
    }

    /// The cached answer to `request`. Its digest is compared, which takes long for a large file.
    async fn load(&self, request: &Request, storage: BodyStorage) -> Option<Stored> {
        let (cache, request) = (Arc::clone(&self.cache), request.clone());
        run_blocking(move || cache.load(&request, storage)).await
    }

    async fn load_fresh(&self, request: &Request, storage: BodyStorage) -> Option<Stored> {
        let (cache, request) = (Arc::clone(&self.cache), request.clone());
        run_blocking(move || cache.load_fresh(&request, storage)).await
    }

    /// Stores `answer` in the cache. Its digest is computed, which takes long for a large file.
    async fn store(&self, request: &Request, answer: Answer) -> Answer {
        let (cache, request) = (Arc::clone(&self.cache), request.clone());
        run_blocking(move || {
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

    /// Notes what the answer says about quotas and pauses.
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
        storage: BodyStorage,
        reply: &mut Reply,
    ) -> Result<Payload, HttpError> {
        let disk = |source| request.disk(source);
        let announced = reply.headers.get("content-length").and_then(|text| text.parse().ok());
        if announced.is_some_and(|announced: usize| request.max_bytes < announced) {
            return Err(request.too_large());
        }
        let mut payload = Payload::new(storage, &self.dir).map_err(disk)?;
        let began_at = self.clock.monotonic();
        let mut n_read = 0;
        loop {
            let piece = reply.body.chunk();
            let piece = match storage {
                BodyStorage::InMemory => piece.await,
                BodyStorage::OnDisk => {
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
                body.extend_from_slice(&chunk[..chunk.len().min(MAX_REFUSAL - body.len())]);
                if body.len() == MAX_REFUSAL {
                    break;
                }
            }
        };
        // Whether the body ended or not, the part that was read is used.
        let _ = within(&*self.clock, REFUSAL_DEADLINE, reading).await;
        body
    }

    /// A page in place of data is an error. If it asks for fewer requests, the host is paused too.
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
    /// The time limit for a file of which `n_read` bytes have been read.
    fn of_file(&self, n_read: usize) -> Duration {
        let seconds = n_read / usize::try_from(MIN_BYTES_PER_SECOND).unwrap_or(usize::MAX);
        self.artifact + Duration::from_secs(seconds as u64)
    }
}

impl Request {
    fn late(&self, limit: Duration) -> HttpError {
        HttpError::Timeout { url: self.url.clone(), limit }
    }

    fn unasked_part(&self) -> HttpError {
        let reason = "a part of the file (status 206), where all of it was asked for".to_owned();
        HttpError::Malformed { url: self.url.clone(), reason }
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
