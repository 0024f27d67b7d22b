//! Decides which requests are repeated, and when.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::io::{HttpError, Method};

/// How often an exchange is tried, and how long to wait between the tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many tries follow the first one.
    pub n_more: u32,
    /// The longest wait before the second try. It doubles each time.
    pub base: Duration,
    /// Upper limit of the doubling.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { n_more: 3, base: Duration::from_secs(1), cap: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// The wait before the `n`-th further try, counted from 1. `jitter` is between 0 and 1 and
    /// chooses a part of the whole wait, so that clients that failed together do not return
    /// together.
    pub fn wait(&self, n: u32, jitter: f64) -> Duration {
        let doubled = self.base.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1)));
        doubled.min(self.cap).mul_f64(jitter.clamp(0.0, 1.0))
    }
}

/// Whether a second try may have another result. A request that changes something each time, such as
/// a POST, may have been processed although its answer was lost.
pub(crate) fn is_worth_another_try(method: Method, outcome: Result<u16, &HttpError>) -> bool {
    match (method.is_idempotent(), outcome) {
        (true, Ok(status)) => matches!(status, 408 | 425 | 429 | 500..=599),
        (false, Ok(status)) => status == 429,
        (true, Err(HttpError::Transport { .. } | HttpError::Truncated { .. })) => true,
        (false, Err(HttpError::Transport { source, .. })) => source.is_before_sending(),
        (_, Err(_)) => false,
    }
}

/// Reads `Retry-After`: a number of seconds, or an HTTP date in one of its three forms. A date in
/// the past means no wait. `None` for any other text.
pub(crate) fn retry_after(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large means a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    Some((http_date(text)? - now).to_std().unwrap_or_default())
}

/// Reads an HTTP date, see RFC 9110, 5.6.7.
pub(crate) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(text).ok().map(DateTime::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::io::{TransportError, TransportErrorKind};

    /// One second before the date in the examples of RFC 9110.
    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(784_111_776)
    }

    #[track_caller]
    fn check(text: &str, secs: Option<u64>) {
        assert_eq!(retry_after(text, now()), secs.map(Duration::from_secs), "{text:?}");
    }

    #[test]
    fn a_wait_may_be_given_in_seconds() {
        check("30", Some(30));
        check(" 0 ", Some(0));
        check("99999999999999999999999", Some(u64::MAX));
        for nonsense in ["", "-5", "+5", "1.5", "1e3", "soon", "30s", "٣"] {
            check(nonsense, None);
        }
    }

    #[test]
    fn a_wait_may_be_given_as_any_http_date() {
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(1));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(1));
        check("Sun Nov  6 08:49:37 1994", Some(1));
        check("Wed Nov 16 08:49:37 1994", Some(864_001));
        check("Sun, 06 Nov 1994 08:49:00 GMT", Some(0));
        check("Sun, 31 Feb 1994 08:49:37 GMT", None);
        check("Sun, 06 Nov 1994 08:49:37 +0100", None);
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = RetryPolicy::default();
        let secs = [1, 2, 3, 6, 99].map(|n| policy.wait(n, 1.0).as_secs());
        assert_eq!(secs, [1, 2, 4, 30, 30]);
        assert_eq!(policy.wait(3, 0.5), Duration::from_secs(2));
    }

    #[track_caller]
    fn check_break(kind: TransportErrorKind, may_post_again: bool) {
        let url = "https://a.example/".parse().unwrap();
        let error = HttpError::Transport { url, source: TransportError::new(kind, "why") };
        for method in [Method::Get, Method::Put] {
            assert!(is_worth_another_try(method, Err(&error)), "{method:?} {kind:?}");
        }
        for method in [Method::Post, Method::Patch] {
            let may = is_worth_another_try(method, Err(&error));
            assert_eq!(may, may_post_again, "{method:?} {kind:?}");
        }
    }

    #[test]
    fn a_post_that_may_have_arrived_is_not_sent_again() {
        check_break(TransportErrorKind::Dns, true);
        check_break(TransportErrorKind::Tls, true);
        check_break(TransportErrorKind::Connect, true);
        check_break(TransportErrorKind::Timeout, false);
        check_break(TransportErrorKind::Body, false);
        check_break(TransportErrorKind::Other, false);
        let may = |method, status| is_worth_another_try(method, Ok(status));
        for method in [Method::Post, Method::Patch] {
            assert!(may(method, 429) && !may(method, 503), "{method:?}");
        }
        for status in [408, 425, 429, 500, 503, 522] {
            assert!(may(Method::Get, status) && may(Method::Put, status), "{status}");
        }
        for status in [200, 304, 400, 401, 403, 404, 410, 416, 451] {
            assert!(!may(Method::Get, status), "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}") {
            let _ = retry_after(&text, now());
        }
    }
}
