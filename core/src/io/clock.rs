//! The only source of time.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// The only source of time: wall clock, monotonic clock and sleep together, so that a test controls
/// all three.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The wall-clock time, for records and for dates of retries.
    fn now(&self) -> DateTime<Utc>;

    /// The time since an arbitrary fixed start. It never goes back. For rate limits.
    fn monotonic(&self) -> Duration;

    /// The same, for durations in records. A clock that stands measures nothing, so that records can
    /// be reproduced exactly.
    fn measured(&self) -> Duration {
        self.monotonic()
    }

    /// Returns when `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// The result of `work`, or `None` when `limit` passes on `clock` before that.
pub async fn within<F: Future>(clock: &dyn Clock, limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut alarm = pin!(clock.sleep(limit));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => alarm.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// The real clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    start: Instant,
    stands_at: Option<DateTime<Utc>>,
}

impl SystemClock {
    /// A clock whose wall clock always shows `now`, so that records can be reproduced exactly.
    /// Monotonic time and sleep are real.
    pub fn fixed_at(now: DateTime<Utc>) -> Self {
        Self { stands_at: Some(now), ..Self::default() }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now(), stands_at: None }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        self.stands_at.unwrap_or_else(Utc::now)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn measured(&self) -> Duration {
        if self.stands_at.is_some() { Duration::ZERO } else { self.monotonic() }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
