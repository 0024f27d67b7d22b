//! The list of causes of failure.

use super::{
    Page,
    list::{self, List},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{
    causes::Cause,
    path,
    site::Site,
    text::{Text, Timestamp},
};

pub(super) const COLUMNS: &[Column] = &[
    Column::new("Example", Kind::Line),
    Column::keyed("category", "Category", Kind::Choice),
    Column::keyed("subcategory", "Subcategory", Kind::Status),
    Column::new("Packages", Kind::Number),
    Column::new("Failures", Kind::Number),
    Column::new("First seen", Kind::Time),
    Column::keyed("time", "Last seen", Kind::Time),
    Column::new("What to do", Kind::Line),
];

/// A row about failures with one fingerprint.
pub(super) fn row(site: &Site<'_>, cause: &Cause<'_>) -> Row {
    let newest = cause.newest();
    Row::from([
        Cell::Link(Link::new(&*site.shown(newest).href, site.headline(newest).line.as_str())),
        Cell::text(newest.category()),
        Cell::text(newest.subcategory()),
        Cell::count(cause.packages.len(), path::list(&path::cause_packages(cause.fingerprint), 1)),
        Cell::count(cause.failures.len(), path::list(&path::cause(cause.fingerprint), 1)),
        Cell::Time(Timestamp(cause.oldest().timestamp)),
        Cell::Time(Timestamp(newest.timestamp)),
        Cell::text(newest.kind().row().remediation),
    ])
}

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let list = List {
        stem: "causes".to_owned(),
        title: "Causes of failure".to_owned(),
        section: "Causes",
        intro: Text::new(
            "Failures with the same final error lines. The cause that hit the most packages comes \
             first.",
        ),
        empty: "No failure is recorded.",
        columns: COLUMNS,
        rows: site.causes.iter().map(|cause| row(site, cause)).collect(),
        ..List::default()
    };
    list::write(site, list)
}
