//! The page of one run.

use askama::Template;
use batch_core::model::{RunRecord, SlotOutcome};

use super::{
    Page, cell, changes, chart,
    frame::Frame,
    matrix,
    row::{self, Link},
    run_tables,
    table::{Cell, TableView},
};
use crate::{
    html::Html,
    path,
    site::Site,
    text::{Text, Timestamp, counted, duration, https_url},
};

/// A fact of a run: its name, its value, and where it leads.
type Fact = (&'static str, Cell);

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage<'a> {
    frame: Frame,
    id: Text,
    headline: Text,
    facts: Html,
    /// The number of the pull request, and its address if the forge has pages.
    pull_request: Option<(u64, Option<String>)>,
    workflow: Option<String>,
    gap: Option<String>,
    command: Text,
    changes: Vec<(&'static str, TableView<'a>)>,
    sections: Vec<(&'static str, TableView<'a>)>,
    matrix: Option<chart::FigureView<'a>>,
}

pub(super) fn build(site: &Site<'_>, batch_id: &str, run: Option<&RunRecord>) -> Page {
    let path = path::run(batch_id);
    let root = path::root_of(&path);
    let at = run.map(|run| run.timestamp);
    let at = at.or_else(|| site.attempts.of_batch(batch_id).map(|tried| tried.at).max());
    let tables = run_tables::tables(site, batch_id, run);
    let changes: Vec<_> = changes::of_batch(site, batch_id)
        .into_iter()
        .map(|change| (change.label, change.table(site, batch_id)))
        .collect();
    let matrix = run.and_then(|run| matrix::of_run(site, run));
    let page = RunPage {
        frame: Frame::fixed(&path, &format!("Run {batch_id}"), "Runs", at),
        id: Text::new(batch_id),
        headline: Text::new(&run.map_or_else(|| NO_RECORD.to_owned(), headline)),
        facts: cell::facts(root, &run.map(facts).unwrap_or_default()),
        pull_request: run
            .and_then(|run| run.pull_request.as_ref())
            .map(|link| (link.number, https_url(&link.url))),
        workflow: run.and_then(|run| https_url(run.workflow_run_url.as_deref()?)),
        gap: run.and_then(|run| gap(site, run)),
        command: Text::new(&format!(
            "tsuku-batch explain {}",
            batch_core::decide::shell_word::shell_word(batch_id)
        )),
        changes: changes.iter().map(|(title, table)| (*title, table.view(root))).collect(),
        sections: tables.iter().map(|(title, table)| (*title, table.view(root))).collect(),
        matrix: matrix.as_ref().map(|figure| figure.view(root)),
    };
    super::page(path, &page)
}

const NO_RECORD: &str = "There is no record of this run, only of its failures.";

fn headline(run: &RunRecord) -> String {
    let reason = run.skip_reason.as_deref().unwrap_or("no reason is recorded");
    let attempts = match run.total {
        0 => "Nothing was attempted".to_owned(),
        1 => format!("{} of 1 attempt was verified", run.succeeded),
        n => format!("{} of {n} attempts were verified", run.succeeded),
    };
    let cut = if run.interrupted {
        " The run ended before all planned packages were attempted."
    } else {
        ""
    };
    match run.outcome {
        SlotOutcome::Ran => format!("{attempts}.{cut}"),
        SlotOutcome::FellThrough => {
            let whose =
                run.slot.as_ref().map_or("another ecosystem".to_owned(), ToString::to_string);
            format!(
                "{attempts}. The slot belonged to {whose}, which could not use it: {reason}.{cut}"
            )
        }
        SlotOutcome::Skipped => format!("Nothing ran in this slot: {reason}."),
    }
}

fn facts(run: &RunRecord) -> Vec<Fact> {
    let mut facts = vec![
        ("Start", Cell::Time(Timestamp(run.timestamp))),
        ("Took", Cell::text(duration(run.duration_seconds))),
        (
            "Ecosystem",
            run.ecosystem
                .as_ref()
                .map_or(Cell::text(row::ecosystem(run)), |id| Cell::Link(Link::ecosystem(id))),
        ),
        ("Attempts", Cell::Number(run.total)),
        ("Verified", Cell::Number(run.succeeded)),
        ("Failed", Cell::Number(run.failed)),
        ("Blocked", Cell::Number(run.blocked)),
        ("Merged", Cell::Number(run.merged)),
        ("Generated", Cell::Number(run.generated)),
    ];
    let some = [
        ("Left out of the batch", run.excluded),
        ("Restricted to platforms", run.constrained),
        ("Due again at its start", run.requeued),
        ("Redirected by overrides", run.used_disambiguation),
        ("Minutes on Linux", run.minutes.linux),
        ("Minutes on macOS", run.minutes.macos),
        ("Minutes saved on Linux", run.minutes_saved.linux),
        ("Minutes saved on macOS", run.minutes_saved.macos),
    ];
    facts.extend(some.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name, Cell::Number(n))));
    if !run.generator.is_empty() {
        facts.push(("Generator", Cell::text(&run.generator)));
    }
    if let Some(run_id) = &run.run_id {
        facts.push(("Part of", Cell::text(run_id)));
    }
    facts
}

/// Says how many attempts the run counted that no other record describes; `None` if there are none.
fn gap(site: &Site<'_>, run: &RunRecord) -> Option<String> {
    let n_expected = run.failed + run.blocked;
    let attempts = || site.attempts.of_batch(&run.batch_id);
    let n_known =
        attempts().filter(|it| !it.failures.is_empty() && !it.ended.is_verified()).count();
    if u64::try_from(n_known) == Ok(n_expected) {
        return None;
    }
    let known = counted(n_known, "failure record");
    Some(format!("The run counts {n_expected} failed or blocked attempts, but has {known}."))
}
