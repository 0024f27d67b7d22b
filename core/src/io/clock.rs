//! The one source of time.

use std::{
    future::poll_fn,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// The one source of time: wall clock, monotonic clock and sleep together, so
/// that a test moves all three at once.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Wall-clock time, for records and retry dates.
    fn now(&self) -> DateTime<Utc>;

    /// Time since an arbitrary fixed start; never goes back. For rate limits.
    fn monotonic(&self) -> Duration;

    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// What `work` gives, or `None` when `limit` passes on `clock` before it is done.
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
    /// Its wall clock stands at `now`, so that records can be repeated byte for byte; monotonic
    /// time and sleep are real.
    pub fn standing_at(now: DateTime<Utc>) -> Self {
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

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
