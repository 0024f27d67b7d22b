//! Rows that several pages share.

use batch_core::model::{
    EcosystemId, FailureRecord, PackageId, RunRecord, SlotOutcome, StatusLabel,
};

use super::{
    strip,
    table::{Cell, Column, ColumnKind as Kind, Row},
    why::Why,
};
use crate::{
    known::Known,
    path,
    site::Site,
    text::{Text, Timestamp, counted, duration},
    tried::Ended,
};

/// Characters of a reason in a table.
pub(super) const MAX_LINE: usize = 140;

/// A link to another page, relative to the top of the site. Without an `href` it is plain text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: Text,
}

impl Link {
    pub(super) fn new(href: impl Into<String>, text: impl Into<Text>) -> Self {
        Self { href: href.into(), text: text.into() }
    }

    /// A link to all that is known about a package, with its name as text.
    pub(super) fn package(site: &Site<'_>, id: &PackageId) -> Self {
        Self { href: site.package_href(id), text: Text::new(id.name.as_str()) }
    }

    /// A link to the page of a failure, with its headline as text, without the package that is named
    /// beside it.
    pub(super) fn failure(site: &Site<'_>, failure: &FailureRecord) -> Self {
        let shown = site.shown(failure);
        Self { href: shown.href.clone(), text: shown.cause.clone() }
    }

    /// A link to the page of a run, if that page exists.
    pub(super) fn run(site: &Site<'_>, batch_id: &str) -> Self {
        let href = site.batches.get(batch_id).map(|_| path::run(batch_id)).unwrap_or_default();
        Self { href, text: Text::new(batch_id) }
    }

    /// A link to the page of an ecosystem.
    pub(super) fn ecosystem(id: &EcosystemId) -> Self {
        Self::new(path::ecosystem(id), id)
    }
}

pub(super) const FAILURE_COLUMNS: &[Column] = &[
    Column::keyed("package", "Package", Kind::Name),
    Column::new("What happened", Kind::Line),
    Column::keyed("category", "Category", Kind::Choice),
    Column::keyed("subcategory", "Subcategory", Kind::Status),
    Column::keyed("ecosystem", "Ecosystem", Kind::Choice),
    Column::keyed("environment", "Environment", Kind::Choice),
    Column::keyed("time", "Time", Kind::Time),
    // Only the script sees it, when it filters the list of one cause.
    Column::keyed("cause", "Cause", Kind::Choice),
];

/// The keys of columns of failures that no reader sees.
pub(super) const HIDDEN_OF_FAILURES: &[&str] = &["cause"];

/// A row about a failed attempt.
pub(super) fn failure(site: &Site<'_>, failure: &FailureRecord) -> Row {
    let environment = failure.environment.map_or("", |environment| environment.as_str());
    Row::from([
        Cell::link(Link::package(site, &failure.package_id)),
        Cell::Link(Link::failure(site, failure)),
        Cell::text(failure.category()),
        Cell::text(failure.subcategory()),
        Cell::text(&failure.package_id.ecosystem),
        Cell::text(environment),
        Cell::Time(Timestamp(failure.timestamp)),
        Cell::of(failure.fingerprint),
    ])
}

pub(super) const RUN_COLUMNS: &[Column] = &[
    Column::keyed("time", "Start", Kind::Time),
    Column::keyed("ecosystem", "Ecosystem", Kind::Choice),
    Column::keyed("slot", "Slot", Kind::Choice),
    Column::new("Verified", Kind::Number),
    Column::new("Failed", Kind::Number),
    Column::new("Blocked", Kind::Number),
    Column::new("Attempts", Kind::Number),
    Column::new("Merged", Kind::Number),
    Column::new("Redirected", Kind::Number),
    Column::new("Took", Kind::Number),
    Column::new("Why", Kind::Line),
];

/// What the first page shows of a run.
pub(super) const SHORT_RUN_COLUMNS: &[Column] = RUN_COLUMNS.split_at(9).0;

pub(super) fn short_run(site: &Site<'_>, of: &RunRecord) -> Row {
    let row = run(site, of);
    Row::from(&row.cells[..SHORT_RUN_COLUMNS.len()])
}

/// The parts of a run, by how the attempts ended, each with the anchor of its table.
pub(super) fn part_of(ended: Ended) -> &'static str {
    match ended {
        Ended::Verified | Ended::VerifiedInPart => "verified",
        Ended::Failed | Ended::Spared => "failed",
        Ended::Blocked => "blocked",
        Ended::Unknown => "unknown",
    }
}

