//! The list of ecosystems, and the page of each.

use std::collections::BTreeMap;

use askama::Template;
use batch_core::{
    decide::{
        breaker::{self, Admission, BreakerPolicy},
        plan::{self, BatchLimit},
        shares::{self, EvidenceShares},
    },
    model::{EcosystemId, RunRecord, StatusLabel, Tier},
};

use super::{
    Page,
    chart::FigureView,
    frame::Frame,
    grid::Grid,
    list::{self, List, Part},
    overview,
    row::{self, Link, RUN_COLUMNS},
    table::{Cell, Column, ColumnKind as Kind, Row, Table, TableView, label},
    timeline,
};
use crate::{
    health::{self, Permission},
    path,
    site::Site,
    text::{Text, Timestamp},
};

const BREAKERS: &[Column] = &[
    Column::new("Ecosystem", Kind::Name),
    Column::new("Breaker", Kind::Status),
    Column::new("Probes next", Kind::Time),
    Column::new("With", Kind::Other),
    Column::new("Unhealthy in a row", Kind::Number),
    Column::new("Last failure", Kind::Time),
    Column::new("Last run", Kind::Other),
    Column::new("Why", Kind::Line),
];

/// The circuit breaker of each ecosystem.
pub(super) fn breakers(site: &Site<'_>) -> Table {
    let rows = site.ecosystems().into_iter().filter(|id| site.is_served(id));
    Table {
        id: "breakers",
        caption: Text::new("Circuit breaker of each ecosystem"),
        columns: BREAKERS,
        rows: rows.map(|id| breaker(site, id)).collect(),
    }
}

fn breaker(site: &Site<'_>, id: &EcosystemId) -> Row {
    let (permission, breaker) = health::permission(&site.records.control, id, site.as_of);
    let next = match permission {
        Permission::Disabled | Permission::Closed => Cell::None,
        Permission::Open(until) => Cell::Time(Timestamp(until)),
        Permission::HalfOpen(_) => Cell::text("in its next run"),
    };
    let reason = match permission {
        Permission::Disabled => {
            let reason = site.records.control.stop_reason(id, site.as_of);
            reason.unwrap_or("no reason is recorded").to_owned()
        }
        Permission::Closed | Permission::Open(_) | Permission::HalfOpen(_) => {
            breaker.open.as_ref().map_or_else(String::new, |open| open.reason.clone())
        }
    };
    let is_own = |run: &&RunRecord| run.ecosystem.as_ref() == Some(id);
    let last = site.records.runs.iter().find(is_own);
    Row::from([
        Cell::Link(Link::ecosystem(id)),
        Cell::Word(permission.as_str()),
        next,
        Cell::Links(Text::default(), probes(site, id, permission)),
        Cell::Number(breaker.unhealthy_runs.into()),
        Cell::time(breaker.last_failure_at.map(Timestamp)),
        last.map_or(Cell::None, |run| {
            let text = format!("{}, {}", row::result(run), Timestamp(run.timestamp));
            Cell::Link(Link::new(path::run(&run.batch_id), text))
        }),
        Cell::text(Text::last_line(&reason, 200)),
    ])
}

/// What the next probes attempt.
fn probes(site: &Site<'_>, id: &EcosystemId, permission: Permission) -> Vec<Link> {
    let at = match permission {
        Permission::Disabled | Permission::Closed => return vec![],
        Permission::Open(until) => until,
        Permission::HalfOpen(_) => site.as_of,
    };
    let Some(queue) = site.records.queues.get(id) else { return vec![] };
    let breaker = site.records.control.breaker(id);
    let admission = breaker::admission(&breaker, at, &BreakerPolicy::default());
    let (Admission::Probes(n) | Admission::FirstOfQueue(n)) = admission else { return vec![] };
    let limit = BatchLimit { size: n, tier: Tier::REST };
    let mut first: Vec<_> = plan::places(queue, &admission, limit, at)
        .into_iter()
        .filter_map(|(id, place)| Some((place.ok()?.n_before, id)))
        .filter(|(n_before, _)| *n_before < n)
        .collect();
    first.sort_unstable();
    first.into_iter().map(|(_, id)| Link::package(site, id)).collect()
}

const COLUMNS: &[Column] = &[
    Column::new("Ecosystem", Kind::Name),
    Column::new("Breaker", Kind::Status),
    Column::new("Queued", Kind::Number),
    Column::new("Pending", Kind::Number),
    Column::new("With a recipe", Kind::Number),
    Column::new("Runs", Kind::Number),
    Column::new("Failures", Kind::Number),
    Column::new("Evidence lost", Kind::Number),
    Column::new("Unclassified, of the rest", Kind::Number),
    Column::new("Note", Kind::Line),
];

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let mut evidence = BTreeMap::new();
    site.records.failures.iter().for_each(|failure| shares::add(&mut evidence, failure));
    let row = |id: &EcosystemId| {
        let shares = evidence.get(id).copied().unwrap_or_default();
        of_ecosystem(site, id, shares)
    };
    let list = List {
        stem: "ecosystems".to_owned(),
        title: "Ecosystems".to_owned(),
        section: "Ecosystems",
        intro: Text::new(
            "In the order of the rotation. The log of the breakers and the coverage of the \
             registries are on pages of their own.",
        ),
        empty: "No ecosystem is known yet.",
        columns: COLUMNS,
        rows: site.ecosystems().into_iter().map(row).collect(),
        more: vec![("Breakers", breakers(site))],
        ..List::default()
    };
    let mut pages = list::write(site, list);
    pages.extend(site.ecosystems().into_iter().map(|id| page(site, id)));
    pages
}

