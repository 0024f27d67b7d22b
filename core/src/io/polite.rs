//! Requests that keep to the quotas. Plugins reach registries only in this way.

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
        exchange::{Answer, Exchanger, Turns},
        gate::{Gates, Ledger},
        page,
        payload::{BodyStorage, Payload},
        prune::prune_cache,
        retry::is_worth_another_try,
    },
    model::{HostUsage, Quota},
};

const MAX_REDIRECTS: usize = 5;

/// The longest pause of a host that a request waits for, by default.
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long one exchange may take, from sending the request to the last byte. Waiting for quotas
/// does not count, and every try has its own deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Until the answer begins.
    pub headers: Duration,
    /// Until the end of an answer to [`Http::send`].
    pub metadata: Duration,
    /// Until the end of an answer to [`Http::fetch_to_cache`], with one more second for every
    /// [`MIN_BYTES_PER_SECOND`] bytes that have been read. A large dump on a slow line may take
    /// hours, but a server that sends byte by byte is too slow.
    pub artifact: Duration,
    /// Until the next piece of the body.
    pub stall: Duration,
}

/// A download that is slower than this number of bytes in a second is cancelled.
pub const MIN_BYTES_PER_SECOND: u32 = 64 << 10;

impl Default for Deadlines {
    fn default() -> Self {
        let [headers, metadata, artifact, stall] = [30, 60, 300, 60].map(Duration::from_secs);
        Self { headers, metadata, artifact, stall }
    }
}

/// The parts of a [`PoliteHttp`].
pub struct PoliteConfig {
    /// Measures quotas, pauses and deadlines.
    pub clock: Arc<dyn Clock>,
    /// Sends the requests.
    pub transport: Arc<dyn Transport>,
    /// The quotas of all plugins, so that plugins with a common host share its quota.
    pub quotas: Vec<Quota>,
    /// The folder of the cache. It is created if it does not exist.
    pub cache: PathBuf,
    /// Pauses that hosts asked earlier runs for.
    pub pauses: BTreeMap<String, DateTime<Utc>>,
    /// The longest pause that a request waits for. During a longer pause it fails at once, so that
    /// no unattended run hangs. Waiting for a quota is not limited.
    pub patience: Duration,
    /// How long one exchange may take.
    pub deadlines: Deadlines,
    /// How often and when to try again.
    pub retries: RetryPolicy,
    /// The random numbers for the waits between tries. A simulation sets the seed.
    pub jitter: fastrand::Rng,
}

impl PoliteConfig {
    /// The defaults: no pauses, a patience of five minutes, and the usual deadlines and retries.
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

/// The network of a process, as far as a run needs it.
pub trait Traffic: Send + Sync {
    /// Continues pauses of earlier runs, by host.
    fn resume(&self, pauses: &BTreeMap<String, DateTime<Utc>>);

    /// A new account. Its requests keep to the same quotas as all others, and it counts only its own:
    /// each batch has one, although several batches may ask the same host.
    fn account(&self) -> Arc<dyn Account>;

