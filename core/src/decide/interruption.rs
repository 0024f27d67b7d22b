//! What a signal asks for that tells a program to end.

use std::time::Duration;

/// Signals that come within this time of another are the same request. Programs that end others,
/// such as `timeout`, send one to the program and one to its process group.
pub const SAME_REQUEST: Duration = Duration::from_secs(1);

/// What to do about a request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Begin nothing new, finish what has begun, and record it.
    EndInOrder,
    /// End what has begun, and record what had ended before.
    EndNow,
}

/// Whether the signal that comes at `now` is part of the last request to end, which came at `last`.
/// Both are read from one clock that never goes back.
#[must_use]
pub fn is_same_request(last: Option<Duration>, now: Duration) -> bool {
    last.is_some_and(|last| now.saturating_sub(last) < SAME_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_another_request_only_when_it_comes_later_than_the_last() {
        let last = Duration::from_secs(40);
        let is_same_after = |wait: Duration| is_same_request(Some(last), last + wait);
        assert!(!is_same_request(None, last));
        assert!(is_same_after(Duration::ZERO));
        assert!(is_same_after(Duration::from_millis(999)));
        assert!(!is_same_after(SAME_REQUEST));
        assert!(!is_same_after(Duration::from_secs(3600)));
    }
}
