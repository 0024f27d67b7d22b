//! Code of a plugin runs beside the suite: it may panic, and it may never end.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tracing::subscriber::NoSubscriber;

/// Why code of a plugin gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GuardError {
    /// With what it said.
    Panicked(String),
    TooSlow(Duration),
}

impl std::fmt::Display for GuardError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panicked(said) => write!(f, "it panicked: {said}"),
            Self::TooSlow(limit) => write!(f, "it did not end within {} s", limit.as_secs_f64()),
        }
    }
}

/// What `work` gives within `limit` of real time. What does not end is left behind: nothing can
/// stop a thread.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GuardError> {
    within_on(thread::Builder::new(), limit, name, work)
}

/// The same on a thread that `builder` makes.
pub(super) fn within_on<T: Send + 'static>(
    builder: thread::Builder,
    limit: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GuardError> {
    let (sender, receiver) = mpsc::channel();
    let thread = builder.name(name.to_owned()).spawn(move || {
        // What is logged on a network that is not there is no news to anybody. Whoever waited may
        // have gone.
        let _ = sender.send(tracing::subscriber::with_default(NoSubscriber::default(), work));
    });
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => return Err(GuardError::Panicked(format!("no thread: {error}"))),
    };
    match receiver.recv_timeout(limit) {
        Ok(value) => Ok(value),
        Err(RecvTimeoutError::Timeout) => Err(GuardError::TooSlow(limit)),
        Err(RecvTimeoutError::Disconnected) => {
            let said = thread.join().err().map(|payload| said(&*payload));
            Err(GuardError::Panicked(said.unwrap_or_default()))
        }
    }
}

/// What this thread has had of a processor so far. Time on the wall grows with whatever else the
/// machine does; `None` where the system does not tell.
pub(super) fn processor_time() -> Option<Duration> {
    times().map(|(ran, _)| ran)
}

/// How long this thread has run so far, or waited for a processor: all of its time but that in
/// which it waited for something else.
pub(super) fn busy_time() -> Option<Duration> {
    times().map(|(ran, waited)| ran + waited)
}

/// How long this thread has run, and how long it has waited for a processor.
#[expect(clippy::disallowed_methods, reason = "the system's word about this thread is no state")]
fn times() -> Option<(Duration, Duration)> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
    Some((Duration::from_nanos(numbers.next()?), Duration::from_nanos(numbers.next()?)))
}

fn said(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn work_takes_processor_time_and_waiting_takes_none() {
        let since = |start| processor_time().unwrap().saturating_sub(start);
        let start = since(Duration::ZERO);
        let (_keep, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(Duration::from_millis(50));
        let waited = since(start);
        let start = since(Duration::ZERO);
        let n = (0..3_000_000_u64).fold(0, |n, i| std::hint::black_box(n ^ i));
        let worked = since(start);
        assert!(waited < worked, "{n}: {waited:?} is not less than {worked:?}");
    }

    #[test]
    fn panics_and_endless_work_are_distinguished_from_success() {
        let second = Duration::from_secs(1);
        assert_eq!(within(second, "fine", || 7), Ok(7));
        let panicked = within(second, "panics", || -> u8 { panic!("at the {}", "disco") });
        assert_eq!(panicked, Err(GuardError::Panicked("at the disco".to_owned())));
        let (_keep, never) = mpsc::channel::<()>();
        let limit = Duration::from_millis(5);
        let stuck = within(limit, "waits", move || never.recv().is_ok());
        assert_eq!(stuck, Err(GuardError::TooSlow(limit)));
    }
}