    /// The hosts that are still paused, and until when, for the next run.
    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>>;
}

/// An [`Http`] that counts its own requests.
pub trait Account: Http {
    /// The requests to each host so far. Hosts without a request are left out.
    fn usage(&self) -> BTreeMap<String, HostUsage>;
}

/// An [`Http`] that keeps to the quotas of all plugins.
pub struct PoliteHttp {
    shared: Arc<Shared>,
    ledger: Ledger,
}

/// What all accounts of a process share.
struct Shared {
    exchanger: Exchanger,
    cache: PathBuf,
    retries: RetryPolicy,
    jitter: Mutex<fastrand::Rng>,
}

impl PoliteHttp {
    /// There must be one of these in each process.
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
            turns: Turns::default(),
        };
        let jitter = Mutex::new(config.jitter);
        let shared = Shared { exchanger, cache: config.cache, retries: config.retries, jitter };
        Self { shared: Arc::new(shared), ledger: Ledger::default() }
    }

    /// Removes entries from the cache that exceed `limits`. To be called at the end of a run.
    pub fn prune_cache(&self, limits: CacheLimits) -> std::io::Result<Pruned> {
        prune_cache(&self.shared.cache, self.shared.exchanger.clock.now(), limits)
    }

    /// The requests to each host so far, those of its accounts left out.
    pub fn usage(&self) -> BTreeMap<String, HostUsage> {
        self.ledger.usage()
    }

    /// Follows redirects of a GET. Afterwards `request` has the last address. Every redirect waits
    /// for the quota of its target.
    async fn follow(
        &self,
        request: &mut Request,
        storage: BodyStorage,
    ) -> Result<Answer, HttpError> {
        let mut visited = BTreeSet::new();
        loop {
            let url = &request.url;
            if url.scheme() != "https" {
                return Err(HttpError::Insecure { url: url.clone() });
            }
            if !visited.insert(url.clone()) || MAX_REDIRECTS + 1 < visited.len() {
                return Err(HttpError::Redirects { url: url.clone() });
            }
            let answer = self.with_retries(request, storage).await?;
            match redirect_target(request, &answer) {
                None => return Ok(answer),
                Some(target) => request.move_to(target),
            }
        }
    }

    /// Repeats a request that may succeed the second time. Every try waits for the quota.
    async fn with_retries(
        &self,
        request: &Request,
        storage: BodyStorage,
    ) -> Result<Answer, HttpError> {
        let Shared { exchanger, retries, .. } = &*self.shared;
        let mut n_tried = 0;
        let mut met = None;
        loop {
            n_tried += 1;
            let outcome = exchanger.exchange(request, storage, &self.ledger).await;
            // If the limit of the run is reached between two tries, the result of the first try
            // says more.
            if matches!(outcome, Err(HttpError::RunSpent { .. }))
                && let Some(met) = met
            {
                return met;
            }
            if let Err(HttpError::Paused { host, until, is_asked, .. }) = outcome {
                return Err(HttpError::Paused { host, until, is_asked, was_sent: n_tried > 1 });
            }
            let status = outcome.as_ref().map(|answer| answer.status);
            if retries.n_more < n_tried || !is_worth_another_try(request.method, status) {
                return outcome;
            }
            let host = request.url.host_str().unwrap_or_default();
            tracing::debug!(host, n_tried, "asking {host} again");
            exchanger.clock.sleep(retries.wait(n_tried, self.random_fraction())).await;
            met = Some(outcome);
        }
    }

    fn random_fraction(&self) -> f64 {
        self.shared.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }
}

fn redirect_target(request: &Request, answer: &Answer) -> Option<Url> {
    let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
    let location = answer.headers.get("location")?;
    (is_redirect && request.method == Method::Get).then(|| request.url.join(location).ok())?
}

impl Traffic for PoliteHttp {
    fn resume(&self, pauses: &BTreeMap<String, DateTime<Utc>>) {
        self.shared.exchanger.gates.resume(pauses);
    }

    fn account(&self) -> Arc<dyn Account> {
        Arc::new(Self { shared: Arc::clone(&self.shared), ledger: Ledger::default() })
    }

    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>> {
        self.shared.exchanger.gates.pauses()
    }
}

impl Account for PoliteHttp {
    fn usage(&self) -> BTreeMap<String, HostUsage> {
        self.ledger.usage()
    }
}

#[async_trait]
impl Http for PoliteHttp {
    async fn send(&self, mut request: Request) -> Result<Response, HttpError> {
        let Answer { status, headers, payload } =
            self.follow(&mut request, BodyStorage::InMemory).await?;
        let body = payload.into_bytes().map_err(|source| request.disk(source))?;
        Ok(Response { url: request.url, status, headers, body })
    }

    async fn fetch_to_cache(&self, mut request: Request) -> Result<CachedFile, HttpError> {
        let answer = self.follow(&mut request, BodyStorage::OnDisk).await?;
        match answer.payload {
            Payload::File(file) if (200..300).contains(&answer.status) => Ok(file.into_temp_path()),
            payload @ (Payload::File(_) | Payload::Memory(_)) => {
                let body = payload.head().map_err(|source| request.disk(source))?;
                Err(page::refusal(request.url, answer.status, &answer.headers, &body))
            }
        }
    }
}
