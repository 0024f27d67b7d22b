//! Work that would block everything else.

use tokio::runtime::Handle;

/// The result of `work`, which may take long without ever waiting, for example to decompress and
/// read a large file.
///
/// In a runtime it gets a thread of its own, so that other requests, deadlines and Ctrl-C continue.
/// Without a runtime, for example on virtual time, it is done at once.
pub async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let Ok(runtime) = Handle::try_current() else { return work() };
    match runtime.spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Only a runtime that is shutting down cancels work, and it polls no future any more.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn other_tasks_continue_during_blocking_work() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (say, hear) = mpsc::channel();
        let both = async {
            let waits = run_blocking(move || hear.recv().unwrap());
            let speaks = async { say.send(7).unwrap() };
            futures_util::future::join(waits, speaks).await.0
        };
        assert_eq!(runtime.block_on(both), 7);
    }

    #[test]
    fn virtual_time_needs_no_thread() {
        assert_eq!(run_blocking(|| 7).now_or_never(), Some(7));
    }
}
