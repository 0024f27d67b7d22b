//! Gates: each part of a host lets requests through in order of arrival, at the rate of its quota.
//!
//! governor decides and [`Clock::sleep`] waits: governor's own waiting sleeps in real time and lets
//! waiters race.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use governor::{
    RateLimiter, clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use url::Url;

use crate::{
    io::{Clock, HttpError},
    model::{HostUsage, Quota},
};

/// A registry that asks for more is not obeyed: the breaker's probes will ask again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The gates of every declared host.
pub(crate) struct Gates {
    clock: Arc<dyn Clock>,
    hosts: BTreeMap<&'static str, Host>,
    patience: Duration,
}

#[derive(Default)]
struct Host {
    /// On the monotonic clock, in milliseconds. A pause holds for all gates of the host.
    paused_until: AtomicU64,
    /// The same, as far as the host asked for it.
    asked_until: AtomicU64,
    /// Longest prefix first.
    gates: Vec<Gate>,
    n_sent: AtomicU64,
    n_throttled: AtomicU64,
    waited_ms: AtomicU64,
}

struct Gate {
    quota: Quota,
    limiter: RateLimiter<NotKeyed, InMemoryState, OurClock, NoOpMiddleware<Nanos>>,
    under_way: Semaphore,
    /// tokio's mutex is first in, first out.
    turn: Mutex<()>,
    n_entered: AtomicU32,
}

/// Leave to send one request; hold it until the body is read.
pub(crate) struct Ticket<'a> {
    _under_way: SemaphorePermit<'a>,
    clock: &'a dyn Clock,
    host: &'a Host,
    quota: &'a Quota,
}

impl Gates {
    /// Requests to a host that is paused for longer than `patience` fail at once.
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        quotas: impl IntoIterator<Item = Quota>,
        patience: Duration,
    ) -> Self {
        let mut by_place: BTreeMap<_, Quota> = BTreeMap::new();
        for quota in quotas {
            let place = (quota.host, quota.path_prefix);
            by_place
                .entry(place)
                .and_modify(|known| *known = known.stricter(quota))
                .or_insert(quota);
        }
        let mut hosts: BTreeMap<_, Host> = BTreeMap::new();
        // A longer prefix sorts after the prefixes it starts with, hence the reversal.
        for quota in by_place.into_values().rev() {
            hosts.entry(quota.host).or_default().gates.extend(Gate::new(quota, &clock));
        }
        Self { clock, hosts, patience }
    }

    /// Goes on with pauses of earlier runs; those of hosts that are not declared mean nothing here.
    pub(crate) fn resume(&self, pauses: &BTreeMap<String, DateTime<Utc>>) {
        for (host, &until) in pauses {
            if let (Some(host), Ok(left)) =
                (self.hosts.get(&**host), (until - self.clock.now()).to_std())
            {
                host.pause(&*self.clock, left);
            }
        }
    }

    /// Hosts that are still paused, and until when.
    pub(crate) fn pauses(&self) -> BTreeMap<String, DateTime<Utc>> {
        let pause = |(&name, host): (&&str, &Host)| {
            Some((name.to_owned(), self.clock.now() + host.pause_left(&*self.clock)?))
        };
        self.hosts.iter().filter_map(pause).collect()
    }

    /// What was asked of each host that was asked anything.
    pub(crate) fn usage(&self) -> BTreeMap<String, HostUsage> {
        let all = self.hosts.iter().map(|(&name, host)| (name.to_owned(), host.usage()));
        all.filter(|(_, usage)| *usage != HostUsage::default()).collect()
    }

    /// Waits for the turn of a request to `url`.
    pub(crate) async fn enter(&self, url: &Url) -> Result<Ticket<'_>, HttpError> {
        let refused = || HttpError::Undeclared { url: url.clone() };
        let (host, gate) = self.gate(url).ok_or_else(refused)?;
        self.patiently(url, host)?;
        let n_entered = gate.n_entered.fetch_add(1, Ordering::Relaxed);
        if gate.quota.max_per_run.is_some_and(|max| max <= n_entered) {
            return Err(HttpError::RunSpent { url: url.clone() });
        }

        let arrived_at = self.clock.monotonic();
        let under_way = gate.under_way.acquire().await.expect("the semaphore is never closed");
        let waited = self.wait_for_turn(url, host, gate).await;
        let wait = self.clock.monotonic().saturating_sub(arrived_at);
        host.waited_ms.fetch_add(millis(wait), Ordering::Relaxed);
        if let Err(impatient) = waited {
            gate.n_entered.fetch_sub(1, Ordering::Relaxed); // nothing is sent
            return Err(impatient);
        }
        host.n_sent.fetch_add(1, Ordering::Relaxed);
        Ok(Ticket { _under_way: under_way, clock: &*self.clock, host, quota: &gate.quota })
    }

    /// A quota is declared for a host at its usual port, in nobody's name.
    fn gate(&self, url: &Url) -> Option<(&Host, &Gate)> {
        let is_plain =
            url.port().is_none() && url.username().is_empty() && url.password().is_none();
        let host = self.hosts.get(url.host_str().filter(|_| is_plain)?)?;
        let is_covered = |gate: &&Gate| url.path().starts_with(gate.quota.path_prefix);
        Some((host, host.gates.iter().find(is_covered)?))
    }

    async fn wait_for_turn(&self, url: &Url, host: &Host, gate: &Gate) -> Result<(), HttpError> {
        let _turn = gate.turn.lock().await;
        loop {
            let wait = match self.patiently(url, host)? {
                Some(pause) => pause,
                None => match gate.limiter.check() {
                    Ok(()) => return Ok(()),
                    Err(not_until) => not_until.wait_time_from(self.clock.monotonic().into()),
                },
            };
            self.clock.sleep(wait).await;
        }
    }

    /// What is left of the host's pause, unless that is too much to wait for.
    fn patiently(&self, url: &Url, host: &Host) -> Result<Option<Duration>, HttpError> {
        match host.pause_left(&*self.clock) {
            Some(left) if self.patience < left => Err(HttpError::Paused {
                host: url.host_str().unwrap_or_default().to_owned(),
                until: self.clock.now() + left,
                is_asked: host.is_pause_asked(),
            }),
            left => Ok(left),
        }
    }
}

