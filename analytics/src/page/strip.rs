//! Attempts as marks beside each other.

use super::{
    row::Link,
    table::{Cell, label},
};
use crate::{
    known::Known,
    path,
    site::Site,
    text::{Text, Timestamp},
    tried::Tried,
};

/// Attempts in a strip.
const N_MARKS: usize = 10;

/// How one attempt ended.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) word: &'static str,
    /// What a reader is told about it.
    pub(super) title: String,
    /// The address of its failure or run.
    pub(super) href: String,
}

impl Mark {
    /// The word without underscores.
    pub(super) fn label(&self) -> String {
        label(self.word)
    }
}

/// How the last ten attempts at a package ended, the newest one last; nothing if there is one only.
pub(super) fn cell(site: &Site<'_>, known: Option<&Known<'_>>) -> Cell {
    let Some(known) = known.filter(|known| 1 < known.n_attempts()) else { return Cell::None };
    let attempts = known.attempts(&site.attempts).take(N_MARKS);
    Cell::Strip(attempts.rev().map(|tried| tried.ended.as_str()).collect())
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
