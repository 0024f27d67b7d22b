//! A registry that answers as it is told, on the virtual clock, and a plugin that asks it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use url::Url;

use batch_core::{
    io::{
        Body, CachedFile, Clock as _, Headers, Http, HttpError, PoliteConfig, PoliteHttp, Reply,
        Request, Response, Transport, TransportError, TransportErrorKind, Validators,
    },
    plugin::EcosystemPlugin,
};
use batch_sim::SimClock;

use super::answers::Answer;

/// How an answer comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Delivery {
    #[default]
    AtOnce,
    /// Its headers after this time.
    Late(Duration),
    /// A kibibyte in this time.
    Trickling(Duration),
    /// The body, again and again.
    Endless,
    /// Half of the body, and no more.
    BrokenOff,
    /// Not at all.
    Broken(TransportErrorKind),
}

/// An answer, and how it comes.
#[derive(Debug, Clone)]
pub(super) struct ScriptedAnswer {
    pub(super) answer: Answer,
    pub(super) delivery: Delivery,
    /// Gives parts to those who ask for them, as web servers do.
    pub(super) gives_parts: bool,
}

impl From<Answer> for ScriptedAnswer {
    fn from(answer: Answer) -> Self {
        Self { answer, delivery: Delivery::AtOnce, gives_parts: true }
    }
}

/// What is answered at addresses that no answer names.
#[derive(Debug, Clone, Copy)]
pub(super) struct FallbackAnswer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: &'static str,
}

pub(super) const NOTHING: FallbackAnswer =
    FallbackAnswer { status: 404, content_type: "text/plain", body: "not found" };

impl FallbackAnswer {
    fn answer(self, request: &Request) -> ScriptedAnswer {
        let content_type = ("content-type".to_owned(), self.content_type.to_owned());
        let (url, headers) = (request.url.to_string(), Headers::from([content_type]));
        Answer { url, status: self.status, headers, body: self.body.as_bytes().to_vec() }.into()
    }
}

pub(super) struct SimRegistry {
    clock: SimClock,
    scripted: BTreeMap<String, ScriptedAnswer>,
    fallback: FallbackAnswer,
    asked: Mutex<Vec<Url>>,
    sent: Sent,
}

/// How many bytes of a body were sent, by address.
type Sent = Arc<Mutex<BTreeMap<Url, usize>>>;

impl SimRegistry {
    pub(super) fn new(
        clock: SimClock,
        scripted: Vec<ScriptedAnswer>,
        fallback: FallbackAnswer,
    ) -> Self {
        let scripted = scripted
            .into_iter()
            .map(|scripted| (spelled(&scripted.answer.url), scripted))
            .collect();
        Self { clock, scripted, fallback, asked: Mutex::default(), sent: Sent::default() }
    }

    pub(super) fn asked(&self) -> Vec<Url> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many bytes of each body were sent.
    pub(super) fn sent(&self) -> BTreeMap<Url, usize> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// As URLs spell it.
fn spelled(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.to_string())
}

#[async_trait]
impl Transport for SimRegistry {
    async fn send(&self, request: &Request, _: &Validators) -> Result<Reply, TransportError> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.url.clone());
        let scripted = self.scripted.get(request.url.as_str()).cloned();
        let ScriptedAnswer { answer, delivery, gives_parts } =
            scripted.unwrap_or_else(|| self.fallback.answer(request));
        match delivery {
            Delivery::Late(delay) => self.clock.sleep(delay).await,
            Delivery::Broken(kind) => return Err(TransportError::new(kind, "as it was told")),
            Delivery::AtOnce | Delivery::Trickling(_) | Delivery::Endless | Delivery::BrokenOff => {
            }
        }
        let Answer { mut status, mut headers, mut body, .. } = answer;
        if let Some(range) = request.range.clone().filter(|_| gives_parts && status == 200) {
            let total = body.len();
            let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let end = bound(*range.end()).saturating_add(1).min(total);
            let start = bound(*range.start());
            let said = if end <= start {
                (status, body) = (416, vec![]);
                format!("bytes */{total}")
            } else {
                (status, body) = (206, body[start..end].to_vec());
                format!("bytes {start}-{}/{total}", end - 1)
            };
            headers.insert("content-range".to_owned(), said);
        }
        let (clock, sent, url) = (self.clock.clone(), Arc::clone(&self.sent), request.url.clone());
        let body = ScriptedBody { clock, delivery, rest: body, has_begun: false, sent, url };
        Ok(Reply { status, headers, body: Box::new(body) })
    }
}

struct ScriptedBody {
    clock: SimClock,
    delivery: Delivery,
    rest: Vec<u8>,
    has_begun: bool,
    sent: Sent,
    url: Url,
}

#[async_trait]
impl Body for ScriptedBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let half = self.rest.len() / 2;
        let chunk = match self.delivery {
            Delivery::Endless => self.rest.repeat((64 << 10) / self.rest.len().max(1) + 1),
            Delivery::BrokenOff if !self.has_begun => self.rest[..half].to_vec(),
            Delivery::BrokenOff => {
                return Err(TransportError::new(TransportErrorKind::Body, "it broke off"));
            }
            Delivery::Trickling(wait) => {
                self.clock.sleep(wait).await;
                self.rest.drain(..self.rest.len().min(1 << 10)).collect()
            }
            Delivery::AtOnce | Delivery::Late(_) | Delivery::Broken(_) => {
                std::mem::take(&mut self.rest)
            }
        };
        self.has_begun = true;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        *sent.entry(self.url.clone()).or_default() += chunk.len();
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

/// Notes what a plugin wanted to ask and was not allowed to.
pub(super) struct RecordingHttp {
    inner: PoliteHttp,
    undeclared_requests: Mutex<Vec<String>>,
    /// Nothing is kept from one run to the next.
    _cache: tempfile::TempDir,
}

impl RecordingHttp {
    /// Within the quotas of `plugin` and of nobody else.
    pub(super) fn new(
        plugin: &EcosystemPlugin,
        network: &Arc<SimRegistry>,
    ) -> Result<Self, String> {
        let clock = Arc::new(network.clock.clone());
        let quotas = plugin.rate_limit.quotas().iter().copied();
        let cache = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let config = PoliteConfig::new(clock, Arc::clone(network) as _, quotas, cache.path());
        let config = PoliteConfig { jitter: fastrand::Rng::with_seed(6), ..config };
        Ok(Self {
            inner: PoliteHttp::new(config),
            undeclared_requests: Mutex::default(),
            _cache: cache,
        })
    }

    pub(super) fn undeclared_requests(&self) -> Vec<String> {
        self.undeclared_requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note<T>(&self, outcome: Result<T, HttpError>) -> Result<T, HttpError> {
        if let Err(HttpError::Undeclared { url } | HttpError::Insecure { url }) = &outcome {
            self.undeclared_requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(url.to_string());
        }
        outcome
    }
}

#[async_trait]
impl Http for RecordingHttp {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        self.note(self.inner.send(request).await)
    }

    async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError> {
        self.note(self.inner.fetch_to_cache(request).await)
    }
}
