//! The tables of the page of a run.

use batch_core::model::{
    Environment, Exclusion, FailureRecord, PackageId, RecipeName, RemovedCell, RunRecord,
};

use super::{
    row::{self, Link},
    strip,
    table::{Cell, Column, ColumnKind as Kind, Row, Table, label},
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
    tried::Tried,
};

const ATTEMPTS: &[Column] = &[
    Column::new("Package", Kind::Name),
    Column::new("Outcome", Kind::Status),
    Column::new("What happened", Kind::Line),
    Column::new("Failures", Kind::Other),
    Column::new("Last ten attempts", Kind::Other),
];

const VERIFIED: &[Column] = &[
    Column::new("Package", Kind::Name),
    Column::new("Outcome", Kind::Status),
    Column::new("Recipe", Kind::Other),
    Column::new("Commands from", Kind::Other),
    Column::new("Failed in", Kind::Other),
    Column::new("Last ten attempts", Kind::Other),
];

const ENVIRONMENTS: &[Column] = &[
    Column::new("Environment", Kind::Name),
    Column::new("Tested", Kind::Number),
    Column::new("Passed", Kind::Number),
    Column::new("Failed", Kind::Number),
    Column::new("Blocked", Kind::Number),
    Column::new("Skipped", Kind::Number),
    Column::new("Why skipped", Kind::Line),
];

const HOSTS: &[Column] = &[
    Column::new("Host", Kind::Name),
    Column::new("Requests", Kind::Number),
    Column::new("Asked to pause", Kind::Number),
    Column::new("Waited", Kind::Number),
];

const REDIRECTED: &[Column] = &[
    Column::new("Attempted", Kind::Name),
    Column::new("Instead of", Kind::Other),
    Column::new("Why", Kind::Line),
];

const RESTRICTED: &[Column] = &[
    Column::new("Package", Kind::Name),
    Column::new("No longer offered for", Kind::Other),
    Column::new("Because it failed in", Kind::Line),
    Column::new("Given up although it passed in", Kind::Other),
    Column::new("Tried again from", Kind::Time),
];

const DEFERRED: &[Column] = &[Column::new("Package", Kind::Name)];

/// The parts of a run by how the attempts ended: anchor, heading, and caption.
const PARTS: &[(&str, &str)] = &[
    ("failed", "Failed"),
    ("blocked", "Blocked"),
    ("verified", "Verified"),
    ("unknown", "Not recorded how it ended"),
];

/// The tables that have rows, each with its heading.
pub(super) fn tables(
    site: &Site<'_>,
    batch_id: &str,
    run: Option<&RunRecord>,
) -> Vec<(&'static str, Table)> {
    let mut tables = vec![];
    for &(id, title) in PARTS {
        let tried = site.attempts.of_batch(batch_id).filter(|it| row::part_of(it.ended) == id);
        let rows: Vec<Row> = match id {
            "verified" => tried.map(|tried| verified(site, tried, run)).collect(),
            _ => tried.map(|tried| attempt(site, tried)).collect(),
        };
        let columns = if id == "verified" { VERIFIED } else { ATTEMPTS };
        tables.push((title, Table { id, caption: Text::new(title), columns, rows }));
    }
    if let Some(run) = run {
        tables.extend(of_record(site, run));
    }
    tables.retain(|(_, table)| !table.rows.is_empty());
    tables
}

