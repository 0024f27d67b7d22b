//! The page of records that could not be read.

use super::{
    Page,
    list::{self, List},
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{records::Problem, site::Site, text::Text};

const COLUMNS: &[Column] = &[
    Column::keyed("file", "File", Kind::Name),
    Column::new("Line or entry", Kind::Number),
    Column::new("Problem", Kind::Line),
    Column::new("Record", Kind::Line),
];

fn row(problem: &Problem) -> Row {
    Row::from([
        Cell::text(&problem.file),
        // 0 stands for the whole file.
        if problem.place == 0 { Cell::None } else { Cell::Number(problem.place) },
        Cell::text(Text::last_line(&problem.reason, 300)),
        Cell::text(Text::last_line(&problem.raw, 300)),
    ])
}

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let list = List {
        stem: "problems".to_owned(),
        title: "Data problems".to_owned(),
        section: "",
        intro: Text::new(
            "Records that cannot be read. They stay where they are, and no other page shows them.",
        ),
        empty: "Every record could be read.",
        columns: COLUMNS,
        rows: site.records.problems.iter().map(row).collect(),
        ..List::default()
    };
    list::write(site, list)
}
