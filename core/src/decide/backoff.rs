//! How long a failed package waits.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Waiting times after failures in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// After the first, second, third structural failure.
    pub structural: [Duration; 3],
    /// After every further structural failure.
    pub structural_longest: Duration,
    /// After the first failure for which the package was not to blame. It doubles each time.
    pub fault: Duration,
    /// Upper limit of the doubling.
    pub fault_longest: Duration,
}

impl Default for BackoffPolicy {
    fn default() -> Self {
        Self {
            structural: [24 * HOUR, 72 * HOUR, 7 * 24 * HOUR],
            structural_longest: 30 * 24 * HOUR,
            fault: HOUR,
            fault_longest: 24 * HOUR,
        }
    }
}

impl BackoffPolicy {
    /// Wait after the `n`-th structural failure in a row; `n` counts from 1.
    pub fn after_structural(&self, n: u32) -> Duration {
        let index = usize::try_from(n.saturating_sub(1)).unwrap_or(usize::MAX);
        self.structural.get(index).copied().unwrap_or(self.structural_longest)
    }

    /// Waiting time after the `n`-th failure in a row for which the package was not to blame.
    pub fn after_fault(&self, n: u32) -> Duration {
        doubling(self.fault, self.fault_longest, n)
    }
}

/// When `wait` has passed since `at`; the last instant that there is where that is beyond it. Records
/// may tell of any instant.
pub(crate) fn later(at: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let end = TimeDelta::from_std(wait).ok().and_then(|wait| at.checked_add_signed(wait));
    end.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// `first`, twice that, … for `n` = 1, 2, …; at most `longest`.
pub(crate) fn doubling(first: Duration, longest: Duration, n: u32) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(n.saturating_sub(1))).min(longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn retries_wait_as_long_as_the_table_says() {
        let policy = BackoffPolicy::default();
        let hours = |wait: Duration| wait.as_secs() / 3600;
        assert_eq!(
            [1, 2, 3, 4, 5].map(|n| hours(policy.after_structural(n))),
            [24, 72, 168, 720, 720]
        );
        assert_eq!([1, 2, 5, 6, 7].map(|n| hours(policy.after_fault(n))), [1, 2, 16, 24, 24]);
    }

    #[test]
    fn a_wait_after_the_last_instants_ends_with_them() {
        let (hour, last) = (Duration::from_secs(3600), DateTime::<Utc>::MAX_UTC);
        assert_eq!(later(DateTime::UNIX_EPOCH, hour), DateTime::UNIX_EPOCH + hour);
        assert_eq!(later(last - TimeDelta::minutes(1), hour), last);
        assert_eq!(later(DateTime::UNIX_EPOCH, Duration::MAX), last);
    }

    proptest! {
        #[test]
        fn more_failures_in_a_row_never_wait_less(n in 0..10_000_u32, more in 0..10_000_u32) {
            let policy = BackoffPolicy::default();
            prop_assert!(policy.after_structural(n) <= policy.after_structural(n + more));
            prop_assert!(policy.after_fault(n) <= policy.after_fault(n + more));
        }
    }
}
