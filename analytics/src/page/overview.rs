//! The content of the first page and of its JSON. It is computed once, so the two cannot disagree.

use std::collections::BTreeMap;

use batch_core::{
    decide::{ahead, health::paused_hosts},
    model::{Control, FailureRecord, RunRecord, StatusLabel},
};
use chrono::{DateTime, NaiveDate, Utc};

use super::{
    alerts::{self, Alert},
    blockers, changes, chart,
    chart::Figure,
    disambiguations, ecosystems, failures,
    list::{N_ROWS, Part},
    queue_status,
    row::{self, Link, SHORT_RUN_COLUMNS},
    table::{Table, label},
    timeline,
};
use crate::{
    health::{self, Health},
    history::Counts,
    old::Kind,
    path,
    site::Site,
    text::{Text, Timestamp, https_url},
};

/// Rows in the panels of the first page.
pub(super) const N_RUNS: usize = 10;
pub(super) const N_FAILURES: usize = 20;
pub(super) const N_BLOCKERS: usize = 10;
const N_RECIPES: usize = 12;

pub(super) struct Overview<'a> {
    pub(super) health: Health<'a>,
    pub(super) alerts: Vec<Alert>,
    pub(super) incident: Option<String>,
    pub(super) last_run: Option<RunFact>,
    pub(super) last_success: Option<RunFact>,
    pub(super) recipes: Vec<Text>,
    pub(super) n_more_recipes: usize,
    pub(super) n_since_success: usize,
    /// The newest run record, where it is not `last_run`.
    pub(super) last_slot: Option<RunFact>,
    pub(super) changes: Vec<(&'static str, &'static str, Part)>,
    pub(super) changed_run: Option<Link>,
    pub(super) n_problems: usize,
    pub(super) queue: Table,
    pub(super) blockers: Table,
    pub(super) n_blockers: usize,
    pub(super) n_blocked: usize,
    pub(super) categories: Vec<Category>,
    pub(super) runs: Table,
    pub(super) n_runs: usize,
    pub(super) failures: Table,
    pub(super) n_failures: usize,
    pub(super) n_causes: usize,
    pub(super) breakers: Table,
    pub(super) n_transitions: usize,
    pub(super) hosts: Vec<(Text, Timestamp)>,
    pub(super) week: Option<NaiveDate>,
    /// Minutes on macOS, then on Linux.
    pub(super) minutes: (u64, u64),
    pub(super) n_decisions: usize,
    pub(super) reasons: Vec<Part>,
    pub(super) to_review: Part,
    pub(super) figures: Vec<Figure>,
    /// Pages of the list of failures, by the time of their newest one; none if there is one page only.
    pub(super) failure_pages: Vec<(Timestamp, String)>,
    /// Months with older failures.
    pub(super) older: Vec<Link>,
    pub(super) n_older_months: usize,
}

/// A run in a sentence.
pub(super) struct RunFact {
    pub(super) link: Link,
    pub(super) ecosystem: Text,
    pub(super) at: Timestamp,
    pub(super) note: Text,
}

/// Failures of a category, with its kinds.
pub(super) struct Category {
    pub(super) all: Part,
    pub(super) kinds: Vec<Part>,
}

impl<'a> Overview<'a> {
    pub(super) fn new(site: &Site<'a>, months: &BTreeMap<String, Counts>) -> Self {
        let records = site.records;
        let control = &records.control;
        let health = health::of(records, site.circumstances);
        let recipes = health.last_success.map_or(&[][..], |run| &run.recipes_generated);
        let all: Vec<&FailureRecord> = records.failures.iter().collect();
        let hosts = paused_hosts(control, site.as_of).into_iter();
        let batch = site.newest_batch(None);
        let decisions = disambiguations::decisions(site);
        Self {
            alerts: alerts::alerts(site, &health.evaluated.reasons),
            incident: incident(control, site.as_of).and_then(https_url),
            last_run: health.last_run.map(|run| RunFact::new(run, row::result(run))),
            last_success: health.last_success.map(|run| RunFact::new(run, row::yield_of(run))),
            recipes: recipes.iter().take(N_RECIPES).map(Text::of).collect(),
            n_more_recipes: recipes.len().saturating_sub(N_RECIPES),
            n_since_success: health.since_success.len(),
            last_slot: last_slot(&health, site).map(|run| RunFact::new(run, label(row::slot(run)))),
            changes: batch.map_or(vec![], |batch| changes_of(site, batch)),
            changed_run: batch.map(|batch| Link::run(site, batch)),
            n_problems: records.problems.len(),
            queue: queue_status::table(site),
            blockers: top_blockers(site),
            n_blockers: site.blockers.len(),
            n_blocked: site.entries.count(None, Some(StatusLabel::Blocked)),
            categories: categories(&all),
            runs: last_runs(site),
            n_runs: records.runs.len(),
            failures: last_failures(site),
            n_failures: records.failures.len(),
            n_causes: site.causes.len(),
            breakers: ecosystems::breakers(site),
            n_transitions: records.transitions.len(),
            hosts: hosts.map(|(host, until)| (Text::new(host), Timestamp(until))).collect(),
            week: control.budget.week_start,
            minutes: (control.budget.macos_minutes_used, control.budget.linux_minutes_used),
            n_decisions: decisions.len(),
            reasons: reasons(&decisions),
            to_review: Part {
                label: Text::new("need a person"),
                n: decisions.iter().filter(|it| it.needs_review).count(),
                href: path::list(disambiguations::NEED_REVIEW, 1),
            },
            figures: [chart::outcomes(site), timeline::breakers(site, None), chart::minutes(site)]
                .into_iter()
                .flatten()
                .collect(),
            failure_pages: failure_pages(site),
            older: older(months),
            n_older_months: months.len(),
            health,
        }
    }
}

