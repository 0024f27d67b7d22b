//! Attempts as marks beside each other.

use batch_core::model::PackageId;

use super::{
    row::Link,
    table::{Mark, label},
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
    tried::Tried,
};

/// Attempts in a strip.
const N_MARKS: usize = 10;

/// The last ten attempts at a package, the newest one last; nothing if there is one only. The marks
/// lead to the failures and runs.
pub(super) fn linked(site: &Site<'_>, id: &PackageId) -> Vec<Mark> {
    let attempts = site.last_attempts(id, N_MARKS);
    if attempts.len() < 2 {
        return vec![];
    }
    attempts.into_iter().rev().map(|tried| mark(site, tried)).collect()
}

/// The same without links, for tables, in which the row has links already.
pub(super) fn plain(site: &Site<'_>, id: &PackageId) -> Vec<Mark> {
    let without_link = |mark| Mark { href: String::new(), ..mark };
    linked(site, id).into_iter().map(without_link).collect()
}

/// An attempt as a mark that leads to its failure or its run.
pub(super) fn mark(site: &Site<'_>, tried: &Tried<'_>) -> Mark {
    let why = tried.failures.first().map(|failure| format!(": {}", failure.kind()));
    let word = tried.ended.as_str();
    Mark {
        word,
        title: Text::of(format_args!(
            "{} {}{}",
            Timestamp(tried.at),
            label(word),
            why.unwrap_or_default()
        ))
        .to_string(),
        href: match tried.failures.first() {
            Some(failure) => path::failure(&failure.id),
            None => Link::run(site, tried.batch_id).href,
        },
    }
}
