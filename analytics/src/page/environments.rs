//! The list of environments, with what was tested in each.

use std::collections::BTreeMap;

use batch_core::model::{Environment, EnvironmentCounts};

use super::{
    Page,
    list::{self, List},
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{path, site::Site, text::Text};

const COLUMNS: &[Column] = &[
    Column::new("Environment", Kind::Name),
    Column::new("Tested", Kind::Number),
    Column::new("Passed", Kind::Number),
    Column::new("Failed", Kind::Number),
    Column::new("Blocked", Kind::Number),
    Column::new("Skipped", Kind::Number),
    Column::new("Passed of tested", Kind::Number),
    Column::new("Failure records", Kind::Number),
];

/// The sums over `site`'s runs, by environment; every environment has a line.
pub(super) fn sums(site: &Site<'_>) -> BTreeMap<Environment, EnvironmentCounts> {
    let mut sums: BTreeMap<Environment, EnvironmentCounts> =
        Environment::ALL.iter().map(|&it| (it, EnvironmentCounts::default())).collect();
    for (environment, counts) in site.records.runs.iter().flat_map(|run| &run.environments) {
        let sum = sums.entry(*environment).or_default();
        sum.tested += counts.tested;
        sum.passed += counts.passed;
        sum.failed += counts.failed;
        sum.blocked += counts.blocked;
        sum.skipped += counts.skipped;
    }
    sums
}

fn row(site: &Site<'_>, environment: Environment, counts: &EnvironmentCounts) -> Row {
    let failures = &site.records.failures;
    let n = failures.iter().filter(|failure| failure.environment == Some(environment)).count();
    let share = (counts.passed * 100).checked_div(counts.tested);
    // Columns that are zero everywhere are left out.
    let rare = |n| if n == 0 { Cell::None } else { Cell::Number(n) };
    Row::from([
        Cell::text(environment.as_str()),
        Cell::Number(counts.tested),
        Cell::Number(counts.passed),
        Cell::Number(counts.failed),
        rare(counts.blocked),
        rare(counts.skipped),
        share.map_or(Cell::text("nothing counted"), |share| Cell::of(format_args!("{share} %"))),
        Cell::count(n, path::list(&path::environment(Some(environment)), 1)),
    ])
}

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let list = List {
        stem: "environments".to_owned(),
        title: "Environments".to_owned(),
        section: "Environments",
        intro: Text::new(
            "What the recipes of all runs gave in each environment. Validation goes from cheap to \
             expensive; a recipe that fails in a cheap one is not tested in the others. Failure \
             records are counted by themselves: some are of runs that did not count results by \
             environment.",
        ),
        empty: "",
        columns: COLUMNS,
        rows: sums(site).iter().map(|(it, counts)| row(site, *it, counts)).collect(),
        ..List::default()
    };
    list::write(site, list)
}