impl RunFact {
    fn new(run: &RunRecord, text: String) -> Self {
        Self {
            link: Link::new(path::run(&run.batch_id), text),
            ecosystem: run.ecosystem.as_ref().map(Text::of).unwrap_or_default(),
            at: Timestamp(run.timestamp),
            note: Text::last_line(run.skip_reason.as_deref().unwrap_or_default(), 140),
        }
    }
}

/// The newest run record if it is of a run without a batch: it says why nothing was attempted.
/// Other runs are shown already.
fn last_slot<'a>(health: &Health<'a>, site: &Site<'a>) -> Option<&'a RunRecord> {
    let mut runs = site.records.runs.iter();
    let newest = runs.find(|run| !ahead::is_ahead(run.timestamp, site.as_of))?;
    health.last_run.is_none_or(|run| run.batch_id != newest.batch_id).then_some(newest)
}

pub(super) fn changes_of(site: &Site<'_>, batch: &str) -> Vec<(&'static str, &'static str, Part)> {
    let part = |change: changes::Change<'_>| {
        let href = format!("{}#{}", path::run(batch), change.id);
        let part = Part { label: Text::new(change.label), n: change.n(), href };
        (change.id, change.meaning, part)
    };
    changes::of_batch(site, batch).into_iter().map(part).collect()
}

fn categories(all: &[&FailureRecord]) -> Vec<Category> {
    let kind = |([category, subcategory], failures): ([&str; 2], Vec<&FailureRecord>)| Part {
        label: Text::new(subcategory),
        n: failures.len(),
        href: path::list(&path::kind(category, subcategory), 1),
    };
    let by_n = |parts: &mut Vec<Part>| parts.sort_by_key(|part| std::cmp::Reverse(part.n));
    let mut categories: Vec<Category> = failures::group(all, FailureRecord::category)
        .into_iter()
        .map(|(category, of_category)| {
            let mut kinds: Vec<Part> =
                failures::group(&of_category, failures::pair).into_iter().map(kind).collect();
            by_n(&mut kinds);
            let href = path::list(&path::category(category), 1);
            let all = Part { label: Text::new(category), n: of_category.len(), href };
            Category { all, kinds }
        })
        .collect();
    categories.sort_by_key(|category| std::cmp::Reverse(category.all.n));
    categories
}

/// Every failure is two clicks away, so every page of their list is one click away.
fn failure_pages(site: &Site<'_>) -> Vec<(Timestamp, String)> {
    let page = |(i, failures): (usize, &[FailureRecord])| {
        (Timestamp(failures[0].timestamp), path::list(failures::ALL, i + 1))
    };
    let pages: Vec<_> = site.records.failures.chunks(N_ROWS).enumerate().map(page).collect();
    if pages.len() > 1 { pages } else { vec![] }
}

fn older(months: &BTreeMap<String, Counts>) -> Vec<Link> {
    let with_failures = months.iter().rev().filter(|(_, counts)| counts.n_failures > 0);
    with_failures.map(|(month, _)| Link::new(path::month(Kind::Failures, month), month)).collect()
}

fn top_blockers(site: &Site<'_>) -> Table {
    let first = site.blockers.iter().take(N_BLOCKERS);
    Table {
        id: "top-blockers",
        caption: Text::new("Packages without a recipe that most others wait for"),
        columns: blockers::SHORT_COLUMNS,
        rows: first.map(|blocker| blockers::short_row(site, blocker)).collect(),
    }
}

fn last_runs(site: &Site<'_>) -> Table {
    let newest = site.records.runs.iter().take(N_RUNS);
    Table {
        id: "last-runs",
        caption: Text::new("The last runs, newest first"),
        columns: SHORT_RUN_COLUMNS,
        rows: newest.map(|run| row::short_run(site, run)).collect(),
    }
}

fn last_failures(site: &Site<'_>) -> Table {
    let newest = site.records.failures.iter().take(N_FAILURES);
    Table {
        id: "last-failures",
        caption: Text::new("The last failures, newest first"),
        columns: row::FAILURE_COLUMNS,
        rows: newest.map(|failure| row::failure(site, failure)).collect(),
    }
}

fn reasons(decisions: &[disambiguations::Decision<'_>]) -> Vec<Part> {
    let part = |(reason, list): (&str, Vec<_>)| Part {
        label: Text::new(reason),
        n: list.len(),
        href: path::list(&disambiguations::stem(reason), 1),
    };
    disambiguations::by_reason(decisions).into_iter().map(part).collect()
}

/// The link to the incident because of which everything is stopped.
fn incident(control: &Control, as_of: DateTime<Utc>) -> Option<&str> {
    if control.enabled {
        control.pause_of_all(as_of)?.incident_url.as_deref()
    } else {
        control.incident_url.as_deref()
    }
}
