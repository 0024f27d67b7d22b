//! Virtual time.

use std::{
    collections::BTreeMap,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use batch_core::io::Clock;

/// A clock whose time moves only when everything in [`SimClock::run`] waits for it.
#[derive(Debug, Clone, Default)]
pub struct SimClock(Arc<Mutex<Timeline>>);

#[derive(Debug, Default)]
struct Timeline {
    /// Since the start of the clock.
    now: Duration,
    /// The wall-clock time at the start of the clock, as if it had never been changed.
    start: DateTime<Utc>,
    /// Sorted by deadline, then by the order of arrival.
    parked: BTreeMap<(Duration, u64), Waker>,
    n_parked_ever: u64,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl SimClock {
    /// A clock that shows `start`. [`SimClock::default`] shows the epoch.
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self(Arc::new(Mutex::new(Timeline { start, ..Timeline::default() })))
    }

    /// Sets the wall-clock time back. Nobody who sleeps is woken earlier or later.
    pub fn set_back(&self, by: Duration) {
        self.timeline().start -= by;
    }

    /// Runs `future` to its end. As soon as everything in it waits, the time moves to the earliest
    /// deadline.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            // Something that can continue without waiting for the time has woken us.
            if !woken.0.swap(false, Ordering::Relaxed) {
                self.move_to_earliest_deadline();
            }
        }
    }

    fn move_to_earliest_deadline(&self) {
        let mut timeline = self.timeline();
        let ((deadline, _), sleeper) = timeline.parked.pop_first().expect("someone must be asleep");
        timeline.now = deadline;
        drop(timeline);
        sleeper.wake();
    }

    fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        let timeline = self.timeline();
        timeline.start + timeline.now
    }

    fn monotonic(&self) -> Duration {
        self.timeline().now
    }

    async fn sleep(&self, duration: Duration) {
        Sleep { clock: self, deadline: self.monotonic() + duration, key: None }.await;
    }
}

struct Sleep<'a> {
    clock: &'a SimClock,
    deadline: Duration,
    key: Option<(Duration, u64)>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut timeline = self.clock.timeline();
        if self.deadline <= timeline.now {
            return Poll::Ready(());
        }
        let key = self.key.unwrap_or((self.deadline, timeline.n_parked_ever));
        timeline.n_parked_ever += u64::from(self.key.is_none());
        timeline.parked.insert(key, cx.waker().clone());
        drop(timeline);
        self.key = Some(key);
        Poll::Pending
    }
}

/// A sleep that was cancelled must not stop the time.
impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.clock.timeline().parked.remove(&key);
        }
    }
}
