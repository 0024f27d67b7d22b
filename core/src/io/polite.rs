//! Requests that keep to the quotas: the only way a plugin reaches a registry.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use url::Url;

use crate::{
    io::{
        CacheLimits, CachedFile, Clock, Http, HttpError, Method, Pruned, Request, Response,
        RetryPolicy, Transport,
        cache::DiskCache,
        exchange::{Answer, Exchanger},
        gate::Gates,
        page,
        payload::{Keep, Payload},
        prune::prune_cache,
        retry::is_worth_another_try,
    },
    model::{HostUsage, Quota},
};

const MAX_REDIRECTS: usize = 5;

/// The longest pause of a host that a request waits for, unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long one exchange may take, from sending to the last byte. Waiting for turns does not
/// count, and every try has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the answer begins.
    pub headers: Duration,
    /// Until the end of what [`Http::send`] reads.
    pub metadata: Duration,
    /// Until the end of what [`Http::fetch_to_cache`] reads, and a second more for every
    /// [`SLOWEST`] bytes that have come: a dump on a slow line takes hours and is not late, and who
    /// sends it drop by drop is.
    pub artifact: Duration,
    /// Until the next piece of it.
    pub stall: Duration,
}

/// Bytes in a second below which a long download is given up.
pub const SLOWEST: u32 = 64 << 10;

impl Default for Deadlines {
    fn default() -> Self {
        let [headers, metadata, artifact, stall] = [30, 60, 300, 60].map(Duration::from_secs);
        Self { headers, metadata, artifact, stall }
    }
}

/// What [`PoliteHttp`] is made of.
pub struct PoliteConfig {
    /// Measures quotas, pauses and deadlines.
    pub clock: Arc<dyn Clock>,
    /// Carries what the gates let through.
    pub transport: Arc<dyn Transport>,
    /// Of all plugins, so that those on one host share its budget.
    pub quotas: Vec<Quota>,
    /// Folder of kept answers; made when it is not there.
    pub cache: PathBuf,
    /// Pauses of earlier runs, by host.
    pub pauses: BTreeMap<String, DateTime<Utc>>,
    /// The longest pause that a request waits for; before a longer one it fails at once, so that
    /// no unattended run hangs. Waiting for a turn is not limited.
    pub patience: Duration,
    /// How long one exchange may take.
    pub deadlines: Deadlines,
    /// How often, and how soon, to try again.
    pub retries: RetryPolicy,
    /// Of the waits between tries; a simulation sets it.
    pub jitter: fastrand::Rng,
}

impl PoliteConfig {
    /// No pauses yet, five minutes of patience, and the usual deadlines and retries.
    pub fn new(
        clock: Arc<dyn Clock>,
        transport: Arc<dyn Transport>,
        quotas: impl IntoIterator<Item = Quota>,
        cache: impl Into<PathBuf>,
    ) -> Self {
        Self {
            clock,
            transport,
            quotas: quotas.into_iter().collect(),
            cache: cache.into(),
            pauses: BTreeMap::new(),
            patience: PATIENCE,
            deadlines: Deadlines::default(),
            retries: RetryPolicy::default(),
            jitter: fastrand::Rng::new(),
        }
    }
}

/// What the requests of a process have met: what a run needs to know of the network.
pub trait Traffic: Send + Sync {
    /// Goes on with pauses of earlier runs, by host.
    fn resume(&self, pauses: &BTreeMap<String, DateTime<Utc>>);

    /// What was asked of each host so far; hosts that were asked nothing are left out.
    fn usage(&self) -> BTreeMap<String, HostUsage>;

    /// Hosts whose pause has not passed, and until when: for the next run.
    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>>;
}

/// [`Http`] within the quotas of every plugin.
pub struct PoliteHttp {
    exchanger: Exchanger,
    cache: PathBuf,
    retries: RetryPolicy,
    jitter: Mutex<fastrand::Rng>,
}

