//! Waiting for what another process does.

use std::time::{Duration, Instant};

/// How long a test waits. Only a test that would fail anyway waits so long, so it may be longer
/// than the busiest machine needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(600);

/// Waits until `is_so`.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
