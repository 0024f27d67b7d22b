//! In which environments recipes passed: a picture and a table.

use std::collections::BTreeMap;

use batch_core::model::{Environment, PackageId, RunRecord, Verdict};

use super::{
    chart::{Chart, Figure, Label, Rect},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row, Table},
};
use crate::{known::Known, path, site::Site, text::Text};

/// A column for each of [`Environment::ALL`].
const COLUMNS: &[Column] = &[
    Column::new("Package", Kind::Name),
    Column::new("debian x86_64", Kind::Other),
    Column::new("rhel x86_64", Kind::Other),
    Column::new("arch x86_64", Kind::Other),
    Column::new("suse x86_64", Kind::Other),
    Column::new("alpine x86_64", Kind::Other),
    Column::new("debian arm64", Kind::Other),
    Column::new("rhel arm64", Kind::Other),
    Column::new("suse arm64", Kind::Other),
    Column::new("alpine arm64", Kind::Other),
    Column::new("macOS arm64", Kind::Other),
    Column::new("macOS x86_64", Kind::Other),
];

const NAMES: u64 = 180;
const SIDE: u64 = 18;

/// The results of the tests of one run; `None` if it did not record them.
pub(super) fn of_run(site: &Site<'_>, run: &RunRecord) -> Option<Figure> {
    let results = results(run);
    let rows: Vec<_> = results
        .iter()
        .map(|(id, results)| (*id, cells(site, id, run, |it| results.get(&it).copied())))
        .collect();
    (!rows.is_empty()).then(|| figure(site, &rows))
}

/// The newest result of the tests of a package in each environment.
pub(super) fn of_package(site: &Site<'_>, known: &Known<'_>) -> Option<Figure> {
    let id = known.id;
    let runs = || known.attempts(&site.attempts).filter_map(|tried| tried.run);
    // Most attempts fail before any test, and looking for each environment would take longer.
    runs().find(|run| !run.results.is_empty())?;
    let newest = |environment| {
        runs().find_map(|run| {
            let mut results = run.results.iter();
            let result =
                results.find(|it| it.package_id == *id && it.environment == environment)?;
            let says = !matches!(result.result, Verdict::Skipped { .. });
            says.then_some((run, result.result))
        })
    };
    let cells: Vec<Cell> = Environment::ALL
        .iter()
        .map(|&environment| match newest(environment) {
            Some((run, verdict)) => cell(site, id, run, (environment, verdict)),
            None => Cell::Word("not_tested"),
        })
        .collect();
    let was_tested = cells.iter().any(|cell| !matches!(cell, Cell::Word("not_tested")));
    was_tested.then(|| figure(site, &[(id, cells)]))
}

fn cells(
    site: &Site<'_>,
    id: &PackageId,
    run: &RunRecord,
    result: impl Fn(Environment) -> Option<Verdict>,
) -> Vec<Cell> {
    let one = |&environment: &Environment| match result(environment) {
        Some(verdict) => cell(site, id, run, (environment, verdict)),
        None => Cell::Word("not_tested"),
    };
    Environment::ALL.iter().map(one).collect()
}

/// A failure leads to its page.
fn cell(
    site: &Site<'_>,
    id: &PackageId,
    run: &RunRecord,
    (environment, verdict): (Environment, Verdict),
) -> Cell {
    let mut failures = site.failures_of(&run.batch_id).iter();
    let failure = failures.find(|it| it.package_id == *id && it.environment == Some(environment));
    match failure {
        Some(failure) => Cell::Link(Link::new(path::failure(&failure.id), word(verdict))),
        None => Cell::Word(word(verdict)),
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Skipped { .. } => "skipped",
        Verdict::Blocked => "blocked",
    }
}

fn figure(site: &Site<'_>, rows: &[(&PackageId, Vec<Cell>)]) -> Figure {
    let mut chart = Chart {
        title: "Results per environment",
        width: NAMES + 12 + SIDE * Environment::ALL.len() as u64,
        height: SIDE * rows.len() as u64,
        legend: vec![
            ("c-good", "passed"),
            ("c-bad", "failed"),
            ("c-wait", "blocked"),
            ("c-none", "skipped or not tested"),
        ],
        ..Chart::default()
    };
    for (line, (id, cells)) in rows.iter().enumerate() {
        let y = SIDE * line as u64;
        let text = Text::last_line(id.name.as_str(), 26);
        chart.labels.push(Label { x: 0, y: y + 13, text, anchor: "start" });
        for (i, (cell, environment)) in cells.iter().zip(Environment::ALL).enumerate() {
            let word = cell.value();
            // The space separates Linux from macOS.
            let gap = if i < 9 { 0 } else { 12 };
            chart.rects.push(Rect {
                x: NAMES + gap + SIDE * i as u64,
                y: y + 1,
                width: SIDE - 3,
                height: SIDE - 3,
                class: class(&word),
                title: Text::of(format_args!("{}: {word} on {environment}", id.name)).to_string(),
            });
        }
    }
    let row = |(id, cells): &(&PackageId, Vec<Cell>)| {
        let mut row = vec![Cell::link(Link::package(site, id))];
        row.extend(cells.iter().cloned());
        Row::from(row)
    };
    let table = Table {
        id: "matrix",
        caption: Text::new("Results per environment"),
        columns: COLUMNS,
        rows: rows.iter().map(row).collect(),
    };
    Figure { chart, table }
}

fn class(word: &str) -> &'static str {
    match word {
        "passed" => "c-good",
        "failed" => "c-bad",
        "blocked" => "c-wait",
        _ => "c-none",
    }
}

/// The result of each test by package; empty for runs that did not record them.
fn results(run: &RunRecord) -> BTreeMap<&PackageId, BTreeMap<Environment, Verdict>> {
    let mut results: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for result in &run.results {
        results.entry(&result.package_id).or_default().insert(result.environment, result.result);
    }
    results
}