impl PoliteHttp {
    /// To be built once per process.
    pub fn new(config: PoliteConfig) -> Self {
        let gates = Gates::new(Arc::clone(&config.clock), config.quotas, config.patience);
        gates.resume(&config.pauses);
        let cache = DiskCache::new(config.cache.clone(), Arc::clone(&config.clock));
        let exchanger = Exchanger {
            gates,
            cache: Arc::new(cache),
            clock: config.clock,
            transport: config.transport,
            deadlines: config.deadlines,
            dir: config.cache.clone(),
        };
        let jitter = Mutex::new(config.jitter);
        Self { exchanger, cache: config.cache, retries: config.retries, jitter }
    }

    /// Removes from the cache what is older or more than `limits`; call it when a run has ended.
    pub fn prune_cache(&self, limits: CacheLimits) -> std::io::Result<Pruned> {
        prune_cache(&self.cache, self.exchanger.clock.now(), limits)
    }

    /// Follows redirects of a GET, which leaves `request` at the last hop. Every hop takes a
    /// ticket: the target has a budget too.
    async fn follow(&self, request: &mut Request, keep: Keep) -> Result<Answer, HttpError> {
        let mut visited = BTreeSet::new();
        loop {
            let url = &request.url;
            if url.scheme() != "https" {
                return Err(HttpError::Insecure { url: url.clone() });
            }
            if !visited.insert(url.clone()) || MAX_REDIRECTS + 1 < visited.len() {
                return Err(HttpError::Redirects { url: url.clone() });
            }
            let answer = self.persevere(request, keep).await?;
            match redirect_target(request, &answer) {
                None => return Ok(answer),
                Some(target) => request.move_to(target),
            }
        }
    }

    /// Tries again what may work a second time. Every try takes a ticket.
    async fn persevere(&self, request: &Request, keep: Keep) -> Result<Answer, HttpError> {
        let mut n_tried = 0;
        let mut met = None;
        loop {
            n_tried += 1;
            let outcome = self.exchanger.exchange(request, keep).await;
            // A budget that ended between two tries says less than what the first of them met.
            if matches!(outcome, Err(HttpError::RunSpent { .. }))
                && let Some(met) = met
            {
                return met;
            }
            let status = outcome.as_ref().map(|answer| answer.status);
            if self.retries.n_more < n_tried || !is_worth_another_try(request.method, status) {
                return outcome;
            }
            let host = request.url.host_str().unwrap_or_default();
            tracing::debug!(host, n_tried, "asking {host} again");
            self.exchanger.clock.sleep(self.retries.wait(n_tried, self.luck())).await;
            met = Some(outcome);
        }
    }

    fn luck(&self) -> f64 {
        self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

fn redirect_target(request: &Request, answer: &Answer) -> Option<Url> {
    let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
    let location = answer.headers.get("location")?;
    (is_redirect && request.method == Method::Get).then(|| request.url.join(location).ok())?
}

impl Traffic for PoliteHttp {
    fn resume(&self, pauses: &BTreeMap<String, DateTime<Utc>>) {
        self.exchanger.gates.resume(pauses);
    }

    fn usage(&self) -> BTreeMap<String, HostUsage> {
        self.exchanger.gates.usage()
    }

    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>> {
        self.exchanger.gates.pauses()
    }
}

#[async_trait]
impl Http for PoliteHttp {
    async fn send(&self, mut request: Request) -> Result<Response, HttpError> {
        let Answer { status, headers, payload } = self.follow(&mut request, Keep::InMemory).await?;
        let body = payload.into_bytes().map_err(|source| request.disk(source))?;
        Ok(Response { url: request.url, status, headers, body })
    }

    async fn fetch_to_cache(&self, mut request: Request) -> Result<CachedFile, HttpError> {
        let answer = self.follow(&mut request, Keep::OnDisk).await?;
        match answer.payload {
            Payload::File(file) if (200..300).contains(&answer.status) => Ok(file.into_temp_path()),
            payload @ (Payload::File(_) | Payload::Memory(_)) => {
                let body = payload.head().map_err(|source| request.disk(source))?;
                Err(page::refusal(request.url, answer.status, &answer.headers, &body))
            }
        }
    }
}
