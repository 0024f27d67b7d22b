//! Decides whether the state waits for a pull request.
//!
//! Under strict protection a pull request is merged only if it is up to date with main. Each commit of
//! the state makes it fall behind, updating it starts its checks again, and if they take longer than the
//! time between two runs, it would never be merged. So the state waits, for a limited time, for a pull
//! request that was updated several times without its checks coming to an end.

use chrono::{DateTime, TimeDelta, Utc};

/// When the state waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldPolicy {
    /// The state waits for a pull request that was updated so often without a result of its checks.
    pub after_updates: u32,
    /// The longest time that the state waits.
    pub longest: TimeDelta,
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self { after_updates: 3, longest: TimeDelta::hours(6) }
    }
}

/// A pull request that waits for its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPullRequest {
    /// Its number.
    pub number: u64,
    /// How often main was merged into it since its checks came to an end, or since it was opened.
    pub updates: u32,
    /// Whether one of these updates was left alone as long as the state waits, and its checks did not come
    /// to an end all the same. Waiting once more would be of no use.
    pub was_waited_for: bool,
}

/// Whether the state is pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// It is pushed now.
    Push,
    /// It waits until this pull request is merged, but not longer than until then.
    Wait {
        /// The number of the pull request.
        number: u64,
        /// The end of the wait.
        until: DateTime<Utc>,
    },
}

/// Whether the state is pushed at `now` although the pull requests `waiting` are open. `oldest` is the
/// start of the oldest batch that is not pushed yet.
pub fn hold(
    waiting: &[WaitingPullRequest],
    oldest: DateTime<Utc>,
    now: DateTime<Utc>,
    policy: &HoldPolicy,
) -> Hold {
    let until = oldest.checked_add_signed(policy.longest).unwrap_or(now);
    let is_starved =
        |it: &&WaitingPullRequest| policy.after_updates <= it.updates && !it.was_waited_for;
    let starved = waiting.iter().find(is_starved);
    match starved {
        // A clock that was set back does not make the wait longer.
        Some(it) if now < until && oldest <= now => Hold::Wait { number: it.number, until },
        Some(_) | None => Hold::Push,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n * 3600, 0).unwrap()
    }

    #[test]
    fn the_state_waits_for_a_pull_request_that_it_keeps_from_its_checks_and_not_for_ever() {
        let policy = HoldPolicy::default();
        let of = |updates, now| {
            let waiting = [WaitingPullRequest { number: 7, updates, was_waited_for: false }];
            hold(&waiting, hour(10), hour(now), &policy)
        };
        assert_eq!(of(2, 10), Hold::Push);
        assert_eq!(of(3, 10), Hold::Wait { number: 7, until: hour(16) });
        assert_eq!(of(9, 15), Hold::Wait { number: 7, until: hour(16) });
        assert_eq!(of(9, 16), Hold::Push);
        assert_eq!(of(9, 5), Hold::Push, "the clock was set back");
        assert_eq!(hold(&[], hour(10), hour(11), &policy), Hold::Push);
        // Its checks never end.
        let stuck = [WaitingPullRequest { number: 7, updates: 9, was_waited_for: true }];
        assert_eq!(hold(&stuck, hour(10), hour(10), &policy), Hold::Push);
    }

    /// A pull request whose checks take 90 minutes, and a state commit each hour.
    #[test]
    fn with_slow_checks_and_a_commit_each_hour_the_pull_request_is_merged() {
        let policy = HoldPolicy::default();
        let checks = TimeDelta::minutes(90);
        let mut checks_since = hour(0);
        let (mut updates, mut outbox, mut n_waits) = (0, vec![], 0);
        for slot in 1..=24 {
            let now = hour(slot);
            outbox.push(now);
            if checks_since + checks <= now {
                assert!(n_waits <= 6, "the state waited for {n_waits} hours");
                return;
            }
            let waiting = [WaitingPullRequest { number: 1, updates, was_waited_for: false }];
            match hold(&waiting, outbox[0], now, &policy) {
                Hold::Push => {
                    outbox.clear();
                    updates += 1;
                    checks_since = now;
                }
                Hold::Wait { .. } => n_waits += 1,
            }
        }
        panic!("it was never merged");
    }
}
