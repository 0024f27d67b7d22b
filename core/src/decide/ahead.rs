//! Instants in the future. A machine with a wrong clock can leave them in records. They are
//! reported and never used in a decision; otherwise one such run would stop the pipeline until that
//! time.

use chrono::{DateTime, TimeDelta, Utc};

/// How much the clocks of two machines may differ.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Longest pause that is accepted from a host, with a margin: a pause is limited to an hour when it
/// is stored. A pause that ends later was stored under a wrong clock.
pub const MAX_PAUSE: TimeDelta = TimeDelta::hours(24);

/// Whether `at`, the time of a past event, lies in the future.
pub fn is_ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    TOLERANCE < at.signed_duration_since(now)
}

/// `at`, or `None` if it lies in the future.
pub fn past(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at.filter(|&at| !is_ahead(at, now))
}

/// Whether a host that is paused until `until` must not be asked at `now`.
pub fn is_paused(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now < until && until.signed_duration_since(now) <= MAX_PAUSE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_clock_differences_are_accepted_and_larger_ones_are_not() {
        let now = DateTime::UNIX_EPOCH;
        assert!(!is_ahead(now + TOLERANCE, now));
        assert!(is_ahead(now + TOLERANCE + TimeDelta::seconds(1), now));
        assert!(is_ahead(DateTime::<Utc>::MAX_UTC, now));
        assert!(!is_ahead(DateTime::<Utc>::MIN_UTC, now));
        assert_eq!(past(Some(now + TimeDelta::days(1)), now), None);
        assert!(is_paused(now + TimeDelta::hours(1), now));
        assert!(!is_paused(now, now));
        assert!(!is_paused(now + TimeDelta::days(300), now));
    }
}