fn of_record(site: &Site<'_>, run: &RunRecord) -> Vec<(&'static str, Table)> {
    let table = |title: &'static str, id, columns, rows| {
        (title, Table { id, caption: Text::new(title), columns, rows })
    };
    let package =
        |id: &PackageId| Cell::link(Link { text: Text::of(id), ..Link::package(site, id) });
    let redirected = run
        .disambiguations
        .iter()
        .map(|it| Row::from([package(&it.to), package(&it.from), Cell::text(&it.reason)]));
    let restricted = run.exclusions.iter().map(|it| restricted(site, run, it));
    let deferred = run.deferred.iter().map(|id| Row::from([package(id)]));
    let environments = run.environments.iter().map(|(environment, n)| {
        let reasons = n.skip_reasons.iter();
        let reasons: Vec<String> =
            reasons.map(|(reason, n)| format!("{n} {}", label(reason.as_str()))).collect();
        Row::from([
            Cell::text(environment.as_str()),
            Cell::Number(n.tested),
            Cell::Number(n.passed),
            Cell::Number(n.failed),
            Cell::Number(n.blocked),
            Cell::Number(n.skipped),
            Cell::text(reasons.join(", ")),
        ])
    });
    let hosts = run.requests.iter().map(|(host, usage)| {
        Row::from([
            Cell::text(host),
            Cell::Number(usage.sent),
            Cell::Number(usage.throttled),
            Cell::of(format_args!("{}.{} s", usage.waited_ms / 1000, usage.waited_ms % 1000 / 100)),
        ])
    });
    vec![
        table("Redirected by overrides", "redirected", REDIRECTED, redirected.collect()),
        table("Restricted to where they work", "restricted", RESTRICTED, restricted.collect()),
        table("Planned and not attempted", "deferred", DEFERRED, deferred.collect()),
        table("Results per environment", "environments", ENVIRONMENTS, environments.collect()),
        table("Requests per host", "requests", HOSTS, hosts.collect()),
    ]
}

/// A recipe that lost cells in which it does not work.
fn restricted(site: &Site<'_>, run: &RunRecord, exclusion: &Exclusion) -> Row {
    let of_cells = |environments: fn(&RemovedCell) -> &[Environment]| -> Vec<&'static str> {
        let all = exclusion.cells.iter().flat_map(environments);
        all.map(|environment| environment.as_str()).collect()
    };
    let cells: Vec<String> = exclusion.cells.iter().map(|it| it.cell.to_string()).collect();
    let failures = site.failures_of(&run.batch_id).iter();
    let reasons = failures.filter(|it| exclusion.failure_ids.contains(&it.id));
    let links: Vec<Link> = reasons.map(|it| by_place(site, it, it.subcategory())).collect();
    Row::from([
        Cell::link(Link {
            text: Text::of(&exclusion.package_id),
            ..Link::package(site, &exclusion.package_id)
        }),
        Cell::text(cells.join(", ")),
        if links.is_empty() {
            Cell::text(of_cells(|removed| &removed.failed_in).join(", "))
        } else {
            Cell::Links(Text::default(), links)
        },
        Cell::text(of_cells(|removed| &removed.given_up).join(", ")),
        Cell::Time(Timestamp(exclusion.recheck_at)),
    ])
}

/// A link to a failure that is called by its environment.
fn by_place(site: &Site<'_>, failure: &FailureRecord, without: &str) -> Link {
    let place = failure.environment.map_or(without, |environment| environment.as_str());
    Link::new(&*site.shown(failure).href, place)
}

fn attempt(site: &Site<'_>, tried: &Tried<'_>) -> Row {
    let link = |failure: &&FailureRecord| by_place(site, failure, failure.subcategory());
    let first = tried.failures.first();
    Row::from([
        Cell::link(Link::package(site, tried.package)),
        Cell::Word(tried.ended.as_str()),
        first.map_or(Cell::None, |it| Cell::Link(Link::failure(site, it))),
        Cell::Links(Text::default(), tried.failures.iter().map(link).collect()),
        strip::cell(site, site.known(tried.package)),
    ])
}

fn verified(site: &Site<'_>, tried: &Tried<'_>, run: Option<&RunRecord>) -> Row {
    let name: Option<&RecipeName> = site.recipe_name(tried.package);
    let from = name.and_then(|name| run?.executables_from.get(name));
    let link = |failure: &&FailureRecord| by_place(site, failure, "no environment");
    Row::from([
        Cell::link(Link::package(site, tried.package)),
        Cell::Word(tried.ended.as_str()),
        match (site.recipe(tried.package), name) {
            (Some((name, _)), _) => {
                Cell::Link(Link::new(format!("{}#recipe", path::package(tried.package)), name))
            }
            (None, Some(name)) => Cell::text(name),
            (None, None) => Cell::None,
        },
        from.map_or(Cell::None, |from| Cell::text(from.as_str())),
        Cell::Links(Text::default(), tried.failures.iter().map(link).collect()),
        strip::cell(site, site.known(tried.package)),
    ])
}
