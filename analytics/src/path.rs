//! Paths of the pages. Every name consists of `[A-Za-z0-9._+~-]`, so links need no encoding. Those
//! that a large site needs by the ten thousand are put together without a formatter.

use std::borrow::Cow;

use batch_core::model::{
    EcosystemId, Environment, Fingerprint, PackageId, PackageName, StatusLabel, slug,
};
use chrono::NaiveDate;

use crate::old::Kind;

/// A package.
pub(crate) fn package(id: &PackageId) -> String {
    ["p/", id.ecosystem.as_str(), "/", &slug(id.name.as_str()), ".html"].concat()
}

/// A run.
pub(crate) fn run(batch_id: &str) -> String {
    ["runs/", &id_name(batch_id), ".html"].concat()
}

/// A failure.
pub(crate) fn failure(failure_id: &str) -> String {
    ["failures/", &id_name(failure_id), ".html"].concat()
}

/// The page of one month of old records of one kind.
pub(crate) fn month(kind: Kind, month: &str) -> String {
    format!("history/{}-{month}.html", kind.as_str())
}

/// The file with these records.
pub(crate) fn archive(kind: Kind, month: &str) -> String {
    format!("history/{}-{month}.jsonl.gz", kind.as_str())
}

/// The file with the outputs of the failures of a month.
pub(crate) fn outputs(month: &str) -> String {
    format!("history/outputs-{month}.jsonl.gz")
}

/// The anchor of an old record on the page of its month.
pub(crate) fn anchor(kind: Kind, id: &str) -> String {
    let letter = match kind {
        Kind::Failures => 'f',
        Kind::Runs => 'r',
    };
    format!("{letter}-{}", id_name(id))
}

/// The page of an ecosystem.
pub(crate) fn ecosystem(id: &EcosystemId) -> String {
    ["ecosystems/", id.as_str(), ".html"].concat()
}

/// Stem of the list of an ecosystem's failures.
pub(crate) fn failures_in(ecosystem: &EcosystemId) -> String {
    format!("failures-in/{ecosystem}")
}

/// Stem of the list of the failures in an environment; of those in none with `None`.
pub(crate) fn environment(environment: Option<Environment>) -> String {
    format!("environments/{}", environment.map_or("none", |environment| environment.as_str()))
}

/// Stem of the list of the failures of one day.
pub(crate) fn day(day: NaiveDate) -> String {
    format!("days/{day}")
}

/// Stem of the list of the runs of one ecosystem; of those of no one ecosystem with `None`.
pub(crate) fn runs_of(ecosystem: Option<&EcosystemId>) -> String {
    format!("runs-of/{}", ecosystem.map_or("_none", |id| id.as_str()))
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

/// Stem of the list of failures of one kind.
pub(crate) fn kind(category: &str, subcategory: &str) -> String {
    ["category/", &slug(category), "/", &slug(subcategory)].concat()
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

/// Path of page `n`, counted from 1, of the list with this stem. A slug ends in `~` and digits only
/// if there are eight digits, so a page number cannot make the name of another list.
pub(crate) fn list(stem: &str, n: usize) -> String {
    if n <= 1 { [stem, ".html"].concat() } else { format!("{stem}~{n}.html") }
}

/// The relative path from the page at `path` back to the top of the site.
pub(crate) fn root_of(path: &str) -> &'static str {
    const UP: &str = "../../../../";
    let n = path.bytes().filter(|byte| *byte == b'/').count();
    UP.get(.."../".len() * n).expect("no page is in more than four folders")
}

/// The file name for an id. An id that consists of slugs and an instant is used as it is, so
/// `run.html?id=` finds the page without a digest. Any other id is made a slug.
fn id_name(id: &str) -> Cow<'_, str> {
    if is_plain(id) { id.into() } else { slug(id) }
}

/// Whether `id` is the name of its own page.
pub(crate) fn is_plain(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && id.len() <= 200
        && !id.ends_with('.')
        && id.bytes().enumerate().all(|(i, byte)| is_in_id(byte) || is_instant_letter(id, i))
}

fn is_in_id(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._+~-".contains(&byte)
}

/// Whether the byte at `i` is the `T` or the `Z` of an instant. Two ids that differ only in case cannot
/// both be plain.
fn is_instant_letter(id: &str, i: usize) -> bool {
    let bytes = id.as_bytes();
    let is_digit = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
    match bytes[i] {
        b'T' => is_digit(i.checked_sub(1)) && is_digit(Some(i + 1)),
        b'Z' => is_digit(i.checked_sub(1)) && matches!(bytes.get(i + 1), None | Some(b'-')),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_this_program_are_page_names_and_others_become_slugs() {
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
    fn a_page_has_the_relative_path_to_the_top_of_the_site() {
        assert_eq!(root_of("index.html"), "");
        assert_eq!(root_of("p/eco/a.html"), "../../");
    }

    #[test]
    fn the_first_page_of_a_list_has_no_number() {
        assert_eq!((list("runs", 1), list("runs", 2)), ("runs.html".into(), "runs~2.html".into()));
    }
}
