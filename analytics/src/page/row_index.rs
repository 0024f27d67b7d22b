//! All rows of a long list for the script of the site, which shows filtered rows from them.

use std::{collections::HashMap, fmt::Write as _};

use serde::Serialize;

use super::{
    cell::{Cell, label},
    row::Link,
    table::{Column, Row},
};
/// For each column its distinct values, and for each row the number of its value.
pub(super) fn of_rows(columns: &[Column], rows: &[Row]) -> Vec<u8> {
    let mut json = String::from("{\"schema_version\":2,\"columns\":[");
    for (i, column) in columns.iter().enumerate() {
        json.push_str(if i == 0 { "{\"label\":" } else { ",{\"label\":" });
        push(&mut json, column.label);
        json.push_str(",\"key\":");
        push(&mut json, column.key);
        let mut values = String::new();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut of_rows = String::with_capacity(rows.len() * 4);
        for row in rows {
            let value = of_cell(&row.cells[i]);
            let known = numbers.get(&value).copied();
            let n = known.unwrap_or_else(|| {
                let n = numbers.len();
                values.push_str(if n == 0 { "" } else { "," });
                values.push_str(&value);
                numbers.insert(value, n);
                n
            });
            let separator = if of_rows.is_empty() { "" } else { "," };
            // Writing into a string cannot fail.
            let _ = write!(of_rows, "{separator}{n}");
        }
        let _ = write!(json, ",\"values\":[{values}],\"rows\":[{of_rows}]}}");
    }
    json.push_str("]}");
    json.into_bytes()
}

fn push(json: &mut String, value: impl Serialize) {
    json.push_str(&serde_json::to_string(&value).expect("it has no maps"));
}

/// A text, a text with its link (0 marks a status), or a text with several links.
fn of_cell(cell: &Cell) -> String {
    let pair = |link: &Link| (link.text.to_string(), link.href.clone());
    let json = match cell {
        Cell::Link(link) => serde_json::to_string(&(link.text.as_str(), &link.href)),
        Cell::Links(text, links) => {
            let links: Vec<(String, String)> = links.iter().map(pair).collect();
            serde_json::to_string(&(text.as_str(), links))
        }
        Cell::Time(at) => serde_json::to_string(&at.to_string()),
        Cell::TimeLink(at, href) => serde_json::to_string(&(at.to_string(), href)),
        Cell::Count(n, href) => serde_json::to_string(&(n.to_string(), href)),
        Cell::Strip(words) => {
            let words: Vec<String> = words.iter().map(|word| label(word)).collect();
            serde_json::to_string(&words.join(", "))
        }
        Cell::Word(word) => serde_json::to_string(&(label(word), 0)),
        Cell::None | Cell::Text(_) | Cell::Number(_) | Cell::Command(_) => {
            serde_json::to_string(&cell.value())
        }
    };
    json.expect("it has no maps")
}
