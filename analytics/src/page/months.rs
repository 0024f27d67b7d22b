//! Old records: a page for each month, and the list of the months.

use std::collections::BTreeMap;

use askama::Template;

use super::{
    Page,
    frame::Frame,
    list::{self, List},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{
    history::Counts,
    old::{Kind as Record, OldMonth, OldOutputs},
    path,
    site::Site,
    text::Text,
};

#[derive(Template)]
#[template(path = "month.html")]
struct MonthPage<'a> {
    frame: Frame,
    is_of_runs: bool,
    archive: String,
    /// The file with their outputs.
    outputs: Option<String>,
    /// Whether a line says where it was.
    has_places: bool,
    old: &'a OldMonth,
}

/// The page of one kind of record of one month. It depends on nothing else.
pub(crate) fn month(old: &OldMonth) -> Page {
    let path = path::month(old.kind, &old.month);
    let is_of_runs = old.kind == Record::Runs;
    let noun = if is_of_runs { "Runs" } else { "Failures" };
    let section = if is_of_runs { "Runs" } else { "Failures" };
    let title = format!("{noun} of {}", old.month);
    let lines = old.runs.iter().flat_map(|(_, lines)| lines);
    let newest = lines.clone().map(|line| line.at.0).max();
    let has_places = is_of_runs || lines.clone().any(|line| !line.environment.is_empty());
    let file = |path: String| path.rsplit('/').next().unwrap_or_default().to_owned();
    let has_outputs = old.outputs == OldOutputs::InFile;
    let page = MonthPage {
        frame: Frame::fixed(&path, &title, section, newest),
        is_of_runs,
        archive: file(path::archive(old.kind, &old.month)),
        outputs: has_outputs.then(|| file(path::outputs(&old.month))),
        has_places,
        old,
    };
    super::page(path, &page)
}

const COLUMNS: &[Column] = &[
    Column::new("Month", Kind::Name),
    Column::new("Failures", Kind::Number),
    Column::new("Runs", Kind::Number),
    Column::new("Whole records", Kind::Other),
    Column::new("Whole outputs", Kind::Other),
];

fn row(month: &str, counts: Counts) -> Row {
    let page = |kind, n| Cell::count(n, path::month(kind, month));
    let file = |kind: Record, n| {
        let href = path::archive(kind, month);
        (n > 0).then(|| Link::new(href, format!("{}.jsonl.gz", kind.as_str())))
    };
    let files = [file(Record::Failures, counts.n_failures), file(Record::Runs, counts.n_runs)];
    Row::from([
        Cell::text(month),
        page(Record::Failures, counts.n_failures),
        page(Record::Runs, counts.n_runs),
        Cell::Links(Text::default(), files.into_iter().flatten().collect()),
        if counts.has_outputs {
            Cell::Link(Link::new(path::outputs(month), "outputs.jsonl.gz"))
        } else {
            Cell::None
        },
    ])
}

pub(super) fn build(site: &Site<'_>, months: &BTreeMap<String, Counts>) -> Vec<Page> {
    let list = List {
        stem: "history".to_owned(),
        title: "Older records".to_owned(),
        section: "",
        intro: Text::new(
            "Records from before the 90 days that the other pages show: a line for each on the page \
             of its month, and the whole records in a file.",
        ),
        empty: "There is no older record.",
        columns: COLUMNS,
        rows: months.iter().rev().map(|(month, counts)| row(month, *counts)).collect(),
        ..List::default()
    };
    list::write(site, list)
}
