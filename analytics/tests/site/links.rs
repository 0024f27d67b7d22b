//! The links between the pages of a site.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    html::{self, Tag},
    is_html,
};

pub(crate) fn html_pages(
    site: &BTreeMap<String, String>,
) -> impl Iterator<Item = (&str, Vec<Tag>)> {
    site.iter().filter(|(path, _)| is_html(path)).map(|(path, body)| (&**path, html::tags(body)))
}

/// Resolves `href` as seen from the page at `path` into the file and the anchor.
pub(crate) fn resolve(path: &str, href: &str) -> (String, Option<String>) {
    let (file, anchor) = match href.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor.to_owned())),
        None => (href, None),
    };
    if file.is_empty() {
        return (path.to_owned(), anchor);
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            ".." => assert!(parts.pop().is_some(), "{href} in {path} leaves the site"),
            part => parts.push(part),
        }
    }
    (parts.join("/"), anchor)
}

/// Checks that every link leads to a file and every anchor to an id; returns how many there are.
pub(crate) fn check_links(site: &BTreeMap<String, String>) -> usize {
    let ids: BTreeMap<&str, BTreeSet<String>> = html_pages(site)
        .map(|(path, tags)| {
            let ids: Vec<String> =
                tags.into_iter().filter_map(|mut tag| tag.attributes.remove("id")).collect();
            let distinct: BTreeSet<String> = ids.iter().cloned().collect();
            assert_eq!(ids.len(), distinct.len(), "an id twice in {path}");
            (path, distinct)
        })
        .collect();
    let mut n_checked = 0;
    for (path, tags) in html_pages(site) {
        for tag in tags {
            for key in ["href", "src", "action"] {
                let Some(target) = tag.attributes.get(key) else { continue };
                if target.starts_with("https://") || (tag.name == "link" && target == "data:,") {
                    continue;
                }
                let (file, anchor) = resolve(path, target);
                let is_asset = ["assets/site.css", "assets/site.js"].contains(&&*file);
                assert!(is_asset || site.contains_key(&file), "{target} in {path}");
                if let Some(anchor) = anchor {
                    assert!(ids[&*file].contains(&anchor), "{target} in {path}");
                }
                n_checked += 1;
            }
        }
    }
    n_checked
}

/// The number of clicks from the first page to each file.
pub(crate) fn distances(site: &BTreeMap<String, String>) -> BTreeMap<String, usize> {
    let pages: BTreeMap<&str, Vec<Tag>> = html_pages(site).collect();
    let mut found = BTreeMap::from([("index.html".to_owned(), 0)]);
    let mut next = VecDeque::from(["index.html".to_owned()]);
    while let Some(path) = next.pop_front() {
        let n = found[&path];
        let Some(tags) = pages.get(&*path) else { continue };
        for tag in tags.iter().filter(|tag| tag.name == "a") {
            let href = &tag.attributes["href"];
            if href.starts_with("https://") {
                continue;
            }
            let (file, _) = resolve(&path, href);
            if !found.contains_key(&file) {
                found.insert(file.clone(), n + 1);
                next.push_back(file);
            }
        }
    }
    found
}
