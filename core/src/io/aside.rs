//! Work that would keep everything else from going on.

use tokio::runtime::Handle;

/// What `work` comes to, which may take long without ever waiting: to unpack and read a large file.
///
/// On a runtime it has a thread of its own, so that other requests, deadlines and Ctrl-C go on.
/// Without one, as on virtual time, which stands still meanwhile, it is done at once.
pub async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let Ok(runtime) = Handle::try_current() else { return work() };
    match runtime.spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Only a runtime that is being shut down gives work up, and it polls nobody any more.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn others_go_on_meanwhile() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (say, hear) = mpsc::channel();
        let both = async {
            let waits = aside(move || hear.recv().unwrap());
            let speaks = async { say.send(7).unwrap() };
            futures_util::future::join(waits, speaks).await.0
        };
        assert_eq!(runtime.block_on(both), 7);
    }

    #[test]
    fn virtual_time_needs_no_thread() {
        assert_eq!(aside(|| 7).now_or_never(), Some(7));
    }
}
