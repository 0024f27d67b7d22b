//! Counts the rows to which links with numbers lead.

use std::collections::BTreeMap;

use crate::{
    html::{self, Tag},
    is_html,
    structure::resolve,
};

/// The number of body rows of the table with that id on a page; `None` if there is no such table.
fn n_rows_of(tags: &[Tag], id: &str) -> Option<usize> {
    let is_it =
        |tag: &Tag| tag.name == "table" && tag.attributes.get("id").is_some_and(|it| it == id);
    let start = tags.iter().position(is_it)?;
    let rest = tags[start + 1..].iter().take_while(|tag| tag.name != "table");
    let body = rest.skip_while(|tag| tag.name != "tbody");
    // The row of the head comes before the body, and a heading among the rows is no row.
    let is_row = |tag: &&Tag| tag.name == "tr" && !tag.attributes.contains_key("class");
    Some(body.filter(is_row).count())
}

/// The number of rows that a reader finds who follows `href` on the page at `path`: those of the table
/// with the anchor of the link, or else those of the list over all of its pages.
pub(crate) fn n_rows(pages: &BTreeMap<&str, Vec<Tag>>, (path, href): (&str, &str)) -> usize {
    let (file, anchor) = resolve(path, href);
    if let Some(anchor) = anchor {
        let n = n_rows_of(&pages[&*file], &anchor);
        return n.unwrap_or_else(|| panic!("no table at {href} of {path}"));
    }
    let stem = file.strip_suffix(".html").unwrap();
    let parts = (1..).map_while(|n| {
        let path = if n == 1 { file.clone() } else { format!("{stem}~{n}.html") };
        pages.get(&*path)
    });
    parts.map(|tags| n_rows_of(tags, "rows").unwrap_or(0)).sum()
}

/// Checks every link of every page whose text is a number; returns how many there are.
pub(crate) fn check_all(site: &BTreeMap<String, String>) -> usize {
    let pages = parse(site);
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
            assert_eq!(n_rows(&pages, (path, href)), n, "{href} of {path}");
            n_checked += 1;
        }
    }
    n_checked
}

pub(crate) fn parse(site: &BTreeMap<String, String>) -> BTreeMap<&str, Vec<Tag>> {
    let pages = site.iter().filter(|(path, _)| is_html(path));
    pages.map(|(path, body)| (&**path, html::tags(body))).collect()
}