impl Gate {
    fn new(quota: Quota, clock: &Arc<dyn Clock>) -> Option<Self> {
        let rate = governor::Quota::with_period(quota.period)?.allow_burst(quota.burst);
        let concurrency = usize::try_from(quota.concurrency.get()).unwrap_or(usize::MAX);
        Some(Self {
            quota,
            limiter: RateLimiter::direct_with_clock(rate, OurClock(Arc::clone(clock))),
            under_way: Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS)),
            turn: Mutex::default(),
            n_entered: AtomicU32::new(0),
        })
    }
}

impl Host {
    fn pause(&self, clock: &dyn Clock, pause: Duration) {
        self.paused_until.fetch_max(end_of(clock, pause), Ordering::Relaxed);
    }

    /// Notes for how long the host itself asked for no requests.
    fn ask(&self, clock: &dyn Clock, pause: Duration) {
        self.asked_until.fetch_max(end_of(clock, pause), Ordering::Relaxed);
    }

    /// Whether the host asked for all of its pause.
    fn is_pause_asked(&self) -> bool {
        let paused_until = self.paused_until.load(Ordering::Relaxed);
        paused_until <= self.asked_until.load(Ordering::Relaxed)
    }

    fn pause_left(&self, clock: &dyn Clock) -> Option<Duration> {
        let until = Duration::from_millis(self.paused_until.load(Ordering::Relaxed));
        until.checked_sub(clock.monotonic()).filter(|left| !left.is_zero())
    }

    fn usage(&self) -> HostUsage {
        HostUsage {
            sent: self.n_sent.load(Ordering::Relaxed),
            throttled: self.n_throttled.load(Ordering::Relaxed),
            waited_ms: self.waited_ms.load(Ordering::Relaxed),
        }
    }
}

impl Ticket<'_> {
    /// The host asked for fewer requests: keeps every request from it for `asked`, or for the
    /// quota's floor where that is longer.
    pub(crate) fn throttled(&self, asked: Option<Duration>) {
        let asked = asked.unwrap_or_default();
        self.wait(asked, asked.max(self.quota.retry_floor));
    }

    /// The host asked for a pause: keeps every request from it for `pause`.
    pub(crate) fn pause(&self, pause: Duration) {
        self.wait(pause, pause);
    }

    /// Keeps every request from the host for `pause`, of which it asked for `asked`.
    fn wait(&self, asked: Duration, pause: Duration) {
        self.host.n_throttled.fetch_add(1, Ordering::Relaxed);
        self.host.ask(self.clock, asked);
        self.host.pause(self.clock, pause);
        let (host, seconds) = (self.quota.host, pause.as_secs());
        tracing::info!(
            host,
            asked_s = asked.as_secs(),
            pause_s = seconds,
            "{host} asked for fewer requests, and gets none for {seconds} s"
        );
    }
}

/// The end of a pause that begins now, in milliseconds of the clock.
fn end_of(clock: &dyn Clock, pause: Duration) -> u64 {
    let until = clock.monotonic() + pause.min(LONGEST_PAUSE);
    // Rounded up: a millisecond early is too early.
    u64::try_from(until.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Clone)]
struct OurClock(Arc<dyn Clock>);

impl clock::Clock for OurClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.monotonic().into()
    }
}
