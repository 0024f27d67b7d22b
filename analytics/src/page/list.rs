//! Lists: long tables in pages that a browser can filter at once.

use std::collections::BTreeSet;

use askama::Template;

use super::{
    Page,
    frame::Frame,
    row::Link,
    row_index,
    table::{self, Cell, Column, ColumnKind, Row, Table, TableView},
};
use crate::{path, site::Site, text::Text};

/// Rows on one page of a list. A browser filters 500 rows in milliseconds; 50,000 rows take
/// seconds.
pub(crate) const N_ROWS: usize = 500;

/// A list with more rows, all of which are in other lists too, does not repeat them.
pub(super) const MAX_REPEATED: usize = 10_000;

/// Rows from which on a list has filters.
const N_TO_FILTER: usize = 6;

/// Which part of its list a page shows.
pub(super) struct Pager {
    pub(super) n_rows: usize,
    /// Numbers of the first and last row, from 1; both 0 for an empty list.
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) n_pages: usize,
    /// Links to the first, the last and the neighbouring pages.
    pub(super) links: Vec<PageLink>,
}

/// A link to another page of the list.
pub(super) struct PageLink {
    pub(super) n: usize,
    pub(super) href: String,
    pub(super) is_here: bool,
}

/// The pages of the list at `stem`, at least one: the path, the position and the rows of each.
pub(super) fn pages<'r, T>(
    stem: &str,
    rows: &'r [T],
) -> impl Iterator<Item = (String, Pager, &'r [T])> {
    let n_pages = rows.len().div_ceil(N_ROWS).max(1);
    (1..=n_pages).map(move |here| {
        let start = (here - 1) * N_ROWS;
        let end = rows.len().min(start + N_ROWS);
        let is_near = |n: &usize| *n == 1 || *n == n_pages || n.abs_diff(here) <= 2;
        let link = |n| PageLink { n, href: path::list(stem, n), is_here: n == here };
        let pager = Pager {
            n_rows: rows.len(),
            first: if end == 0 { 0 } else { start + 1 },
            last: end,
            n_pages,
            links: (1..=n_pages).filter(is_near).map(link).collect(),
        };
        (path::list(stem, here), pager, &rows[start..end])
    })
}

/// A list before it is divided into pages.
#[derive(Default)]
pub(super) struct List {
    pub(super) stem: String,
    pub(super) title: String,
    pub(super) section: &'static str,
    /// What is in the list, in sentences.
    pub(super) intro: Text,
    /// What the list says when it is empty.
    pub(super) empty: &'static str,
    pub(super) facets: Vec<Facet>,
    pub(super) columns: &'static [Column],
    /// The keys of columns that are not shown: they have the same value in all rows, which the title
    /// says.
    pub(super) without: &'static [&'static str],
    pub(super) rows: Vec<Row>,
    /// Lists that together have these rows. If there are more than [`MAX_REPEATED`], they are not
    /// repeated here.
    pub(super) divided: Vec<Part>,
    pub(super) index: Index,
    /// Tables after the list, on its first page.
    pub(super) more: Vec<(&'static str, Table)>,
}

/// Where the script of the site finds all rows of a long list.
#[derive(Default)]
pub(super) enum Index {
    /// In a file of the list.
    #[default]
    Own,
    /// In the file of the list with this stem. The keys and values say which of its rows are meant.
    PartOf(&'static str, Vec<(&'static str, String)>),
}

impl Index {
    /// The file.
    fn path(&self, stem: &str) -> String {
        match self {
            Self::Own => format!("{stem}.rows.json"),
            Self::PartOf(stem, _) => format!("{stem}.rows.json"),
        }
    }

