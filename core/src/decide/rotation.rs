//! Chooses the ecosystem that runs in a slot.

use chrono::{DateTime, Utc};

use crate::model::{EcosystemId, SkipReason};

const HOUR: i64 = 60 * 60;

/// The state of one ecosystem at the start of a slot.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RotationCandidate {
    pub ecosystem: EcosystemId,
    pub last_served_at: Option<DateTime<Utc>>,
    pub obstacle: Option<SkipReason>,
}

/// What happens to a slot. Every slot leaves this record. If its owner cannot run, the least
/// recently served ecosystem uses it and so catches up on lost slots. It is skipped only when no
/// ecosystem can run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Slot {
    Ran(EcosystemId),
    FellThrough { from: EcosystemId, reason: SkipReason, to: EcosystemId },
    Skipped(Option<SkipReason>),
}

/// The ecosystem that owns the slot at `now`; `None` when there is no ecosystem.
pub fn owner(by_rank: &[RotationCandidate], now: DateTime<Utc>) -> Option<&EcosystemId> {
    turn(by_rank, now).map(|candidate| &candidate.ecosystem)
}

fn turn(by_rank: &[RotationCandidate], now: DateTime<Utc>) -> Option<&RotationCandidate> {
    by_rank.get(owner_rank(by_rank.len(), now)?)
}

/// The index, in rotation order, of the one of `n` ecosystems that owns the slot at `now`; `None` if
/// `n` is 0.
pub fn owner_rank(n: usize, now: DateTime<Utc>) -> Option<usize> {
    let n = i64::try_from(n).ok().filter(|&n| n > 0)?;
    let hour = now.timestamp().div_euclid(HOUR);
    usize::try_from(hour.rem_euclid(n)).ok()
}

/// The start of the first hour at `from` or later whose slot belongs to the ecosystem at index `rank`
/// of `n` ecosystems in rotation order. An hour that has begun does not count. `None` when there is no
/// such ecosystem, or the instant cannot be represented.
pub fn next_own_slot(rank: usize, n: usize, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if n <= rank {
        return None;
    }
    let (rank, n) = (i64::try_from(rank).ok()?, i64::try_from(n).ok()?);
    let seconds = from.timestamp();
    let hour = seconds.div_euclid(HOUR) + i64::from(seconds.rem_euclid(HOUR) > 0);
    let n_later = (rank - hour).rem_euclid(n);
    DateTime::from_timestamp(hour.checked_add(n_later)?.checked_mul(HOUR)?, 0)
}

/// The slot at `now`. `by_rank` contains every plugin in rotation order.
#[must_use]
pub fn slot(by_rank: &[RotationCandidate], now: DateTime<Utc>) -> Slot {
    let hour = now.timestamp().div_euclid(HOUR);
    let Some(turn) = turn(by_rank, now) else { return Slot::Skipped(None) };
    let served_in = turn.last_served_at.map(|at| at.timestamp().div_euclid(HOUR));
    let served = (served_in == Some(hour)).then_some(SkipReason::ServedThisHour);
    let Some(reason) = turn.obstacle.clone().or(served) else {
        return Slot::Ran(turn.ecosystem.clone());
    };
    let eligible = by_rank.iter().filter(|candidate| candidate.obstacle.is_none());
    match eligible.min_by_key(|candidate| candidate.last_served_at) {
        None => Slot::Skipped(Some(reason)),
        Some(next) if next.ecosystem == turn.ecosystem => Slot::Ran(next.ecosystem.clone()),
        Some(next) => {
            let (from, to) = (turn.ecosystem.clone(), next.ecosystem.clone());
            Slot::FellThrough { from, reason, to }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three ecosystems: `served` are the hours of their last runs, `!` marks an obstacle.
    #[track_caller]
    fn check(served: [&str; 3], hour: i64, expected: &str) {
        let at = |hour: i64| DateTime::from_timestamp(hour * HOUR, 0).unwrap();
        let candidate = |(id, served): (&'static str, &str)| RotationCandidate {
            ecosystem: EcosystemId::from_static(id),
            last_served_at: served.trim_end_matches('!').parse().ok().map(at),
            obstacle: served.ends_with('!').then_some(SkipReason::NothingEligible),
        };
        let by_rank = ["a", "b", "c"].into_iter().zip(served).map(candidate).collect::<Vec<_>>();
        let text = match slot(&by_rank, at(hour)) {
            Slot::Ran(id) => id.to_string(),
            Slot::FellThrough { from, reason, to } => format!("{from}={reason:?} {to}"),
            Slot::Skipped(reason) => format!("{reason:?}"),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn the_hour_decides_and_falls_through_to_the_least_recently_served() {
        check(["", "", ""], 3, "a");
        check(["", "", ""], 5, "c");
        check(["2", "1", "0!"], 5, "c=NothingEligible b");
        check(["2", "", "5"], 5, "c=ServedThisHour b");
    }

    #[test]
    fn a_slot_is_empty_only_when_nothing_is_eligible() {
        check(["!", "!", "5"], 5, "c");
        check(["5", "!", "!"], 5, "c=NothingEligible a");
        check(["!", "!", "5!"], 5, "Some(NothingEligible)");
    }

    #[test]
    fn the_next_own_slot_is_the_next_hour_in_which_the_ecosystem_is_the_owner() {
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let ids = ["a", "b", "c"].map(EcosystemId::from_static);
        let by_rank = ids.clone().map(|ecosystem| RotationCandidate {
            ecosystem,
            last_served_at: None,
            obstacle: None,
        });
        for seconds in [0, 1, HOUR - 1, HOUR, 5 * HOUR + 7, -1, -HOUR] {
            for (rank, id) in ids.iter().enumerate() {
                let next = next_own_slot(rank, 3, at(seconds)).unwrap();
                assert_eq!(owner(&by_rank, next), Some(id), "{seconds}");
                let waits = next - at(seconds);
                assert!((0..3 * HOUR).contains(&waits.num_seconds()), "{seconds}: {waits}");
                assert_eq!(next.timestamp().rem_euclid(HOUR), 0);
            }
        }
        assert_eq!(next_own_slot(3, 3, at(0)), None);
    }
}
