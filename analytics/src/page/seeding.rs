//! How much of the registries the queues cover.

use batch_core::model::{SeedSkip, SeedingRecord, StatusLabel};

use super::{
    Page,
    list::{self, List},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row, Table},
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
};

const COLUMNS: &[Column] = &[
    Column::new("Ecosystem", Kind::Name),
    Column::new("Queued", Kind::Number),
    Column::new("With a recipe", Kind::Number),
    Column::new("Coverage", Kind::Number),
    Column::new("Last seeding", Kind::Time),
    Column::new("Result", Kind::Status),
    Column::new("Listed by the registry", Kind::Number),
    Column::new("Not looked at", Kind::Number),
    Column::new("Command", Kind::Other),
];

const RUN_COLUMNS: &[Column] = &[
    Column::keyed("time", "Ended", Kind::Time),
    Column::keyed("ecosystem", "Ecosystem", Kind::Choice),
    Column::keyed("result", "Result", Kind::Status),
    Column::new("Looked at", Kind::Number),
    Column::new("Added", Kind::Number),
    Column::new("Refreshed", Kind::Number),
    Column::new("Left out", Kind::Line),
    Column::new("Suspicious", Kind::Number),
    Column::new("Why not all", Kind::Line),
];

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let seedings = &site.records.seedings;
    let runs = Table {
        id: "seedings",
        caption: Text::new("Seeding runs, newest first"),
        columns: RUN_COLUMNS,
        rows: seedings.iter().take(list::N_ROWS).map(run_row).collect(),
    };
    let list = List {
        stem: "seeding".to_owned(),
        title: "Seeding".to_owned(),
        section: "Ecosystems",
        intro: Text::new(
            "Which part of each queue has a recipe, and how much of its registry was looked at.",
        ),
        empty: "There is no queue. `tsuku-batch init` makes them, `tsuku-batch seed` fills them.",
        columns: COLUMNS,
        rows: rows(site),
        more: if runs.rows.is_empty() { vec![] } else { vec![("Seeding runs", runs)] },
        ..List::default()
    };
    list::write(site, list)
}

fn rows(site: &Site<'_>) -> Vec<Row> {
    let row = |ecosystem| {
        let n = site.entries.count(Some(ecosystem), None);
        let n_done = site.entries.count(Some(ecosystem), Some(StatusLabel::Success));
        let last = site.records.seedings.iter().find(|it| it.ecosystem == *ecosystem);
        let listed = last.and_then(|it| it.expected).map(|n| n as u64);
        let left = last.and_then(|it| it.not_visited).map(|n| n as u64);
        let command = site.is_served(ecosystem).then(|| format!("tsuku-batch seed {ecosystem}"));
        let without = if command.is_some() { "never_seeded" } else { "no_seeder" };
        let share = (n_done * 100).checked_div(n);
        let done = path::list(&path::status_in(ecosystem, StatusLabel::Success), 1);
        Row::from([
            Cell::Link(Link::ecosystem(ecosystem)),
            Cell::count(n, path::list(&path::queue(ecosystem), 1)),
            Cell::count(n_done, done),
            share.map_or(Cell::None, |share| Cell::of(format_args!("{share} %"))),
            Cell::time(last.map(|it| Timestamp(it.ended_at))),
            last.map_or(Cell::Word(without), |it| Cell::Word(it.outcome.as_str())),
            listed.map_or(Cell::None, Cell::Number),
            left.map_or(Cell::None, Cell::Number),
            command.map_or(Cell::None, |command| Cell::Command(Text::new(&command))),
        ])
    };
    site.ecosystems().into_iter().map(row).collect()
}

fn run_row(seeding: &SeedingRecord) -> Row {
    let skipped = |(reason, n): (&SeedSkip, &usize)| format!("{n} {}", reason.as_str());
    let skipped: Vec<String> = seeding.skipped.iter().map(skipped).collect();
    let why = seeding.sources.iter().filter_map(|source| source.reason.as_deref());
    let why: Vec<&str> = why.collect();
    Row::from([
        Cell::Time(Timestamp(seeding.ended_at)),
        Cell::text(&seeding.ecosystem),
        Cell::Word(seeding.outcome.as_str()),
        Cell::Number(seeding.seen as u64),
        Cell::Number(seeding.added as u64),
        Cell::Number(seeding.refreshed as u64),
        Cell::text(skipped.join(", ")),
        Cell::Number(seeding.suspicious.len() as u64),
        Cell::text(Text::last_line(&why.join("; "), 300)),
    ])
}
