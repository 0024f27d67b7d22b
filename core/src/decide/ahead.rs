//! Instants from the future. A machine whose clock was wrong leaves them in records; they are named
//! and decide nothing, or one such run would hold the pipeline up for as long as it is ahead.

use chrono::{DateTime, TimeDelta, Utc};

/// By how much the clocks of two machines may differ.
pub const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// Longest time that a host may ask to be left alone for, with room to spare: a pause is cut to an
/// hour when it is noted. One that ends later was noted under another clock.
pub const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(24);

/// Whether `at`, when something is said to have happened, lies in the future.
pub fn is_ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    TOLERANCE < at.signed_duration_since(now)
}

/// `at`, unless it lies in the future.
pub fn past(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    at.filter(|&at| !is_ahead(at, now))
}

/// Whether a host that is paused `until` then is to be left alone at `now`.
pub fn is_paused(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now < until && until.signed_duration_since(now) <= LONGEST_PAUSE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_a_little_and_no_more() {
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
