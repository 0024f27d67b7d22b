//! Entries of queues that contradict the rest of the root.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

use super::{Finding, FindingCode, Place};
use crate::{
    decide::ahead,
    model::{BatchId, PackageName, QueueEntry, Status},
};

/// A waiting time that ended so long before its entry was queued was computed wrongly. An imported
/// entry may be queued after its last attempt.
const LONG_BEFORE: TimeDelta = TimeDelta::days(365);

/// Fewer entries without recipes than this can be meant.
const FEW_WITHOUT_RECIPE: usize = 20;

/// What entries are compared with.
#[derive(Clone, Copy)]
pub struct EntryCheck<'a> {
    /// The time of the examination.
    pub now: DateTime<Utc>,
    /// The longest time for which an entry may wait after an attempt.
    pub longest_wait: TimeDelta,
    /// Whether entries without recipes may be made pending. If most recipes are missing, the recipes
    /// are to be restored, and not the entries to be changed.
    pub may_reset: bool,
    /// Whether a batch is recorded, or kept for a push.
    pub is_known: &'a dyn Fn(&BatchId) -> bool,
}

impl EntryCheck<'_> {
    /// What is wrong with `entry`, which would be `reconciled` if a run started now; `None` if it would
    /// not change.
    pub fn entry(
        &self,
        at: Place<'_>,
        entry: &QueueEntry,
        reconciled: Option<&QueueEntry>,
    ) -> Vec<Finding> {
        let id = entry.id.to_string();
        let found = |code, message| Finding::new(code, at, &id, message);
        let mut findings = vec![];
        if let Some((code, why)) = reconciled.and_then(|after| contradiction(entry, after)) {
            let finding = found(code, format!("{id} {why}"));
            let is_lost = code == FindingCode::SuccessWithoutRecipe && !self.may_reset;
            findings.push(if is_lost { recipes_are_lost(finding) } else { finding });
        }
        if let Some(until) = self.absurd_retry(entry) {
            let message = format!("{id} is to be tried again at {}", until.trunc_subsecs(0));
            findings.push(found(FindingCode::RetryTimeAbsurd, message));
        }
        if let Status::InProgress { batch } = &entry.status
            && !(self.is_known)(batch)
        {
            let message =
                format!("{id} is in the pull request of {batch}, of which nothing is known");
            findings.push(found(FindingCode::InProgressWithoutBatch, message));
        }
        let past = [
            ("added_at", Some(entry.added_at)),
            ("last_attempt_at", entry.last_attempt_at),
            ("last_probe_at", entry.last_probe_at),
            ("verified_at", entry.verified_at),
            ("regressed_at", entry.regressed_at),
        ];
        let is_ahead = |at: &DateTime<Utc>| ahead::is_ahead(*at, self.now);
        for (field, instant) in past {
            if let Some(instant) = instant.filter(is_ahead) {
                let message = format!("{id}: {field} is {}", instant.trunc_subsecs(0));
                findings.push(found(FindingCode::RecordAhead, message));
            }
        }
        findings
    }

    /// When `entry` is to be tried again, if that is before it was queued, or later than any policy
    /// says.
    fn absurd_retry(&self, entry: &QueueEntry) -> Option<DateTime<Utc>> {
        let until = entry.next_retry_at?;
        let is_early = LONG_BEFORE < entry.added_at.signed_duration_since(until);
        let is_late = self.longest_wait + ahead::TOLERANCE < until.signed_duration_since(self.now);
        (is_early || is_late).then_some(until)
    }
}

/// Whether so many of the entries that count as done may be made pending, given how many of them have no
/// recipe.
pub fn may_reset(n_done: usize, n_without_recipe: usize) -> bool {
    n_without_recipe <= FEW_WITHOUT_RECIPE || n_without_recipe < n_done.div_ceil(2)
}

fn recipes_are_lost(finding: Finding) -> Finding {
    let remedy =
        "most recipes are missing: restore recipes/ from version control before anything runs";
    Finding { remedy: remedy.to_owned(), ..finding.not_fixable() }
}

