//! Ctrl-C and TERM.

use std::{pin::Pin, sync::Arc};

use batch_core::{
    decide::interruption::{self, Answer},
    io::Clock,
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Context;
use crate::{exit::Exit, stage::Stop};

/// The first Ctrl-C or TERM ends the work of this program; a later one is not waited for.
pub(super) fn cancel_on_signal(cx: &Context) {
    on_signal(cx, &[Answer::EndNow]);
}

/// The first Ctrl-C or TERM lets work finish that has begun, the second ends it and leaves the
/// record; a later one is not waited for.
pub(super) fn drain_on_signal(cx: &Context) {
    on_signal(cx, &[Answer::EndInOrder, Answer::EndNow]);
}

fn on_signal(cx: &Context, answers: &'static [Answer]) {
    let signals = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(interrupt), Ok(terminate)) => stream::select(each(interrupt), each(terminate)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!("a signal will end this program at once: {error}");
            return;
        }
    };
    let (clock, stop) = (Arc::clone(&cx.env.clock), cx.stop.clone());
    let screen = Arc::clone(&cx.screen);
    tokio::spawn(async move {
        if obey(signals, &*clock, &stop, answers).await == End::Now {
            screen.close();
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
    });
}

/// One item for each time that the signal came; several that came at once may be one.
fn each(signal: Signal) -> Pin<Box<dyn Stream<Item = ()> + Send>> {
    Box::pin(stream::unfold(signal, async |mut signal| Some((signal.recv().await?, signal))))
}

/// How `signals` want this program to end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// In order, or not at all.
    InOrder,
    Now,
}

/// Answers `signals`, one after the other, with `answers`. Returns at one that follows them, or when
/// no more can come.
async fn obey(
    signals: impl Stream<Item = ()>,
    clock: &dyn Clock,
    stop: &Stop,
    answers: &[Answer],
) -> End {
    let (mut signals, mut answers) = (std::pin::pin!(signals), answers.iter());
    let mut last = None;
    while signals.next().await.is_some() {
        let now = clock.monotonic();
        if interruption::is_same_request(last, now) {
            continue;
        }
        last = Some(now);
        match answers.next() {
            Some(Answer::EndInOrder) => {
                tracing::warn!(
                    "interrupted: what has begun is finished; press Ctrl-C again to end it now"
                );
                stop.drain();
            }
            Some(Answer::EndNow) => {
                tracing::warn!("interrupted: ending in order; press Ctrl-C again to stop at once");
                stop.now();
            }
            None => return End::Now,
        }
    }
    End::InOrder
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use batch_sim::SimClock;

    use super::*;

    /// How a program ends that gets signals after so many milliseconds, whether it begins nothing
    /// new, and whether it ends what has begun.
    fn end_after(milliseconds: &[u64], answers: &[Answer]) -> (End, bool, bool) {
        let (clock, stop) = (SimClock::default(), Stop::default());
        let signals = stream::iter(milliseconds).then(async |&at| {
            let at = Duration::from_millis(at);
            clock.sleep(at.saturating_sub(clock.monotonic())).await;
        });
        let end = clock.run(obey(signals, &clock, &stop, answers));
        (end, stop.is_draining(), stop.token().is_cancelled())
    }

    #[test]
    fn two_signals_at_nearly_the_same_time_are_one_request() {
        let end_after = |milliseconds: &[u64]| end_after(milliseconds, &[Answer::EndNow]);
        assert_eq!(end_after(&[]), (End::InOrder, false, false));
        assert_eq!(end_after(&[10]), (End::InOrder, true, true));
        assert_eq!(end_after(&[10, 10]), (End::InOrder, true, true));
        assert_eq!(end_after(&[10, 12, 900]), (End::InOrder, true, true));
        assert_eq!(end_after(&[10, 12, 2_000]), (End::Now, true, true));
    }

    #[test]
    fn a_run_finishes_what_has_begun_then_ends_it_and_then_stops_at_once() {
        let end_after =
            |milliseconds: &[u64]| end_after(milliseconds, &[Answer::EndInOrder, Answer::EndNow]);
        assert_eq!(end_after(&[10, 12]), (End::InOrder, true, false));
        assert_eq!(end_after(&[10, 12, 2_000]), (End::InOrder, true, true));
        assert_eq!(end_after(&[10, 12, 2_000, 2_500]), (End::InOrder, true, true));
        assert_eq!(end_after(&[10, 12, 2_000, 2_500, 4_000]), (End::Now, true, true));
    }
}
