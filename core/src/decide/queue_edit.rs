//! What an operator changes in the entries of queues.

use chrono::{DateTime, SubsecRound as _, Utc};

use crate::{
    decide::shell_word::shell_word,
    model::{
        BatchId, OperatorAction, OperatorChange, PackageId, PackageName, QueueEntry, Status, Tier,
    },
};

/// A change that an operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// The entry is due at once, although it waits after a failure.
    Retry,
    /// It is excluded for good.
    Exclude,
    /// It may be attempted, although it waits for recipes or for a person, or is excluded.
    Unblock,
    /// It gets this tier.
    SetTier(Tier),
}

/// Who asks for a change, when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// When.
    pub at: DateTime<Utc>,
    /// Who, if that is known.
    pub by: Option<String>,
    /// Why, in one line, if a reason is given.
    pub reason: Option<String>,
}

/// An entry cannot be changed in the requested way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPossible {
    /// Why, as a sentence without full stop.
    pub why: String,
    /// What can be done, as a command to paste.
    pub command: Option<String>,
}

impl Operator {
    fn change(&self, action: OperatorAction) -> OperatorChange {
        let Self { at, by, reason } = self.clone();
        OperatorChange { action, at: at.trunc_subsecs(0), by, reason, released: false }
    }

    /// The same for an entry that was changed before. It stays released, unless it is excluded now.
    fn change_after(&self, action: OperatorAction, entry: &QueueEntry) -> OperatorChange {
        let was_released = entry.operator_change.as_ref().is_some_and(OperatorChange::is_release);
        let released = was_released && action != OperatorAction::Excluded;
        OperatorChange { released, ..self.change(action) }
    }
}

/// A new entry of `id`.
#[must_use]
pub fn added(id: PackageId, tier: Tier, operator: &Operator) -> QueueEntry {
    let operator_change = Some(operator.change(OperatorAction::Added));
    QueueEntry { operator_change, ..QueueEntry::new(id, tier, operator.at) }
}

/// `entry` after `edit`; `None` if it is so already. What an operator changes is never undone by a
/// run; only another operator does that.
pub fn edited(
    entry: &QueueEntry,
    edit: Edit,
    operator: &Operator,
) -> Result<Option<QueueEntry>, NotPossible> {
    let (action, changed) = match edit {
        Edit::Retry => (OperatorAction::Retried, retried(entry)?),
        Edit::Exclude => (OperatorAction::Excluded, excluded(entry, operator)),
        Edit::Unblock => (OperatorAction::Unblocked, unblocked(entry)?),
        Edit::SetTier(tier) => (OperatorAction::TierSet, QueueEntry { tier, ..entry.clone() }),
    };
    let operator_change = Some(operator.change_after(action, entry));
    Ok((changed != *entry).then_some(QueueEntry { operator_change, ..changed }))
}

/// `entry` after its recipe was taken back with `batch`: a person has to decide whether it is made again.
#[must_use]
pub fn rolled_back(entry: &QueueEntry, batch: &BatchId, operator: &Operator) -> QueueEntry {
    let reason = format!("its recipe was rolled back with batch {batch}");
    QueueEntry {
        status: Status::RequiresManual { reason },
        next_retry_at: None,
        recipe: None,
        restriction: None,
        operator_change: Some(operator.change(OperatorAction::RolledBack)),
        ..entry.clone()
    }
}

/// The command that makes `entry` due, if `entry` is one that failed.
pub fn retry_command<'a>(failed: impl IntoIterator<Item = &'a PackageId>) -> Option<String> {
    let words: Vec<String> = failed.into_iter().map(|id| shell_word(&id.to_string())).collect();
    (!words.is_empty()).then(|| format!("tsuku-batch queue retry {}", words.join(" ")))
}

