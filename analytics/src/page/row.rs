//! Rows that several pages share.

use batch_core::model::{
    Consequence, FailureRecord, PackageId, QueueEntry, RunRecord, SlotOutcome, Status,
};

use crate::{
    path,
    site::Site,
    text::{Text, Timestamp, duration},
};

/// Characters of a reason in a table.
const MAX_LINE: usize = 140;

/// A link to another page, relative to the top of the site. Without an `href` it is plain text.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: Text,
}

impl Link {
    /// A link to the page of a package; the page must exist.
    pub(super) fn package(id: &PackageId) -> Self {
        Self { href: path::package(id), text: Text::of(&id.name) }
    }

    /// A link to the page of a run, if that page exists.
    pub(super) fn run(site: &Site<'_>, batch_id: &str) -> Self {
        let href = site.run(batch_id).map(|_| path::run(batch_id)).unwrap_or_default();
        Self { href, text: Text::new(batch_id) }
    }
}

/// A row about a failed attempt.
pub(super) struct FailureRow {
    pub(super) at: Timestamp,
    pub(super) href: String,
    pub(super) package: Link,
    pub(super) ecosystem: Text,
    pub(super) category: Text,
    pub(super) subcategory: Text,
    pub(super) environment: &'static str,
    /// The cause.
    pub(super) line: Text,
}

impl FailureRow {
    pub(super) fn new(site: &Site<'_>, failure: &FailureRecord) -> Self {
        Self {
            at: Timestamp(failure.timestamp),
            href: path::failure(&failure.id),
            package: Link::package(&failure.package_id),
            ecosystem: Text::of(&failure.package_id.ecosystem),
            category: Text::new(failure.category()),
            subcategory: Text::new(failure.subcategory()),
            environment: failure.environment.map_or("", |environment| environment.as_str()),
            line: Text::of(site.headline(failure)),
        }
    }
}

/// How the attempt of this record ended, as readers see it: a run counts blocked and failed
/// attempts separately.
pub(super) fn word(failure: &FailureRecord) -> &'static str {
    match failure.kind().consequence() {
        Consequence::Blocked => "blocked",
        Consequence::Excluded
        | Consequence::RequiresManual
        | Consequence::Spared
        | Consequence::Failed => "failed",
    }
}

/// A row about a run.
pub(super) struct RunRow {
    pub(super) at: Timestamp,
    pub(super) href: String,
    pub(super) ecosystem: Text,
    pub(super) outcome: &'static str,
    /// How many of the attempts succeeded.
    pub(super) result: String,
    /// Whether the run attempted packages and none succeeded.
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
            at: Timestamp(run.timestamp),
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

/// The result of a slot, as readers see it.
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
            Text::last_line(&format!("instead of {slot}: {reason}"), MAX_LINE)
        }
        (SlotOutcome::Skipped, _) if reason.is_empty() => Text::new("no reason is recorded"),
        (SlotOutcome::Ran | SlotOutcome::FellThrough | SlotOutcome::Skipped, _) => {
            Text::last_line(reason, MAX_LINE)
        }
    }
}

/// A row about a package.
pub(super) struct PackageRow {
    pub(super) package: Link,
    pub(super) ecosystem: Text,
    pub(super) tier: String,
    pub(super) status: &'static str,
    pub(super) last_attempt: Option<Timestamp>,
    pub(super) next_retry: Option<Timestamp>,
    pub(super) why: Why,
}

/// Why a package has its status.
#[derive(Default)]
pub(super) struct Why {
    pub(super) text: Text,
    pub(super) links: Vec<Link>,
}

/// The status of a package that is in no queue.
pub(super) const NOT_QUEUED: &str = "not_queued";

impl PackageRow {
    pub(super) fn new(site: &Site<'_>, id: &PackageId) -> Self {
        let entry = site.packages.get(id).copied().flatten();
        Self {
            package: Link::package(id),
            ecosystem: Text::of(&id.ecosystem),
            tier: entry.map_or_else(String::new, |entry| u8::from(entry.tier).to_string()),
            status: entry.map_or(NOT_QUEUED, |entry| entry.status.label().as_str()),
            last_attempt: entry.and_then(|entry| entry.last_attempt_at).map(Timestamp),
            next_retry: entry.and_then(|entry| entry.next_retry_at).map(Timestamp),
            why: entry.map_or_else(Why::default, |entry| Why::short(site, entry)),
        }
    }
}

impl Why {
    /// The reason for a table in which the status is a column of its own.
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
                of_text(Text::new("it is not recorded what it waits for"))
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
                of_text(Text::last_line(reason, MAX_LINE))
            }
            Status::Pending | Status::Failed => {
                let newest = site.failures_with(&entry.id).first();
                let kind = newest.map(|failure| failure.kind().to_string()).unwrap_or_default();
                of_text(if entry.regressed_at.is_some() {
                    Text::new(&format!("worked before: {kind}"))
                } else {
                    Text::new(&kind)
                })
            }
            Status::Success => Self::default(),
        }
    }
}