/// What contradicts the recipes that exist, and why.
fn contradiction(entry: &QueueEntry, after: &QueueEntry) -> Option<(FindingCode, String)> {
    match (&entry.status, &after.status) {
        (Status::Success, Status::Pending) => {
            let recipe = match &entry.recipe {
                Some(recipe) => format!("its recipe {recipe}"),
                None => "a recipe of it".to_owned(),
            };
            let why = format!("counts as done, and {recipe} does not exist");
            Some((FindingCode::SuccessWithoutRecipe, why))
        }
        (Status::Blocked { by }, Status::Pending) if by.is_empty() => {
            let why = "is blocked, and nothing says by what".to_owned();
            Some((FindingCode::BlockedWithoutBlocker, why))
        }
        (Status::Blocked { by }, Status::Pending | Status::Success) => {
            let names: Vec<&str> = by.iter().map(PackageName::as_str).collect();
            let why = format!("waits for {}, and all of them have recipes", names.join(", "));
            Some((FindingCode::BlockedByRecipe, why))
        }
        _ => None,
    }
}

/// `entry` as a repair leaves it; `None` if there is nothing to repair.
pub fn mended_entry(
    check: &EntryCheck<'_>,
    entry: &QueueEntry,
    reconciled: Option<&QueueEntry>,
) -> Option<QueueEntry> {
    let contradicts = |after: &&QueueEntry| {
        contradiction(entry, after)
            .is_some_and(|(code, _)| code != FindingCode::SuccessWithoutRecipe || check.may_reset)
    };
    let mut mended = reconciled.filter(contradicts).unwrap_or(entry).clone();
    if check.absurd_retry(&mended).is_some() {
        mended.next_retry_at = None;
    }
    (mended != *entry).then_some(mended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records;

    fn entry(status: Status) -> QueueEntry {
        let entry = records::queue([("a", 1, 0)]).into_values().next().unwrap();
        QueueEntry { status, ..entry }
    }

    fn check(now: DateTime<Utc>) -> EntryCheck<'static> {
        EntryCheck { now, longest_wait: TimeDelta::days(30), may_reset: true, is_known: &|_| false }
    }

    #[test]
    fn a_waiting_time_is_absurd_before_the_beginning_and_after_the_longest_wait() {
        let mut entry = entry(Status::Failed);
        let now = entry.added_at + TimeDelta::days(1);
        let at = Place { file: "f", line: 1 };
        let codes = |entry: &QueueEntry| {
            let found = check(now).entry(at, entry, None);
            found.into_iter().map(|it| it.code).collect::<Vec<_>>()
        };
        for (days, is_absurd) in
            [(-90_000, true), (-367, true), (-366, false), (30, false), (31, true)]
        {
            entry.next_retry_at = Some(now + TimeDelta::days(days));
            let expected = if is_absurd { vec![FindingCode::RetryTimeAbsurd] } else { vec![] };
            assert_eq!(codes(&entry), expected, "{days}");
            let mended = mended_entry(&check(now), &entry, None);
            assert_eq!(mended.is_some(), is_absurd, "{days}");
            assert!(mended.is_none_or(|it| it.next_retry_at.is_none()));
        }
    }

    #[test]
    fn entries_are_not_reset_when_the_recipes_are_gone() {
        for (n_done, n_without, expected) in
            [(20, 20, true), (21, 21, false), (100, 50, false), (100, 49, true), (0, 0, true)]
        {
            assert_eq!(may_reset(n_done, n_without), expected, "{n_done} {n_without}");
        }
    }

    #[test]
    fn only_what_contradicts_the_recipes_is_repaired() {
        let waits = entry(Status::Blocked { by: vec!["z".parse().unwrap()] });
        let free = QueueEntry { status: Status::Pending, ..waits.clone() };
        let now = free.added_at;
        assert_eq!(mended_entry(&check(now), &waits, Some(&free)), Some(free.clone()));
        let done = entry(Status::Success);
        let named = QueueEntry { recipe: Some("a".parse().unwrap()), ..done.clone() };
        assert_eq!(mended_entry(&check(now), &done, Some(&named)), None, "the next run learns it");
        let mended = mended_entry(&check(now), &done, Some(&free));
        assert_eq!(mended.map(|it| it.status), Some(Status::Pending));
        let lost = EntryCheck { may_reset: false, ..check(now) };
        assert_eq!(mended_entry(&lost, &done, Some(&free)), None, "its recipe may come back");
        assert!(mended_entry(&lost, &waits, Some(&free)).is_some());
    }
}
