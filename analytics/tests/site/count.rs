//! Counts the rows to which links with numbers lead.

use std::collections::BTreeMap;

use crate::{
    html::{self, Tag},
    is_html,
    links::resolve,
};

const PARTS: &str = "parts";

/// The number of body rows of each table of a page, by its id. The table of lists that have the rows
/// instead of the page counts as many rows as they have.
fn rows_of(tags: &[Tag]) -> BTreeMap<&str, usize> {
    let mut rows = BTreeMap::new();
    let (mut id, mut is_in_body) = ("", false);
    for tag in tags {
        match &*tag.name {
            "table" => {
                id = tag.attributes.get("id").map_or("", |id| id);
                is_in_body = false;
                rows.insert(id, 0);
            }
            // The row of the head comes before the body.
            "tbody" => is_in_body = true,
            // A heading among the rows is no row.
            "tr" if is_in_body && id != PARTS && !tag.attributes.contains_key("class") => {
                *rows.get_mut(id).unwrap() += 1;
            }
            "a" if id == PARTS => {
                *rows.get_mut(id).unwrap() += tag.text.parse::<usize>().unwrap_or(0);
            }
            _ => {}
        }
    }
    rows
}

/// The tables of all pages, with the numbers of their rows.
type Tables<'p> = BTreeMap<&'p str, BTreeMap<&'p str, usize>>;

/// The number of rows that a reader finds who follows `href` on the page at `path`: those of the table
/// with the anchor of the link, or else those of the list over all of its pages.
fn n_rows_in(tables: &Tables<'_>, (path, href): (&str, &str)) -> usize {
    let (file, anchor) = resolve(path, href);
    if let Some(anchor) = anchor {
        let n = tables[&*file].get(&*anchor);
        return *n.unwrap_or_else(|| panic!("no table at {href} of {path}"));
    }
    let stem = file.strip_suffix(".html").unwrap();
    let parts = (1..).map_while(|n| {
        let path = if n == 1 { file.clone() } else { format!("{stem}~{n}.html") };
        tables.get(&*path)
    });
    let n = |tables: &BTreeMap<&str, usize>, id| tables.get(id).copied().unwrap_or(0);
    parts.map(|tables| n(tables, "rows") + n(tables, PARTS)).sum()
}

/// The same for one link.
pub(crate) fn n_rows(pages: &BTreeMap<&str, Vec<Tag>>, link: (&str, &str)) -> usize {
    let tables = pages.iter().map(|(path, tags)| (*path, rows_of(tags))).collect();
    n_rows_in(&tables, link)
}

/// Checks every link of every page whose text is a number; returns how many there are.
pub(crate) fn check_all(site: &BTreeMap<String, String>) -> usize {
    let pages = parse(site);
    let tables = pages.iter().map(|(path, tags)| (*path, rows_of(tags))).collect();
    let mut n_checked = 0;
    for (path, tags) in &pages {
        let mut tags = tags.iter().peekable();
        while let Some(tag) = tags.next() {
            let is_part = tags.peek().is_some_and(|next| next.name == "bdi");
            let Ok(n) = tag.text.trim().parse::<usize>() else { continue };
            if tag.name != "a" || is_part {
                continue;
            }
            let href = &tag.attributes["href"];
            assert_eq!(n_rows_in(&tables, (path, href)), n, "{href} of {path}");
            n_checked += 1;
        }
    }
    n_checked
}

pub(crate) fn parse(site: &BTreeMap<String, String>) -> BTreeMap<&str, Vec<Tag>> {
    let pages = site.iter().filter(|(path, _)| is_html(path));
    pages.map(|(path, body)| (&**path, html::tags(body))).collect()
}
