//! The pull requests of a simulation, and a forge that merges them.
//!
//! A forge merges a pull request as soon as the checks of its newest commit are green. Who pushes the
//! state merges it into the branches of open pull requests, which starts their checks again.

use batch_core::{
    decide::pull_request::{Hold, HoldPolicy, WaitingPullRequest, hold},
    model::{BatchId, RecipeName},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::scenario::Period;

/// How the pull requests of a simulation are merged.
#[derive(Debug, Clone)]
pub struct PullRequests {
    /// How long checks take.
    pub checks: TimeDelta,
    /// The pull request, by its number from 1, whose checks are red; all others are green.
    pub red: Option<u64>,
    /// The first pull request that is opened in this period is merged by nobody before its end.
    pub unmerged: Option<Period>,
    /// Whether a forge merges only what is up to date with main, so that each merged pull request keeps
    /// the others from being merged until they are brought up to date.
    pub strict: bool,
    /// When the state waits for a pull request.
    pub hold: HoldPolicy,
}

impl Default for PullRequests {
    fn default() -> Self {
        Self {
            checks: TimeDelta::minutes(10),
            red: None,
            unmerged: None,
            strict: false,
            hold: HoldPolicy::default(),
        }
    }
}

/// A forge. All instants are those of a clock that is never set back.
pub(super) struct Forge {
    rules: PullRequests,
    /// The oldest first.
    open: Vec<PullRequest>,
    n_opened: u64,
    /// Whether some pull request has been left unmerged, which happens once.
    has_left_one: bool,
}

/// An open pull request.
#[derive(Debug, Clone)]
pub(super) struct PullRequest {
    pub(super) number: u64,
    pub(super) batch: BatchId,
    pub(super) recipes: Vec<(RecipeName, String)>,
    pub(super) opened_at: DateTime<Utc>,
    /// When the checks of its newest commit started.
    checks_since: DateTime<Utc>,
    /// How often main was merged into it since checks of it came to an end.
    updates: u32,
    /// Whether something was merged since it was up to date.
    is_behind: bool,
    /// Nobody merges it before.
    left_until: Option<DateTime<Utc>>,
}

impl PullRequest {
    /// Whether it was left unmerged for some time.
    pub(super) fn was_left(&self) -> bool {
        self.left_until.is_some()
    }
}

impl Forge {
    pub(super) fn new(rules: PullRequests) -> Self {
        Self { rules, open: vec![], n_opened: 0, has_left_one: false }
    }

    pub(super) fn open_ones(&self) -> &[PullRequest] {
        &self.open
    }

    pub(super) fn n_opened(&self) -> u64 {
        self.n_opened
    }

    /// Opens a pull request, whose branch begins at the newest main, at `now`.
    pub(super) fn open(
        &mut self,
        batch: BatchId,
        recipes: Vec<(RecipeName, String)>,
        now: DateTime<Utc>,
    ) {
        let unmerged = self.rules.unmerged.filter(|it| !self.has_left_one && it.contains(now));
        self.has_left_one |= unmerged.is_some();
        self.n_opened += 1;
        self.open.push(PullRequest {
            number: self.n_opened,
            batch,
            recipes,
            opened_at: now,
            checks_since: now,
            updates: 0,
            is_behind: false,
            left_until: unmerged.map(|period| period.until),
        });
    }

    /// Takes the pull request away whose checks are red by `now`. The caller closes it.
    pub(super) fn red(&mut self, now: DateTime<Utc>) -> Option<PullRequest> {
        let is_red = |pull: &PullRequest| {
            Some(pull.number) == self.rules.red && self.are_checked_at(pull) <= now
        };
        let i = self.open.iter().position(is_red)?;
        Some(self.open.remove(i))
    }

    /// Merges what can be merged until `now`, in the order of time. Returns it, each with when it was
    /// merged.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) -> Vec<(PullRequest, DateTime<Utc>)> {
        let mut merged = vec![];
        loop {
            let mergeable = self.open.iter().enumerate();
            let mergeable = mergeable
                .filter(|(_, pull)| !pull.is_behind && Some(pull.number) != self.rules.red);
            let first = mergeable.map(|(i, pull)| (self.mergeable_at(pull), i)).min();
            let Some((at, i)) = first.filter(|(at, _)| *at <= now) else { return merged };
            merged.push((self.open.remove(i), at));
            for pull in self.open.iter_mut().filter(|_| self.rules.strict) {
                pull.is_behind = true;
            }
        }
    }

    /// When `pull` is merged, if nothing happens to its branch before.
    fn mergeable_at(&self, pull: &PullRequest) -> DateTime<Utc> {
        let is_green_at = self.are_checked_at(pull);
        pull.left_until.map_or(is_green_at, |until| is_green_at.max(until))
    }

    fn are_checked_at(&self, pull: &PullRequest) -> DateTime<Utc> {
        pull.checks_since + self.rules.checks
    }

    /// Whether the state is pushed at `now`. By the clock of the pipeline it is `by_clock`, and the oldest
    /// batch that is not pushed started at `oldest`.
    pub(super) fn hold(
        &self,
        now: DateTime<Utc>,
        (oldest, by_clock): (DateTime<Utc>, DateTime<Utc>),
    ) -> Hold {
        // One that a person has to merge would be waited for in vain.
        let by_itself = |pull: &&PullRequest| pull.left_until.is_none_or(|until| until <= now);
        let waiting = self.open.iter().filter(by_itself).map(|pull| {
            let has_ended = self.are_checked_at(pull) <= now;
            let updates = if has_ended { 0 } else { pull.updates };
            WaitingPullRequest { number: pull.number, updates, was_waited_for: false }
        });
        hold(&waiting.collect::<Vec<_>>(), oldest, by_clock, &self.rules.hold)
    }

    /// The state is pushed at `now`, and what is open is brought up to date.
    pub(super) fn pushed(&mut self, now: DateTime<Utc>) {
        let checks = self.rules.checks;
        for pull in &mut self.open {
            let has_ended = pull.checks_since + checks <= now;
            pull.updates = if has_ended { 1 } else { pull.updates.saturating_add(1) };
            (pull.checks_since, pull.is_behind) = (now, false);
        }
    }

    /// The longest time that a pull request of this forge waits although the state waits for it: so long
    /// take its checks after it was opened, after each update that does not make the state wait, and once
    /// more if a clock that is set back ends the wait. `None` if the state does not wait as long as checks
    /// take.
    pub(super) fn bound(&self) -> Option<TimeDelta> {
        let PullRequests { checks, hold: HoldPolicy { after_updates, longest, .. }, .. } =
            &self.rules;
        let times = i32::try_from(*after_updates).ok()?.checked_add(2)?;
        (checks <= longest).then(|| *checks * times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(n)
    }

    fn forge(checks: i64, change: impl FnOnce(&mut PullRequests)) -> Forge {
        let checks = TimeDelta::minutes(checks);
        let mut rules = PullRequests { checks, ..PullRequests::default() };
        change(&mut rules);
        Forge::new(rules)
    }

    fn open(forge: &mut Forge, at: i64) {
        forge.open(format!("npm-2026-01-01T00-{at:02}-00Z").parse().unwrap(), vec![], minute(at));
    }

    /// Numbers and minutes of what is merged until the minute `until`.
    fn merged(forge: &mut Forge, until: i64) -> Vec<(u64, i64)> {
        let merged = forge.settle(minute(until)).into_iter();
        merged.map(|(pull, at)| (pull.number, (at - minute(0)).num_minutes())).collect()
    }

    #[test]
    fn it_is_merged_when_the_checks_of_its_newest_commit_have_ended() {
        let mut forge = forge(10, |_| ());
        open(&mut forge, 0);
        open(&mut forge, 5);
        assert_eq!(merged(&mut forge, 9), []);
        forge.pushed(minute(9));
        assert_eq!(merged(&mut forge, 18), []);
        assert_eq!(merged(&mut forge, 60), [(1, 19), (2, 19)]);
        assert_eq!((forge.n_opened(), forge.open_ones().len()), (2, 0));
    }

    #[test]
    fn the_first_one_of_a_period_stays_open_until_its_end() {
        let period = Period { from: minute(3), until: minute(50) };
        let mut forge = forge(10, |rules| rules.unmerged = Some(period));
        for at in [0, 5, 6] {
            open(&mut forge, at);
        }
        assert_eq!(merged(&mut forge, 49), [(1, 10), (3, 16)]);
        forge.pushed(minute(45));
        assert!(forge.open_ones()[0].was_left());
        // The state waits for what would be merged by itself.
        for _ in 0..9 {
            forge.pushed(minute(49));
        }
        let at = |n| (minute(n), minute(n));
        assert_eq!(forge.hold(minute(49), at(49)), Hold::Push);
        assert!(matches!(forge.hold(minute(50), at(50)), Hold::Wait { number: 2, .. }));
        assert_eq!(merged(&mut forge, 60), [(2, 59)]);
    }

    #[test]
    fn red_checks_are_told_when_they_have_ended_and_are_never_merged() {
        let mut forge = forge(10, |rules| rules.red = Some(1));
        open(&mut forge, 0);
        open(&mut forge, 1);
        assert!(forge.red(minute(9)).is_none());
        assert_eq!(merged(&mut forge, 30), [(2, 11)]);
        assert_eq!(forge.red(minute(30)).map(|pull| pull.number), Some(1));
        assert_eq!(forge.open_ones().len(), 0);
    }

    #[test]
    fn under_strict_protection_one_is_merged_between_two_updates() {
        let mut forge = forge(10, |rules| rules.strict = true);
        open(&mut forge, 0);
        open(&mut forge, 0);
        assert_eq!(merged(&mut forge, 60), [(1, 10)]);
        forge.pushed(minute(60));
        assert_eq!(merged(&mut forge, 99), [(2, 70)]);
    }

    #[test]
    fn what_was_updated_often_enough_without_a_result_makes_the_state_wait() {
        let mut forge = forge(90, |_| ());
        open(&mut forge, 0);
        let at = |n| (minute(n), minute(n));
        for n in [1, 2, 3] {
            assert_eq!(forge.hold(minute(n), at(n)), Hold::Push);
            forge.pushed(minute(n));
        }
        assert!(matches!(forge.hold(minute(92), at(92)), Hold::Wait { number: 1, .. }));
        // Checks that came to an end begin a new count.
        assert_eq!(forge.hold(minute(93), at(93)), Hold::Push);
        assert_eq!(forge.bound(), Some(TimeDelta::minutes(5 * 90)));
    }
}
