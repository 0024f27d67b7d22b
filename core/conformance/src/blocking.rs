//! Whether a plugin blocks a thread in async code; everything else of the run would then wait as
//! well.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use batch_core::io::{Clock as _, SystemClock};

use super::{Harness, Outcome, guard, lists};

/// The limit for one poll. Reading or writing a file takes less; a sleep or a network request of
/// its own takes more.
const LIMIT: Duration = Duration::from_millis(40);
/// A disk may be slow once, so the shortest of several measurements counts.
const N_TRIES: usize = 3;

/// A future, and how long its polls blocked their thread without using the processor. Waiting for a
/// processor that others use does not count.
pub(super) struct RecordingHttp<F> {
    future: Pin<Box<F>>,
    clock: Arc<SystemClock>,
    blocked: Duration,
}

impl<F: Future> RecordingHttp<F> {
    pub(super) fn new(future: F) -> Self {
        let (future, clock) = (Box::pin(future), Arc::default());
        Self { future, clock, blocked: Duration::ZERO }
    }
}

impl<F: Future> Future for RecordingHttp<F> {
    /// The result, and the longest time for which one poll blocked.
    type Output = (F::Output, Duration);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let at = |clock: &SystemClock| (clock.monotonic(), guard::busy_time());
        let (began_at, busy_before) = at(&self.clock);
        let polled = self.future.as_mut().poll(context);
        let (ended_at, busy_after) = at(&self.clock);
        if let (Some(before), Some(after)) = (busy_before, busy_after) {
            let took = ended_at.saturating_sub(began_at);
            self.blocked = self.blocked.max(took.saturating_sub(after.saturating_sub(before)));
        }
        polled.map(|output| (output, self.blocked))
    }
}

/// Where the plugin blocks, and for how long; `None` if it does not.
pub(super) fn blocks(harness: &Harness) -> Option<String> {
    let is_long = |blocked: &Duration| LIMIT <= *blocked;
    for (case, run) in &harness.runs {
        let again = || harness.subject.replay(case, None).blocked;
        if is_long(&run.blocked) && (1..N_TRIES).all(|_| is_long(&again())) {
            return Some(format!("fixture {}: inspect blocks {}", case.name, shown(run.blocked)));
        }
    }
    let longest = |_| lists::longest_block(harness);
    let blocked: Vec<Duration> = (0..N_TRIES).map(longest).take_while(is_long).collect();
    let least = blocked.iter().min().filter(|_| blocked.len() == N_TRIES)?;
    Some(format!("discover blocks {}", shown(*least)))
}

fn shown(blocked: Duration) -> String {
    format!("its thread for {} ms without waiting for anybody in async code", blocked.as_millis())
}

pub(super) fn never_in_async_code(harness: &Harness) -> Outcome {
    if harness.runs.is_empty() && harness.subject.plugin.seeder.is_none() {
        return Outcome::no_fixtures();
    }
    let advice =
        "send requests through `http` only, and run long work in batch_core::io::run_blocking";
    let problem = harness.blocks.as_ref().map(|what| format!("{what}; {advice}"));
    problem.into_iter().collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use std::{future::ready, sync::mpsc};

    use batch_sim::SimClock;

    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_waits_is_told_from_one_that_works() {
        let blocked = |future: Pin<Box<dyn Future<Output = ()>>>| {
            SimClock::default().run(RecordingHttp::new(future)).1
        };
        let waits = blocked(Box::pin(async {
            let (_keep, never) = mpsc::channel::<()>();
            let _ = never.recv_timeout(LIMIT * 2);
        }));
        assert!(LIMIT <= waits, "{waits:?}");
        assert_eq!(SimClock::default().run(RecordingHttp::new(ready(7))).0, 7);
        let clock = SimClock::default();
        let sleeper = clock.clone();
        let sleeps = async move { sleeper.sleep(Duration::from_secs(3600)).await };
        let ((), blocked) = clock.run(RecordingHttp::new(sleeps));
        assert!(blocked < LIMIT * 100, "virtual time takes none: {blocked:?}");
    }
}