fn of_ecosystem(site: &Site<'_>, id: &EcosystemId, shares: EvidenceShares) -> Row {
    let (permission, _) = health::permission(&site.records.control, id, site.as_of);
    let count = |status: Option<StatusLabel>| {
        let stem = match status {
            Some(status) => path::status_in(id, status),
            None => path::queue(id),
        };
        Cell::count(site.entries.count(Some(id), status), path::list(&stem, 1))
    };
    let is_own = |run: &&RunRecord| run.ecosystem.as_ref() == Some(id);
    let n_runs = site.records.runs.iter().filter(is_own).count();
    let n_failures = usize::try_from(shares.failures).unwrap_or(usize::MAX);
    let share = |n: u64, share: Option<f64>| match n {
        0 => Cell::Number(0),
        n => Cell::of(format_args!("{n} ({})", shares::percentage(share))),
    };
    Row::from([
        Cell::Link(Link::ecosystem(id)),
        if site.is_served(id) { Cell::Word(permission.as_str()) } else { Cell::None },
        count(None),
        count(Some(StatusLabel::Pending)),
        count(Some(StatusLabel::Success)),
        Cell::count(n_runs, path::list(&path::runs_of(Some(id)), 1)),
        Cell::count(n_failures, path::list(&path::failures_in(id), 1)),
        share(shares.evidence_lost, shares.lost_share()),
        share(shares.unclassified, shares.unclassified_share()),
        if site.is_served(id) { Cell::None } else { Cell::text("no plugin builds its packages") },
    ])
}

#[derive(Template)]
#[template(path = "ecosystem.html")]
struct EcosystemPage<'a> {
    frame: Frame,
    id: Text,
    word: &'static str,
    breaker: TableView<'a>,
    totals: Vec<Part>,
    n_failures: Option<Part>,
    n_runs: Option<Part>,
    changes: Vec<(&'static str, &'static str, Part)>,
    grid: Grid,
    runs: Option<TableView<'a>>,
    timeline: Option<FigureView<'a>>,
}

fn page(site: &Site<'_>, id: &EcosystemId) -> Page {
    let path = path::ecosystem(id);
    let root = path::root_of(&path);
    let (permission, _) = health::permission(&site.records.control, id, site.as_of);
    let breaker = Table {
        id: "breaker",
        caption: Text::new(&format!("Circuit breaker of {id}")),
        columns: BREAKERS,
        rows: vec![breaker(site, id)],
    };
    let is_own = |run: &&RunRecord| run.ecosystem.as_ref() == Some(id);
    let own: Vec<&RunRecord> = site.records.runs.iter().filter(is_own).collect();
    let runs = Table {
        id: "last-runs",
        caption: Text::new(&format!("The last runs of {id}")),
        columns: RUN_COLUMNS,
        rows: own.iter().take(overview::N_RUNS).map(|run| row::run(site, run)).collect(),
    };
    let total = |&status: &StatusLabel| Part {
        label: Text::new(&label(row::status(status))),
        n: site.entries.count(Some(id), Some(status)),
        href: path::list(&path::status_in(id, status), 1),
    };
    let n_failures = site.records.failures.iter().filter(|it| it.package_id.ecosystem == *id);
    let part = |n: usize, stem: String| {
        (n > 0).then(|| Part { label: Text::default(), n, href: path::list(&stem, 1) })
    };
    let timeline = timeline::breakers(site, Some(id));
    let batch = site.newest_batch(Some(id));
    let page = EcosystemPage {
        frame: Frame::live(site, &path, &format!("Ecosystem {id}"), "Ecosystems"),
        id: Text::new(id.as_str()),
        word: permission.as_str(),
        breaker: breaker.view(root),
        totals: StatusLabel::ALL.iter().map(total).filter(|part| part.n > 0).collect(),
        n_failures: part(n_failures.count(), path::failures_in(id)),
        n_runs: part(own.len(), path::runs_of(Some(id))),
        changes: batch.map_or(vec![], |batch| overview::changes_of(site, batch)),
        grid: Grid::new(site, id),
        runs: (!runs.rows.is_empty()).then(|| runs.view(root)),
        timeline: timeline.as_ref().map(|figure| figure.view(root)),
    };
    super::page(path, &page)
}