/// The status of a failed entry stays: a recipe that stopped working would otherwise count as a
/// recipe that works.
fn retried(entry: &QueueEntry) -> Result<QueueEntry, NotPossible> {
    match &entry.status {
        Status::Pending | Status::Failed => Ok(QueueEntry { next_retry_at: None, ..entry.clone() }),
        Status::InProgress { batch } => Err(in_progress(batch)),
        Status::Success => Err(NotPossible {
            why: "its recipe exists".to_owned(),
            command: Some(format!("tsuku-batch try {}", shell_word(&entry.id.to_string()))),
        }),
        Status::Blocked { by } => {
            let names: Vec<&str> = by.iter().map(PackageName::as_str).collect();
            Err(held(entry, format!("it waits for the recipes of {}", names.join(", "))))
        }
        Status::RequiresManual { reason } => {
            Err(held(entry, format!("a person has to decide: {reason}")))
        }
        Status::Excluded { reason } => Err(held(entry, format!("it is excluded: {reason}"))),
    }
}

fn held(entry: &QueueEntry, why: String) -> NotPossible {
    let id = shell_word(&entry.id.to_string());
    NotPossible { why, command: Some(format!("tsuku-batch queue unblock {id}")) }
}

fn in_progress(batch: &BatchId) -> NotPossible {
    let command = format!("tsuku-batch runs show {}", shell_word(&batch.to_string()));
    let why = format!("its recipe is in the open pull request of {batch}");
    NotPossible { why, command: Some(command) }
}

fn excluded(entry: &QueueEntry, operator: &Operator) -> QueueEntry {
    let reason = operator.reason.clone().unwrap_or_default();
    let status = Status::Excluded { reason };
    QueueEntry { status, routed_to: None, next_retry_at: None, ..entry.clone() }
}

