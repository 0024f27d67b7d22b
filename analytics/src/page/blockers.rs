//! The list of packages that others wait for.

use super::{
    Page,
    list::{self, List},
    row::{self, Link, NOT_QUEUED},
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{blockers::Blocker, path, site::Site, text::Text};

const COLUMNS: &[Column] = &[
    Column::keyed("package", "Blocker", Kind::Name),
    Column::keyed("ecosystem", "Ecosystem", Kind::Choice),
    Column::new("Unlocks", Kind::Number),
    Column::new("Waiting", Kind::Number),
    Column::keyed("status", "Its own status", Kind::Status),
    Column::new("What to do", Kind::Other),
];

/// What the first page shows of it.
pub(super) const SHORT_COLUMNS: &[Column] = &[
    Column::new("Blocker", Kind::Name),
    Column::new("Unlocks", Kind::Number),
    Column::new("Waiting", Kind::Number),
    Column::new("Its own status", Kind::Status),
];

pub(super) fn short_row(site: &Site<'_>, blocker: &Blocker<'_>) -> Row {
    let cells = row(site, blocker).cells;
    let name = Link { text: Text::of(&blocker.id), ..Link::package(site, &blocker.id) };
    Row::from([&[Cell::link(name)], &cells[2..5]].concat())
}

fn row(site: &Site<'_>, blocker: &Blocker<'_>) -> Row {
    let id = &blocker.id;
    let list = path::list(&path::blocker(&id.ecosystem, &id.name), 1);
    let status = blocker.entry.map_or(NOT_QUEUED, |entry| row::status(entry.status.label()));
    Row::from([
        Cell::link(Link::package(site, id)),
        Cell::text(&id.ecosystem),
        Cell::count(blocker.unlocks.len(), format!("{list}#unlocks")),
        Cell::count(blocker.waiting.len(), list),
        Cell::Word(status),
        Cell::Command(Text::new(&blocker.command())),
    ])
}

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let list = List {
        stem: "blockers".to_owned(),
        title: "Blockers".to_owned(),
        section: "Blockers",
        intro: Text::new(
            "Packages without a recipe that others wait for. “Unlocks” counts those that wait for \
             nothing else.",
        ),
        empty: "Nothing waits for a missing recipe.",
        columns: COLUMNS,
        rows: site.blockers.iter().map(|blocker| row(site, blocker)).collect(),
        ..List::default()
    };
    list::write(site, list)
}
