//! The tables of all pages. They are one type, so that every table can be filtered, stacked on a
//! small screen, and counted by a test.

use std::collections::BTreeSet;

use askama::Template;
use serde_json::{Value, json};

use super::row::Link;
use crate::text::{Text, Timestamp};

/// A table. Addresses in its cells are relative to the top of the site.
pub(super) struct Table {
    /// The anchor of the table.
    pub(super) id: &'static str,
    pub(super) caption: Text,
    pub(super) columns: &'static [Column],
    pub(super) rows: Vec<Row>,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// The name of the filter; empty if nobody filters by it.
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: ColumnKind,
}

/// What is in the cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// Names the row.
    Name,
    /// One of a few values, by which rows can be filtered.
    Choice,
    /// Like a choice; on a small screen it comes first, because it says how things stand.
    Status,
    Time,
    Number,
    /// A sentence; on a small screen it comes second, because it says why.
    Line,
    Other,
}

impl ColumnKind {
    /// The class of its cells; empty if they look like any other.
    const fn class(self) -> &'static str {
        match self {
            Self::Name | Self::Choice => "",
            Self::Status => "state",
            Self::Time => "when",
            Self::Number => "n",
            Self::Line => "line",
            Self::Other => "other",
        }
    }

    /// Whether stacked rows on a small screen need the name of the column.
    const fn is_labelled(self) -> bool {
        match self {
            Self::Name | Self::Status | Self::Line => false,
            Self::Choice | Self::Time | Self::Number | Self::Other => true,
        }
    }
}

impl Column {
    pub(super) const fn new(label: &'static str, kind: ColumnKind) -> Self {
        Self { key: "", label, kind }
    }

    /// A column by which rows can be filtered.
    pub(super) const fn keyed(key: &'static str, label: &'static str, kind: ColumnKind) -> Self {
        Self { key, label, kind }
    }
}

/// A row of a table, with a cell for each column.
pub(super) struct Row {
    /// The anchor of the row; empty if nothing leads to it.
    pub(super) anchor: String,
    pub(super) cells: Vec<Cell>,
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Self {
        Self { anchor: String::new(), cells }
    }
}

/// What is in one cell.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    None,
    Text(Text),
    Link(Link),
    /// A text, then links.
    Links(Text, Vec<Link>),
    Time(Timestamp),
    TimeLink(Timestamp, String),
    Word(&'static str),
    Number(u64),
    /// A number and the address of the list that has as many rows.
    Count(u64, String),
    /// A command to paste.
    Command(Text),
    Strip(Vec<Mark>),
}

/// How one attempt ended, in a strip of attempts.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) word: &'static str,
    /// What a reader is told about it.
    pub(super) title: String,
    /// The address of its failure or run; empty if it is no link.
    pub(super) href: String,
}

impl Mark {
    /// The word without underscores.
    pub(super) fn label(&self) -> String {
        label(self.word)
    }
}

impl Cell {
    /// A count; without a link if there is nothing to see.
    pub(super) fn count(n: usize, href: impl Into<String>) -> Self {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        if n == 0 { Self::Number(0) } else { Self::Count(n, href.into()) }
    }

    pub(super) fn text(text: impl std::fmt::Display) -> Self {
        let text = Text::of(text);
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }

    pub(super) fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::None, Self::Time)
    }

    /// A link, or its text if it leads nowhere.
    pub(super) fn link(link: Link) -> Self {
        if link.href.is_empty() { Self::Text(link.text) } else { Self::Link(link) }
    }

    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::Text(text) | Self::Command(text) => text.is_empty(),
            Self::Links(text, links) => text.is_empty() && links.is_empty(),
            Self::Strip(marks) => marks.is_empty(),
            Self::Word(word) => word.is_empty(),
            Self::Link(_)
            | Self::Time(_)
            | Self::TimeLink(..)
            | Self::Number(_)
            | Self::Count(..) => false,
        }
    }

    /// The value by which rows are filtered.
    pub(super) fn value(&self) -> String {
        match self {
            Self::Text(text) | Self::Command(text) => text.to_string(),
            Self::Link(link) => link.text.to_string(),
            Self::Word(word) => label(word),
            Self::Number(n) | Self::Count(n, _) => n.to_string(),
            Self::None | Self::Links(..) | Self::Time(_) | Self::TimeLink(..) | Self::Strip(_) => {
                String::new()
            }
        }
    }

    /// The cell in an index: a text, a text with its link (0 marks a status), or a text with several
    /// links.
    fn to_json(&self) -> Value {
        let pair = |link: &Link| json!([link.text.as_str(), link.href]);
        match self {
            Self::Link(link) => pair(link),
            Self::Links(text, links) => {
                json!([text.as_str(), links.iter().map(pair).collect::<Vec<_>>()])
            }
            Self::Time(at) => json!(at.iso()),
            Self::TimeLink(at, href) => json!([at.iso(), href]),
            Self::Count(n, href) => json!([n.to_string(), href]),
            Self::Strip(marks) => {
                let words: Vec<String> = marks.iter().map(Mark::label).collect();
                json!(words.join(", "))
            }
            Self::Word(word) => json!([label(word), 0]),
            Self::None | Self::Text(_) | Self::Number(_) | Self::Command(_) => json!(self.value()),
        }
    }
}

/// The word for a reader.
pub(crate) fn label(word: &str) -> String {
    word.replace('_', " ")
}

/// Which columns of `rows` say something.
pub(super) fn used(columns: &[Column], rows: &[Row]) -> Vec<bool> {
    let is_used = |i: usize| rows.iter().any(|row| !row.cells[i].is_none());
    (0..columns.len()).map(is_used).collect()
}

/// The values of a column, each once and sorted.
pub(super) fn choices(rows: &[Row], column: usize) -> BTreeSet<String> {
    let values = rows.iter().map(|row| row.cells[column].value());
    values.filter(|value| !value.is_empty()).collect()
}

/// All rows for programs: for each column its distinct values, and for each row the number of its
/// value. The script of the site shows filtered rows from it.
pub(super) fn index(columns: &[Column], rows: &[Row]) -> Vec<u8> {
    let column = |(i, column): (usize, &Column)| {
        let mut values: Vec<Value> = vec![];
        let mut numbers = std::collections::HashMap::new();
        let row = |row: &Row| {
            let value = row.cells[i].to_json();
            *numbers.entry(value.to_string()).or_insert_with(|| {
                values.push(value);
                values.len() - 1
            })
        };
        let of_rows: Vec<usize> = rows.iter().map(row).collect();
        json!({"label": column.label, "values": values, "rows": of_rows})
    };
    let columns: Vec<Value> = columns.iter().enumerate().map(column).collect();
    json!({"schema_version": 1, "columns": columns}).to_string().into_bytes()
}

impl Table {
    /// The table as seen from a page with that way to the top of the site.
    pub(super) fn view<'t>(&'t self, root: &'t str) -> TableView<'t> {
        self.part(root, &self.rows)
    }

    /// Some of the rows.
    pub(super) fn part<'t>(&'t self, root: &'t str, rows: &'t [Row]) -> TableView<'t> {
        TableView { root, table: self, used: used(self.columns, &self.rows), rows }
    }
}

/// A table, or a part of it, on a page. A column in which no cell says anything is left out.
#[derive(Template)]
#[template(path = "table.html")]
pub(super) struct TableView<'t> {
    root: &'t str,
    table: &'t Table,
    used: Vec<bool>,
    rows: &'t [Row],
}

/// Its template escapes what it prints, like those of the pages around it.
impl askama::filters::HtmlSafe for TableView<'_> {}
