//! Which rule gave a package its status.

use chrono::SubsecRound as _;

use super::{Case, Cause};
use crate::model::{FailureKind, OperatorChange, PackageName, QueueEntry, Status};

/// The rule as a sentence.
pub(super) fn of(case: &Case<'_>) -> String {
    match (case.entry, case.recipe) {
        (Some(entry), _) => {
            let change = entry.operator_change.as_ref().map(OperatorChange::sentence);
            let change = change.map(|sentence| format!("; {sentence}")).unwrap_or_default();
            of_entry(entry, case) + &change
        }
        (None, Some(recipe)) => {
            format!("the recipe {recipe} installs it, and it is in no queue, so no run attempts it")
        }
        (None, None) => match case.remembered {
            Some(remembered) => format!(
                "it is in no queue: a seeding run left it out on {}: {}",
                remembered.at, remembered.why
            ),
            None => "it is in no queue, so no run attempts it".to_owned(),
        },
    }
}

fn of_entry(entry: &QueueEntry, case: &Case<'_>) -> String {
    let newest = case.last_causes().first();
    match &entry.status {
        Status::Pending => pending(entry, newest),
        Status::InProgress { batch } => {
            format!("its recipe is in the open pull request of {batch}")
        }
        Status::Success => match &entry.recipe {
            Some(recipe) => format!("its recipe {recipe} was installed and verified"),
            None => "its recipe was installed and verified".to_owned(),
        },
        Status::Failed => failed(entry, newest),
        Status::Blocked { by } => {
            let names: Vec<&str> = by.iter().map(PackageName::as_str).collect();
            format!("it needs recipes that did not exist: {}", names.join(", "))
        }
        Status::RequiresManual { reason } => {
            format!("a person has to decide: {}", or_unknown(reason))
        }
        Status::Excluded { reason } => format!("it is excluded for good: {}", or_unknown(reason)),
    }
}

fn or_unknown(reason: &str) -> &str {
    if reason.is_empty() { "no reason is recorded" } else { reason }
}

fn pending(entry: &QueueEntry, cause: Option<&Cause>) -> String {
    let faults = entry.consecutive_faults;
    if entry.lost {
        "the last run ended before this attempt did, which counts against no package".to_owned()
    } else if 0 < faults {
        format!(
            "{}: such a failure is not the fault of the package and does not change its status ({})",
            with_kind("its last attempt failed", cause),
            in_a_row(faults)
        )
    } else if entry.last_attempt_at.is_some() {
        "it became due again after its last attempt: its recipe is gone, or what it waited for exists"
            .to_owned()
    } else {
        format!("it was queued on {} and never attempted", entry.added_at.date_naive())
    }
}

fn failed(entry: &QueueEntry, cause: Option<&Cause>) -> String {
    let n = in_a_row(entry.consecutive_failures.max(1));
    match entry.regressed_at {
        Some(at) => format!(
            "its recipe worked before, and failed when it was tested again on {} ({n})",
            at.trunc_subsecs(0)
        ),
        None => format!(
            "{}: the cause lies in the package, which waits longer after each failure ({n})",
            with_kind("its last attempt failed", cause)
        ),
    }
}

fn in_a_row(n: u32) -> String {
    if n == 1 { "once".to_owned() } else { format!("{n} times in a row") }
}

fn with_kind(what: &str, cause: Option<&Cause>) -> String {
    let kind = cause.map(|cause| {
        let known = FailureKind::parse(&cause.category, &cause.subcategory);
        known.map_or_else(|| FailureKind::Unclassified.to_string(), |kind| kind.to_string())
    });
    kind.map_or_else(|| what.to_owned(), |kind| format!("{what} with {kind}"))
}
