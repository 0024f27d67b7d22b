//! Gates: each part of a host accepts requests in the order of their arrival, at the rate of its
//! quota.
//!
//! The crate governor decides, and [`Clock::sleep`] waits. governor's own way of waiting uses real
//! time and does not keep the order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
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
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use crate::{
    io::{Clock, HttpError},
    model::{HostUsage, Quota},
};

/// Longest pause that a registry can cause. If it asks for more, the probes of the breaker ask
/// again later.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The gates of all declared hosts.
pub(crate) struct Gates {
    clock: Arc<dyn Clock>,
    hosts: BTreeMap<&'static str, Host>,
    patience: Duration,
}

#[derive(Default)]
struct Host {
    /// The end of the pause on the monotonic clock, in milliseconds. A pause applies to all gates
    /// of the host.
    paused_until: AtomicU64,
    /// The end of the pause that the host itself asked for.
    asked_until: AtomicU64,
    /// Sorted by the length of the prefix, the longest first.
    gates: Vec<Gate>,
}

/// The requests of one account to each host.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<&'static str, HostUsage>>);

struct Gate {
    quota: Quota,
    limiter: RateLimiter<NotKeyed, InMemoryState, ClockAdapter, NoOpMiddleware<Nanos>>,
    under_way: Semaphore,
    /// The mutex of tokio keeps the order of arrival.
    turn: tokio::sync::Mutex<()>,
    n_entered: AtomicU32,
}

/// The permission to send one request. It is held until the body was read.
pub(crate) struct Ticket<'a> {
    _under_way: SemaphorePermit<'a>,
    clock: &'a dyn Clock,
    host: &'a Host,
    quota: &'a Quota,
    ledger: &'a Ledger,
}

impl Ledger {
    /// Hosts without a request are left out.
    pub(crate) fn usage(&self) -> BTreeMap<String, HostUsage> {
        let hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().map(|(&host, &usage)| (host.to_owned(), usage)).collect()
    }

    fn note(&self, host: &'static str, note: impl FnOnce(&mut HostUsage)) {
        note(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(host).or_default());
    }
}

impl Gates {
    /// A request to a host that is paused for longer than `patience` fails at once.
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
        // A longer prefix sorts after the prefixes that it begins with, so the order is reversed.
        for quota in by_place.into_values().rev() {
            hosts.entry(quota.host).or_default().gates.extend(Gate::new(quota, &clock));
        }
        Self { clock, hosts, patience }
    }

    /// Continues the pauses of earlier runs. Pauses of undeclared hosts are ignored.
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

    /// Waits until a request to `url` may be sent. `ledger` counts the request.
    pub(crate) async fn enter<'a>(
        &'a self,
        url: &Url,
        ledger: &'a Ledger,
    ) -> Result<Ticket<'a>, HttpError> {
        let refused = || HttpError::Undeclared { url: url.clone() };
        let (host, gate) = self.gate(url).ok_or_else(refused)?;
        self.pause_to_wait_for(url, host)?;
        let n_entered = gate.n_entered.fetch_add(1, Ordering::Relaxed);
        if gate.quota.max_per_run.is_some_and(|max| max <= n_entered) {
            return Err(HttpError::RunSpent { url: url.clone() });
        }

        let arrived_at = self.clock.measured();
        let under_way = gate.under_way.acquire().await.expect("the semaphore is never closed");
        let waited = self.wait_for_turn(url, host, gate).await;
        let wait = self.clock.measured().saturating_sub(arrived_at);
        let wait = millis(wait);
        if 0 < wait {
            ledger.note(gate.quota.host, |usage| {
                usage.waited_ms = usage.waited_ms.saturating_add(wait);
            });
        }
        if let Err(impatient) = waited {
            gate.n_entered.fetch_sub(1, Ordering::Relaxed); // nothing is sent
            return Err(impatient);
        }
        ledger.note(gate.quota.host, |usage| usage.sent += 1);
        let (clock, quota) = (&*self.clock, &gate.quota);
        Ok(Ticket { _under_way: under_way, clock, host, quota, ledger })
    }

    /// The gate for `url`. A quota is for the usual port of a host and for addresses without a user
    /// name.
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
            let wait = match self.pause_to_wait_for(url, host)? {
                Some(pause) => pause,
                None => match gate.limiter.check() {
                    Ok(()) => return Ok(()),
                    Err(not_until) => not_until.wait_time_from(self.clock.monotonic().into()),
                },
            };
            self.clock.sleep(wait).await;
        }
    }

    /// The rest of the host's pause. The error means that the pause is too long to wait for.
    fn pause_to_wait_for(&self, url: &Url, host: &Host) -> Result<Option<Duration>, HttpError> {
        match host.pause_left(&*self.clock) {
            Some(left) if self.patience < left => Err(HttpError::Paused {
                host: url.host_str().unwrap_or_default().to_owned(),
                until: self.clock.now() + left,
                is_asked: host.is_pause_asked(),
                was_sent: false,
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
            limiter: RateLimiter::direct_with_clock(rate, ClockAdapter(Arc::clone(clock))),
            under_way: Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS)),
            turn: tokio::sync::Mutex::default(),
            n_entered: AtomicU32::new(0),
        })
    }
}

impl Host {
    fn pause(&self, clock: &dyn Clock, pause: Duration) {
        self.paused_until.fetch_max(end_of(clock, pause), Ordering::Relaxed);
    }

    /// Notes the pause that the host itself asked for.
    fn ask(&self, clock: &dyn Clock, pause: Duration) {
        self.asked_until.fetch_max(end_of(clock, pause), Ordering::Relaxed);
    }

    /// Whether the host itself asked for the whole pause.
    fn is_pause_asked(&self) -> bool {
        let paused_until = self.paused_until.load(Ordering::Relaxed);
        paused_until <= self.asked_until.load(Ordering::Relaxed)
    }

    fn pause_left(&self, clock: &dyn Clock) -> Option<Duration> {
        let until = Duration::from_millis(self.paused_until.load(Ordering::Relaxed));
        until.checked_sub(clock.monotonic()).filter(|left| !left.is_zero())
    }
}

impl Ticket<'_> {
    /// The host asked for fewer requests. Stops all requests to it for `asked`, or for the minimum
    /// in the quota if that is longer.
    pub(crate) fn throttled(&self, asked: Option<Duration>) {
        let asked = asked.unwrap_or_default();
        self.wait(asked, asked.max(self.quota.retry_floor));
    }

    /// The host asked for a pause. Stops all requests to it for `pause`.
    pub(crate) fn pause(&self, pause: Duration) {
        self.wait(pause, pause);
    }

    /// Stops all requests to the host for `pause`; it asked for `asked` of this time.
    fn wait(&self, asked: Duration, pause: Duration) {
        self.ledger.note(self.quota.host, |usage| usage.throttled += 1);
        self.host.ask(self.clock, asked);
        self.host.pause(self.clock, pause);
        let (host, seconds) = (self.quota.host, pause.as_secs());
        tracing::info!(
            host,
            asked_s = asked.as_secs(),
            pause_s = seconds,
            "{host} asked for fewer requests and is not asked for {seconds} s"
        );
    }
}

/// The end of a pause that begins now, in milliseconds of the clock.
fn end_of(clock: &dyn Clock, pause: Duration) -> u64 {
    let until = clock.monotonic() + pause.min(MAX_PAUSE);
    // Rounded up, because a request one millisecond early is too early.
    u64::try_from(until.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[derive(Clone)]
struct ClockAdapter(Arc<dyn Clock>);

impl clock::Clock for ClockAdapter {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.monotonic().into()
    }
}
