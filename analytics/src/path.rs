//! Where each page lies under the site. Every name is `[A-Za-z0-9._+~-]`, so no link needs encoding.

use batch_core::model::{EcosystemId, Fingerprint, PackageId, PackageName, StatusLabel, slug};

/// A package.
pub(crate) fn package(id: &PackageId) -> String {
    format!("p/{}/{}.html", id.ecosystem, slug(id.name.as_str()))
}

/// A run.
pub(crate) fn run(batch_id: &str) -> String {
    format!("runs/{}.html", id_name(batch_id))
}

/// A failure.
pub(crate) fn failure(failure_id: &str) -> String {
    format!("failures/{}.html", id_name(failure_id))
}

/// Stem of the list of entries with one status.
pub(crate) fn status(status: StatusLabel) -> String {
    status.as_str().to_owned()
}

/// Stem of the list of one ecosystem's entries with one status.
pub(crate) fn status_in(ecosystem: &EcosystemId, status: StatusLabel) -> String {
    format!("queue/{ecosystem}/{}", status.as_str())
}

/// Stem of the list of one ecosystem's entries.
pub(crate) fn queue(ecosystem: &EcosystemId) -> String {
    format!("queue/{ecosystem}/all")
}

/// Stem of the list of failures with one category.
pub(crate) fn category(category: &str) -> String {
    format!("category/{}", slug(category))
}

/// Stem of the list of failures with one cause.
pub(crate) fn cause(fingerprint: Fingerprint) -> String {
    format!("causes/{fingerprint}")
}

/// Stem of the list of packages that failed for one cause.
pub(crate) fn cause_packages(fingerprint: Fingerprint) -> String {
    format!("causes/{fingerprint}~packages")
}

/// Stem of the list of packages that wait for one.
pub(crate) fn blocker(ecosystem: &EcosystemId, name: &PackageName) -> String {
    format!("blockers/{ecosystem}/{}", slug(name.as_str()))
}

/// Page `n` of the list with this stem, from 1. A slug never ends in `~` and digits alone unless
/// they are eight, so a page number is no other list's name.
pub(crate) fn list(stem: &str, n: usize) -> String {
    if n <= 1 { format!("{stem}.html") } else { format!("{stem}~{n}.html") }
}

/// Way from the page at `path` back to the top of the site.
pub(crate) fn root_of(path: &str) -> String {
    "../".repeat(path.matches('/').count())
}

/// An id is made of slugs and an instant, and is its own page name: `run.html?id=` then needs no
/// digest to find it. An id of any other form has a slug like everything else.
fn id_name(id: &str) -> String {
    let is_plain = id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && id.len() <= 200
        && !id.ends_with('.')
        && without_instant_letters(id).chars().all(is_in_id);
    if is_plain { id.to_owned() } else { slug(id) }
}

fn is_in_id(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || "._+~-".contains(c)
}

/// `T` and `Z` stay capital between digits: two ids that differ in case only cannot both be plain.
fn without_instant_letters(id: &str) -> String {
    let bytes = id.as_bytes();
    let is_digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    let lowered = |(i, c): (usize, char)| match c {
        'T' if is_digit(i.checked_sub(1)) && is_digit(Some(i + 1)) => 't',
        'Z' if is_digit(i.checked_sub(1)) && matches!(bytes.get(i + 1), None | Some(b'-')) => 'z',
        c => c,
    };
    id.char_indices().map(lowered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_ids_are_page_names_and_others_are_slugs() {
        for id in ["npm-2026-11-21T13-00-05Z", "npm-2026-11-21T13-00-05Z-_angular_cli~1a2b3c4d"] {
            assert_eq!(run(id), format!("runs/{id}.html"));
        }
        for id in ["../../etc/passwd", "A", "a b", "a\"onclick=", "", ".", "-", "nul.", "x/y"] {
            let path = failure(id);
            assert!(path.contains('~') || path == "failures/-.html", "{path}");
            assert!(!path["failures/".len()..].contains(['/', ' ', '"']), "{path}");
        }
    }

    #[test]
    fn a_page_finds_the_top_of_the_site() {
        assert_eq!(root_of("index.html"), "");
        assert_eq!(root_of("p/eco/a.html"), "../../");
    }

    #[test]
    fn the_first_page_of_a_list_has_no_number() {
        assert_eq!((list("runs", 1), list("runs", 2)), ("runs.html".into(), "runs~2.html".into()));
    }
}