fn unblocked(entry: &QueueEntry) -> Result<QueueEntry, NotPossible> {
    if let Some(target) = &entry.routed_to {
        return Err(NotPossible {
            why: format!("an override takes the tool from {target}"),
            command: Some("tsuku-batch disambiguation list".to_owned()),
        });
    }
    match &entry.status {
        Status::Blocked { .. } | Status::RequiresManual { .. } | Status::Excluded { .. } => {
            Ok(QueueEntry {
                status: Status::Pending,
                next_retry_at: None,
                consecutive_failures: 0,
                consecutive_faults: 0,
                ..entry.clone()
            })
        }
        Status::InProgress { batch } => Err(in_progress(batch)),
        Status::Pending | Status::Failed | Status::Success => Ok(entry.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn entry(status: Status) -> QueueEntry {
        let id = "eco:a".parse().unwrap();
        let waits = Some(NOW + chrono::TimeDelta::hours(9));
        QueueEntry {
            status,
            next_retry_at: waits,
            consecutive_failures: 3,
            ..QueueEntry::new(id, Tier::REST, NOW)
        }
    }

    fn operator(reason: Option<&str>) -> Operator {
        let reason = reason.map(str::to_owned);
        Operator { at: NOW, by: Some("kim".to_owned()), reason }
    }

    /// What `edit` makes of an entry with each status: "status due|waiting", "same", or the reason.
    fn outcomes(edit: Edit) -> Vec<String> {
        let by = vec!["lib".parse().unwrap()];
        let reason = || "why".to_owned();
        let batch = "eco-2026-01-01T00-00-00Z".parse().unwrap();
        let all = [
            Status::Pending,
            Status::Failed,
            Status::Blocked { by },
            Status::RequiresManual { reason: reason() },
            Status::Excluded { reason: reason() },
            Status::Success,
            Status::InProgress { batch },
        ];
        let outcome = |status: Status| match edited(&entry(status), edit, &operator(Some("new"))) {
            Ok(None) => "same".to_owned(),
            Ok(Some(entry)) => {
                assert_eq!(entry.operator_change.unwrap().by.as_deref(), Some("kim"));
                let wait = if entry.next_retry_at.is_some() { "waiting" } else { "due" };
                format!("{} {wait}", entry.status.label().as_str())
            }
            Err(NotPossible { why, .. }) => why,
        };
        all.into_iter().map(outcome).collect()
    }

    #[test]
    fn a_retry_ends_the_waiting_time_and_decides_nothing_that_a_person_has_to_decide() {
        let expected = [
            "pending due",
            "failed due",
            "it waits for the recipes of lib",
            "a person has to decide: why",
            "it is excluded: why",
            "its recipe exists",
            "its recipe is in the open pull request of eco-2026-01-01T00-00-00Z",
        ];
        assert_eq!(outcomes(Edit::Retry), expected);
        let due = edited(&entry(Status::Failed), Edit::Retry, &operator(None)).unwrap().unwrap();
        assert_eq!(edited(&due, Edit::Retry, &operator(None)), Ok(None), "it is due already");
        assert_eq!(due.consecutive_failures, 3, "its history stays");
    }

    #[test]
    fn what_a_rule_holds_back_is_released_by_name() {
        let mut expected =
            vec!["same", "same", "pending due", "pending due", "pending due", "same"];
        expected.push("its recipe is in the open pull request of eco-2026-01-01T00-00-00Z");
        assert_eq!(outcomes(Edit::Unblock), expected);
        let target = Some("eco:b".parse().unwrap());
        let routed = QueueEntry {
            routed_to: target,
            ..entry(Status::Excluded { reason: "routed_to: eco:b".to_owned() })
        };
        let refused = edited(&routed, Edit::Unblock, &operator(None)).unwrap_err();
        assert_eq!(refused.why, "an override takes the tool from eco:b");
    }

    #[test]
    fn everything_can_be_excluded_and_says_why() {
        assert_eq!(outcomes(Edit::Exclude), ["excluded due"; 7]);
        let status = Status::Excluded { reason: "not a tool".to_owned() };
        let excluded = QueueEntry { next_retry_at: None, ..entry(status) };
        let again = edited(&excluded, Edit::Exclude, &operator(Some("not a tool")));
        assert_eq!(again, Ok(None));
        let changed =
            edited(&entry(Status::Pending), Edit::Exclude, &operator(Some("a game"))).unwrap();
        let change = changed.unwrap().operator_change.unwrap();
        assert_eq!(change.sentence(), "it was excluded by kim on 1970-01-01: a game");
    }

    #[test]
    fn a_tier_is_set_whatever_the_status_is() {
        let tier = edited(&entry(Status::Success), Edit::SetTier(Tier::POPULAR), &operator(None));
        assert_eq!(tier.unwrap().unwrap().tier, Tier::POPULAR);
        assert_eq!(outcomes(Edit::SetTier(Tier::REST)), ["same"; 7]);
    }

    #[test]
    fn what_was_released_stays_so_until_it_is_excluded() {
        let apply = |entry: &QueueEntry, edit| {
            edited(entry, edit, &operator(None)).unwrap().expect("it changes")
        };
        let is_released = |entry: &QueueEntry| entry.operator_change.as_ref().unwrap().is_release();
        let held = entry(Status::RequiresManual { reason: "why".to_owned() });
        assert!(!is_released(&apply(&held, Edit::SetTier(Tier::CURATED))));
        let released = apply(&held, Edit::Unblock);
        let waits = Some(NOW + chrono::TimeDelta::hours(9));
        let failed = QueueEntry { next_retry_at: waits, status: Status::Failed, ..released };
        let retried = apply(&apply(&failed, Edit::SetTier(Tier::CURATED)), Edit::Retry);
        assert!(is_released(&retried));
        let excluded = apply(&retried, Edit::Exclude);
        assert!(!is_released(&excluded));
        assert!(!is_released(&apply(&excluded, Edit::SetTier(Tier::REST))));
    }

    #[test]
    fn the_command_that_retries_quotes_names() {
        let ids = ["eco:a", "eco:b~c"].map(|id| id.parse().unwrap());
        let command = retry_command(&ids).unwrap();
        assert_eq!(command, "tsuku-batch queue retry eco:a eco:b~c");
        assert_eq!(retry_command([]), None);
    }
}