    /// The keys and values as in an address.
    fn preset(&self) -> String {
        let Self::PartOf(_, values) = self else { return String::new() };
        let pair = |(key, value): &(&str, String)| format!("{key}={}", in_address(value));
        values.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

/// `text` with every byte that could mean something else in an address as `%` and two digits.
fn in_address(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let one = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}

/// The parts of a list by one of its properties; each part is a list of its own.
#[derive(Clone, Default)]
pub(super) struct Facet {
    pub(super) name: &'static str,
    pub(super) parts: Vec<Part>,
}

/// A part of a list.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) label: Text,
    pub(super) n: usize,
    pub(super) href: String,
}

/// A field by which the rows can be filtered.
struct Choice {
    key: &'static str,
    label: &'static str,
    options: BTreeSet<String>,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage<'l> {
    frame: Frame,
    list: &'l List,
    pager: Pager,
    choices: &'l [Choice],
    has_time: bool,
    search: Option<&'static str>,
    /// The file with all rows, where this page has a part of them, and which of its rows are meant.
    index: Option<(&'l str, &'l str)>,
    table: TableView<'l>,
    /// The lists that have the rows instead.
    parts: Option<TableView<'l>>,
    n_rows: usize,
    more: Vec<(&'static str, TableView<'l>)>,
}

/// The pages of `list` and the index of its rows.
pub(super) fn write(site: &Site<'_>, mut list: List) -> Vec<Page> {
    let table = Table {
        id: "rows",
        caption: Text::new(&list.title),
        columns: list.columns,
        rows: std::mem::take(&mut list.rows),
    };
    let is_long = N_TO_FILTER <= table.rows.len();
    let choices = if is_long { choices(&table, list.without) } else { vec![] };
    let has = |kind| is_long && list.columns.iter().any(|c| c.kind == kind && !c.key.is_empty());
    let name = list.columns.iter().find(|c| c.kind == ColumnKind::Name && !c.key.is_empty());
    let (index, preset) = (list.index.path(&list.stem), list.index.preset());
    let has_index = N_ROWS < table.rows.len();
    let shown = table.shown(list.without);
    let n_divided: usize = list.divided.iter().map(|part| part.n).sum();
    let is_divided = MAX_REPEATED < n_divided;
    let parts = is_divided.then(|| parts(&list.divided));
    let mut made = vec![];
    let repeated: &[Row] = if is_divided { &[] } else { &table.rows };
    for (path, pager, rows) in pages(&list.stem, repeated) {
        let frame = Frame::live(site, &path, &list.title, list.section);
        let root = path::root_of(&path);
        let is_first = pager.first <= 1;
        let more = list.more.iter().filter(|_| is_first);
        let page = ListPage {
            frame,
            list: &list,
            choices: &choices,
            has_time: has(ColumnKind::Time),
            search: name.filter(|_| is_long).map(|column| column.label),
            index: has_index.then_some((&*index, &*preset)),
            table: table.part(root, rows, shown.clone()).on(&path),
            more: more.map(|(title, table)| (*title, table.view(root))).collect(),
            parts: parts.as_ref().map(|parts| parts.view(root)),
            n_rows: if is_divided { n_divided } else { table.rows.len() },
            pager,
        };
        let n_bytes = page.table.size_hint();
        made.push(super::large_page(path.clone(), &page, n_bytes));
    }
    if has_index && matches!(list.index, Index::Own) {
        made.push(Page { path: index, body: row_index::of_rows(list.columns, &table.rows) });
    }
    made
}

const PARTS: &[Column] =
    &[Column::new("List", ColumnKind::Name), Column::new("Rows", ColumnKind::Number)];

fn parts(lists: &[Part]) -> Table {
    let row = |part: &Part| {
        let name = Link { href: part.href.clone(), text: part.label.clone() };
        Row::from([Cell::Link(name), Cell::count(part.n, &*part.href)])
    };
    Table {
        id: "parts",
        caption: Text::new("The lists that have these rows"),
        columns: PARTS,
        rows: lists.iter().map(row).collect(),
    }
}

fn choices(table: &Table, without: &[&str]) -> Vec<Choice> {
    let is_choice = |column: &Column| {
        matches!(column.kind, ColumnKind::Choice | ColumnKind::Status)
            && !column.key.is_empty()
            && !without.contains(&column.key)
    };
    let columns = table.columns.iter().enumerate().filter(|(_, column)| is_choice(column));
    let choice = |(i, column): (usize, &Column)| Choice {
        key: column.key,
        label: column.label,
        options: table::choices(&table.rows, i),
    };
    // A field with one value chooses nothing.
    columns.map(choice).filter(|choice| choice.options.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_addresses_hide_what_would_end_them() {
        let values = vec![("status", "a b&c=é".to_owned()), ("ecosystem", "npm".to_owned())];
        let index = Index::PartOf("queue", values);
        assert_eq!(index.preset(), "status=a%20b%26c%3D%C3%A9&ecosystem=npm");
        assert_eq!(index.path("x"), "queue.rows.json");
        assert_eq!(Index::Own.path("x"), "x.rows.json");
    }

    fn check(n_rows: usize, expected: &str) {
        let rows = vec![(); n_rows];
        let shown: Vec<String> = pages("a", &rows)
            .map(|(path, pager, rows)| {
                format!("{path} {}-{} {}", pager.first, pager.last, rows.len())
            })
            .collect();
        assert_eq!(shown.join(" | "), expected);
    }

    #[test]
    fn no_row_is_lost_between_pages() {
        check(0, "a.html 0-0 0");
        check(500, "a.html 1-500 500");
        check(501, "a.html 1-500 500 | a~2.html 501-501 1");
    }
}