/// A row about a run.
pub(super) fn run(site: &Site<'_>, run: &RunRecord) -> Row {
    let href = path::run(&run.batch_id);
    let attempts = || site.attempts.of_batch(&run.batch_id);
    let part = |n: u64, anchor: &str, n_rows: usize| {
        let has_rows = 0 < n && u64::try_from(n_rows) == Ok(n);
        if has_rows { Cell::Count(n, format!("{href}#{anchor}")) } else { Cell::Number(n) }
    };
    let counted = |n, anchor| {
        let n_rows = attempts().filter(|tried| part_of(tried.ended) == anchor).count();
        part(n, anchor, n_rows)
    };
    let redirected = match run.used_disambiguation {
        0 => Cell::None,
        n => part(n, "redirected", run.disambiguations.len()),
    };
    Row::from([
        Cell::TimeLink(Timestamp(run.timestamp), href.clone()),
        Cell::text(ecosystem(run)),
        // Most runs are in their own slot; only the others are worth a word.
        if run.outcome == SlotOutcome::Ran { Cell::None } else { Cell::Word(slot(run)) },
        counted(run.succeeded, "verified"),
        counted(run.failed, "failed"),
        counted(run.blocked, "blocked"),
        Cell::Number(run.total),
        Cell::Number(run.merged),
        redirected,
        Cell::text(duration(run.duration_seconds)),
        Cell::text(note(run)),
    ])
}

/// The ecosystem of a run. Imported runs may be of several.
pub(super) fn ecosystem(run: &RunRecord) -> &str {
    match (&run.ecosystem, run.outcome) {
        (Some(id), _) => id.as_str(),
        (None, SlotOutcome::Skipped) => "none",
        (None, SlotOutcome::Ran | SlotOutcome::FellThrough) => "several",
    }
}

/// What happened to the slot of a run, as readers see it.
pub(super) const fn slot(run: &RunRecord) -> &'static str {
    match run.outcome {
        _ if run.sweep.is_some() => "tested_again",
        SlotOutcome::Ran => "own_slot",
        SlotOutcome::FellThrough => "fell_through",
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

pub(super) const PACKAGE_COLUMNS: &[Column] = &[
    Column::keyed("package", "Package", Kind::Name),
    Column::keyed("ecosystem", "Ecosystem", Kind::Choice),
    Column::keyed("status", "Status", Kind::Status),
    Column::keyed("tier", "Tier", Kind::Choice),
    Column::keyed("why", "Why", Kind::Line),
    Column::new("Last ten attempts", Kind::Other),
    Column::keyed("time", "Last attempt", Kind::Time),
    Column::new("Not before", Kind::Time),
    Column::new("Popularity", Kind::Other),
    Column::new("Queued", Kind::Time),
];

/// A row about a package.
pub(super) fn package(site: &Site<'_>, known: &Known<'_>) -> Row {
    let &Known { id, entry, .. } = known;
    let why = entry.map_or_else(Why::default, |entry| Why::short(site, known, entry));
    let popularity = entry.and_then(|entry| entry.popularity.as_ref());
    Row::from([
        Cell::Link(Link::new(known.href(), &id.name)),
        Cell::text(&id.ecosystem),
        entry.map_or(Cell::Word(NOT_QUEUED), |entry| Cell::Word(status(entry.status.label()))),
        entry.map_or(Cell::None, |entry| Cell::of(u8::from(entry.tier))),
        if why.text.is_empty() && why.links.is_empty() {
            Cell::None
        } else {
            Cell::Links(why.text, why.links)
        },
        strip::cell(site, Some(known)),
        Cell::time(entry.and_then(|entry| entry.last_attempt_at).map(Timestamp)),
        Cell::time(entry.and_then(|entry| entry.next_retry_at).map(Timestamp)),
        popularity.map_or(Cell::None, Cell::text_of_popularity),
        Cell::time(entry.map(|entry| Timestamp(entry.added_at))),
    ])
}

impl Cell {
    fn text_of_popularity(popularity: &batch_core::model::Popularity) -> Self {
        let period = popularity.period_days.map_or(String::new(), |n| format!(" in {n} days"));
        Self::of(format_args!("{} {}{period}", popularity.value, popularity.unit))
    }
}

/// The status of a package that is in no queue.
pub(super) const NOT_QUEUED: &str = "not_queued";

/// The word for a status; a recipe in an open pull request is not on main yet.
pub(super) const fn status(label: StatusLabel) -> &'static str {
    match label {
        StatusLabel::InProgress => "in_PR",
        StatusLabel::Pending
        | StatusLabel::Success
        | StatusLabel::Failed
        | StatusLabel::Blocked
        | StatusLabel::RequiresManual
        | StatusLabel::Excluded => label.as_str(),
    }
}

/// `3 of 10 verified`, as a run is called in a sentence.
pub(super) fn result(run: &RunRecord) -> String {
    match run.total {
        0 => "nothing attempted".to_owned(),
        n => format!("{} of {n} verified", run.succeeded),
    }
}

/// What a run gave: recipes on main, or verified ones.
pub(super) fn yield_of(run: &RunRecord) -> String {
    let recipes = |n: u64| counted(usize::try_from(n).unwrap_or(usize::MAX), "recipe");
    match (run.merged, &run.pull_request) {
        (0, Some(it)) => {
            format!("{} verified, in pull request {}", recipes(run.succeeded), it.number)
        }
        (0, None) => format!("{} verified", recipes(run.succeeded)),
        (n, _) => format!("{} merged", recipes(n)),
    }
}
