//! Rows that several pages show.

use batch_core::model::{
    Consequence, FailureRecord, PackageId, QueueEntry, RunRecord, SlotOutcome, Status,
};

use crate::{
    path,
    site::Site,
    text::{Stamp, Text, duration},
};

/// Characters of a last line in a table; its own page has all of it.
const LONGEST_LINE: usize = 140;

/// A way to another page, from the top of the site. No `href`, no page.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: Text,
}

impl Link {
    /// To the page of a package that is known to have one.
    pub(super) fn package(id: &PackageId) -> Self {
        Self { href: path::package(id), text: Text::of(&id.name) }
    }

    /// To the page of a run, if there is one.
    pub(super) fn run(site: &Site<'_>, batch_id: &str) -> Self {
        let href = site.run(batch_id).map(|_| path::run(batch_id)).unwrap_or_default();
        Self { href, text: Text::new(batch_id) }
    }
}

/// A failed attempt.
pub(super) struct FailureRow {
    pub(super) at: Stamp,
    pub(super) href: String,
    pub(super) package: Link,
    pub(super) ecosystem: Text,
    pub(super) category: Text,
    pub(super) subcategory: Text,
    pub(super) environment: &'static str,
    pub(super) line: Text,
}

impl FailureRow {
    pub(super) fn new(failure: &FailureRecord) -> Self {
        Self {
            at: Stamp(failure.timestamp),
            href: path::failure(&failure.id),
            package: Link::package(&failure.package_id),
            ecosystem: Text::of(&failure.package_id.ecosystem),
            category: Text::new(failure.category()),
            subcategory: Text::new(failure.subcategory()),
            environment: failure.environment.map_or("", |environment| environment.as_str()),
            line: last_line(failure),
        }
    }
}

/// How an attempt ended that left this record: a run counts the two apart.
pub(super) fn word(failure: &FailureRecord) -> &'static str {
    match failure.kind().consequence() {
        Consequence::Blocked => "blocked",
        Consequence::Excluded
        | Consequence::RequiresManual
        | Consequence::Spared
        | Consequence::Failed => "failed",
    }
}

/// What says most about a failure in one line.
pub(super) fn last_line(failure: &FailureRecord) -> Text {
    Text::last_line(&failure.message, LONGEST_LINE)
}

/// A run.
pub(super) struct RunRow {
    pub(super) at: Stamp,
    pub(super) href: String,
    pub(super) ecosystem: Text,
    pub(super) outcome: &'static str,
    /// Successes of attempts.
    pub(super) result: String,
    /// Whether it attempted something and nothing succeeded.
    pub(super) is_empty_handed: bool,
    pub(super) failed: u64,
    pub(super) blocked: u64,
    pub(super) merged: u64,
    pub(super) merged_text: String,
    pub(super) took: String,
    pub(super) note: Text,
}

impl RunRow {
    pub(super) fn new(run: &RunRecord) -> Self {
        let s = if run.merged == 1 { "" } else { "s" };
        Self {
            at: Stamp(run.timestamp),
            href: path::run(&run.batch_id),
            ecosystem: run.ecosystem.as_ref().map_or(Text::new("–"), Text::of),
            outcome: outcome(run.outcome),
            result: format!("{}/{}", run.succeeded, run.total),
            is_empty_handed: run.total > 0 && run.succeeded == 0,
            failed: run.failed,
            blocked: run.blocked,
            merged: run.merged,
            merged_text: format!("{} recipe{s}", run.merged),
            took: duration(run.duration_seconds),
            note: note(run),
        }
    }
}

/// A word for what became of a slot.
pub(super) const fn outcome(outcome: SlotOutcome) -> &'static str {
    match outcome {
        SlotOutcome::Ran => "ran",
        SlotOutcome::FellThrough => "fell through",
        SlotOutcome::Skipped => "skipped",
    }
}

fn note(run: &RunRecord) -> Text {
    let reason = run.skip_reason.as_deref().unwrap_or_default();
    match (run.outcome, &run.slot) {
        (SlotOutcome::FellThrough, Some(slot)) => {
            Text::last_line(&format!("instead of {slot}: {reason}"), LONGEST_LINE)
        }
        (SlotOutcome::Skipped, _) if reason.is_empty() => Text::new("no reason is recorded"),
        (SlotOutcome::Ran | SlotOutcome::FellThrough | SlotOutcome::Skipped, _) => {
            Text::last_line(reason, LONGEST_LINE)
        }
    }
}

/// A package in a list.
pub(super) struct PackageRow {
    pub(super) package: Link,
    pub(super) ecosystem: Text,
    pub(super) tier: String,
    pub(super) status: &'static str,
    pub(super) last_attempt: Option<Stamp>,
    pub(super) next_retry: Option<Stamp>,
    pub(super) why: Why,
}

/// Why a package stands where it stands.
#[derive(Default)]
pub(super) struct Why {
    pub(super) text: Text,
    pub(super) links: Vec<Link>,
}

/// The word for what is in no queue.
pub(super) const NOT_QUEUED: &str = "not_queued";

impl PackageRow {
    pub(super) fn new(site: &Site<'_>, id: &PackageId) -> Self {
        let entry = site.packages.get(id).copied().flatten();
        Self {
            package: Link::package(id),
            ecosystem: Text::of(&id.ecosystem),
            tier: entry.map_or_else(String::new, |entry| u8::from(entry.tier).to_string()),
            status: entry.map_or(NOT_QUEUED, |entry| entry.status.label().as_str()),
            last_attempt: entry.and_then(|entry| entry.last_attempt_at).map(Stamp),
            next_retry: entry.and_then(|entry| entry.next_retry_at).map(Stamp),
            why: entry.map_or_else(Why::default, |entry| Why::short(site, entry)),
        }
    }
}

impl Why {
    /// For a table, where the status stands beside it.
    pub(super) fn short(site: &Site<'_>, entry: &QueueEntry) -> Self {
        let of_text = |text| Self { text, links: vec![] };
        match &entry.status {
            Status::InProgress { batch } => {
                let link = Link::run(site, &batch.to_string());
                if link.href.is_empty() {
                    return of_text(Text::of(format_args!("in the pull request of {batch}")));
                }
                Self { text: Text::new("in the pull request of "), links: vec![link] }
            }
            Status::Blocked { by } if by.is_empty() => {
                of_text(Text::new("it is not recorded for what"))
            }
            Status::Blocked { by } => {
                let ecosystem = &entry.id.ecosystem;
                let link = |name| Link {
                    href: path::list(&path::blocker(ecosystem, name), 1),
                    text: Text::of(name),
                };
                Self { text: Text::new("waits for "), links: by.iter().map(link).collect() }
            }
            Status::RequiresManual { reason } | Status::Excluded { reason } => {
                of_text(Text::last_line(reason, LONGEST_LINE))
            }
            Status::Pending | Status::Failed => {
                let newest = site.failures_with(&entry.id).first();
                of_text(newest.map_or_else(Text::default, |failure| Text::of(failure.kind())))
            }
            Status::Success => Self::default(),
        }
    }
}
