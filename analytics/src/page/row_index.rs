//! All rows of a long list for the script of the site, which shows filtered rows from them.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    cell::{Cell, label},
    table::{Column, ColumnKind, Row},
};
use crate::Map;

/// For each column its distinct values, and for each row the number of its value.
pub(super) fn of_rows(columns: &[Column], rows: &[Row]) -> Vec<u8> {
    let mut json = b"{\"schema_version\":2,\"columns\":[".to_vec();
    for (i, column) in columns.iter().enumerate() {
        json.extend_from_slice(if i == 0 { b"{\"label\":" } else { b",{\"label\":" });
        push(&mut json, &column.label);
        json.extend_from_slice(b",\"key\":");
        push(&mut json, &column.key);
        let mut values = vec![];
        // Cells are compared as they are, because a long list has a million of them and few values.
        let mut numbers: Map<Cow<'_, Cell>, usize> = Map::default();
        if column.kind == ColumnKind::Name {
            // Nearly every row has another name.
            numbers.reserve(rows.len());
        }
        let mut of_rows = Vec::with_capacity(rows.len() * 4);
        let mut before: Option<(&Cell, usize)> = None;
        for row in rows {
            let cell = &row.cells[i];
            let n = match before {
                // So it is in most columns.
                Some((same, n)) if same == cell => n,
                _ => {
                    let next = numbers.len();
                    *numbers.entry(as_shown(cell)).or_insert_with(|| {
                        values.extend_from_slice(if next == 0 { b"" } else { b"," });
                        push_cell(&mut values, cell);
                        next
                    })
                }
            };
            before = Some((cell, n));
            of_rows.extend_from_slice(if of_rows.is_empty() { b"" } else { b"," });
            push(&mut of_rows, &n);
        }
        json.extend_from_slice(b",\"values\":[");
        json.append(&mut values);
        json.extend_from_slice(b"],\"rows\":[");
        json.append(&mut of_rows);
        json.extend_from_slice(b"]}");
    }
    json.extend_from_slice(b"]}");
    json
}

/// `cell` without what readers do not see of it: of an instant, only the minute is shown.
fn as_shown(cell: &Cell) -> Cow<'_, Cell> {
    if let Cell::Time(at) = cell {
        Cow::Owned(Cell::Time(at.to_minute()))
    } else {
        Cow::Borrowed(cell)
    }
}

fn push(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value).expect("it has no maps");
}

/// A text, a text with its link (0 marks a status), or a text with several links.
fn push_cell(json: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Link(link) => push(json, &(link.text.as_str(), &link.href)),
        Cell::Links(text, links) => {
            let links: Vec<_> = links.iter().map(|link| (link.text.as_str(), &link.href)).collect();
            push(json, &(text.as_str(), links));
        }
        Cell::Time(at) => push(json, &at.to_string()),
        Cell::TimeLink(at, href) => push(json, &(at.to_string(), href)),
        Cell::Count(n, href) => push(json, &(n.to_string(), href)),
        Cell::Strip(words) => {
            let words: Vec<String> = words.iter().map(|word| label(word)).collect();
            push(json, &words.join(", "));
        }
        Cell::Word(word) => push(json, &(label(word), 0)),
        Cell::None | Cell::Text(_) | Cell::Number(_) | Cell::Command(_) => {
            push(json, &cell.value());
        }
    }
}
