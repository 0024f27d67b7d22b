//! The tables of all pages. They are one type, so that every table can be filtered, stacked on a
//! small screen, and counted by a test.

use std::{collections::BTreeSet, fmt, sync::Arc};

pub(super) use super::cell::Cell;
pub(crate) use super::cell::label;
use askama::{FastWritable, Values};

use crate::{html::Html, text::Text};

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
    /// One of a few values, by which rows can be filtered. They say what they are.
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
            Self::Name | Self::Status | Self::Line | Self::Choice => false,
            Self::Time | Self::Number | Self::Other => true,
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

/// A row of a table, with a cell for each column. Several lists share it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) cells: Arc<[Cell]>,
}

impl<T: Into<Arc<[Cell]>>> From<T> for Row {
    fn from(cells: T) -> Self {
        Self { cells: cells.into() }
    }
}

/// The values of a column, each once and sorted.
pub(super) fn choices(rows: &[Row], column: usize) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for row in rows {
        let value = row.cells[column].value();
        if !value.is_empty() && !values.contains(&*value) {
            values.insert(value.into_owned());
        }
    }
    values
}

impl Table {
    /// The table as seen from a page with that way to the top of the site.
    pub(super) fn view<'t>(&'t self, root: &'static str) -> TableView<'t> {
        self.part(root, &self.rows, self.shown(&[]))
    }

    /// Some of the rows, with the columns of these numbers.
    pub(super) fn part<'t>(
        &'t self,
        root: &'static str,
        rows: &'t [Row],
        shown: Vec<usize>,
    ) -> TableView<'t> {
        TableView { root, page: "", table: self, shown, rows }
    }

    /// The numbers of the columns in which a cell says something, without those with these keys.
    pub(super) fn shown(&self, without: &[&str]) -> Vec<usize> {
        let is_wanted = |column: &Column| column.key.is_empty() || !without.contains(&column.key);
        let says = |i: usize| self.rows.iter().any(|row| !row.cells[i].is_none());
        let columns = self.columns.iter().enumerate();
        columns.filter(|(i, column)| is_wanted(column) && says(*i)).map(|(i, _)| i).collect()
    }
}

/// A table, or a part of it, on a page. A column in which no cell says anything is left out.
pub(super) struct TableView<'t> {
    root: &'static str,
    /// The path of the page, if links may lead to rows of the table; empty if none do.
    page: &'t str,
    table: &'t Table,
    /// The numbers of the columns that are shown.
    shown: Vec<usize>,
    rows: &'t [Row],
}

/// Usual size of a row in bytes.
const ROW_BYTES: usize = 360;

impl fmt::Display for TableView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl FastWritable for TableView<'_> {
    fn write_into(&self, into: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(self.write(into)?)
    }
}

impl<'t> TableView<'t> {
    /// The same on the page at `path`, where a row is the target of links if its own link leads to it.
    pub(super) fn on(self, path: &'t str) -> Self {
        Self { page: path, ..self }
    }

    /// Row by row, so that no table is in memory twice.
    fn write(&self, into: &mut dyn fmt::Write) -> fmt::Result {
        let mut html = Html::with_capacity(2 * ROW_BYTES);
        self.write_head(&mut html);
        for row in self.rows {
            self.write_row(row, &mut html);
            html.move_into(into)?;
        }
        html.markup("</tbody>\n</table>\n</div>");
        html.move_into(into)
    }

    /// About how many bytes it has.
    pub(super) fn size_hint(&self) -> usize {
        self.rows.len() * ROW_BYTES
    }

    fn write_head(&self, html: &mut Html) {
        let caption = self.table.caption.as_str();
        html.markup("<div class=\"scroll\" role=\"region\" aria-label=\"").text(caption);
        html.markup("\" tabindex=\"0\">\n<table id=\"").markup(self.table.id).markup("\">\n");
        html.markup("<caption class=\"sr\">").text(caption).markup("</caption>\n<thead><tr>");
        for &i in &self.shown {
            let column = &self.table.columns[i];
            html.markup("<th scope=\"col\"");
            write_class(column.kind, html);
            if !column.key.is_empty() {
                html.markup(" data-key=\"").markup(column.key).markup("\"");
            }
            html.markup(">").markup(column.label).markup("</th>");
        }
        html.markup("</tr></thead>\n<tbody>\n");
    }

    /// The text and the anchor in `cell` if its link leads to its own row.
    fn target<'r>(&self, cell: &'r Cell) -> Option<(&'r Text, &'r str)> {
        let Cell::Link(link) = cell else { return None };
        let anchor = link.href.strip_prefix(self.page).filter(|_| !self.page.is_empty())?;
        Some((&link.text, anchor.strip_prefix('#')?))
    }

    fn write_row(&self, row: &Row, html: &mut Html) {
        let target = self.shown.first().and_then(|&i| self.target(&row.cells[i]));
        match target {
            None => html.markup("<tr>"),
            Some((_, anchor)) => html.markup("<tr id=\"").text(anchor).markup("\">"),
        };
        for (place, &i) in self.shown.iter().enumerate() {
            let kind = self.table.columns[i].kind;
            // The first cell names the row.
            html.markup(if place == 0 { "<th scope=\"row\"" } else { "<td" });
            write_class(kind, html);
            if place > 0 && kind.is_labelled() {
                html.markup(" data-label=\"").markup(self.table.columns[i].label).markup("\"");
            }
            html.markup(">");
            match target {
                Some((text, _)) if place == 0 => {
                    html.isolated(text.as_str());
                }
                _ => row.cells[i].write(self.root, html),
            }
            html.markup(if place == 0 { "</th>" } else { "</td>" });
        }
        html.markup("</tr>\n");
    }
}

fn write_class(kind: ColumnKind, html: &mut Html) {
    if !kind.class().is_empty() {
        html.markup(" class=\"").markup(kind.class()).markup("\"");
    }
}

/// `Html` escapes every text of it.
impl askama::filters::HtmlSafe for TableView<'_> {}
