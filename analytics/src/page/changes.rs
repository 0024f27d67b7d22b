//! What a run changed: how each package stands now, compared with its attempt before.

use batch_core::model::PackageId;

use super::{
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row, Table},
};
use crate::{
    site::Site,
    text::Text,
    tried::{Ended, Tried},
};

/// Packages whose state changed, or did not change, in the same way.
pub(super) struct Change<'a> {
    /// The anchor of their table.
    pub(super) id: &'static str,
    pub(super) label: &'static str,
    pub(super) meaning: &'static str,
    packages: Vec<&'a PackageId>,
}

const COLUMNS: &[Column] = &[Column::new("Package", Kind::Name), Column::new("Now", Kind::Status)];

impl Change<'_> {
    pub(super) fn n(&self) -> usize {
        self.packages.len()
    }

    /// The packages, as of the run.
    pub(super) fn table(&self, site: &Site<'_>, batch_id: &str) -> Table {
        let row = |id: &&PackageId| {
            let tried = site.attempts_at(id).find(|it| it.batch_id == batch_id);
            Row::from([
                Cell::link(Link::package(site, id)),
                tried.map_or(Cell::None, |it| Cell::Word(it.ended.as_str())),
            ])
        };
        Table {
            id: self.id,
            caption: Text::new(&format!("{}: {}", self.label, self.meaning)),
            columns: COLUMNS,
            rows: self.packages.iter().map(row).collect(),
        }
    }
}

/// The kinds of changes: anchor, heading, meaning. The most urgent comes first.
const KINDS: &[(&str, &str, &str)] = &[
    ("regressed", "Regressed", "worked once, and failed now"),
    ("newly-failing", "Newly failing", "failed for the first time"),
    ("newly-verified", "Newly verified", "verified for the first time, or again after a failure"),
    ("still-failing", "Still failing", "failed again"),
    ("transient", "Transient", "a service or a machine failed; counts against no package"),
];

/// The changes of one run; kinds without a package are left out.
pub(super) fn of_batch<'a>(site: &'a Site<'_>, batch_id: &str) -> Vec<Change<'a>> {
    let mut changes: Vec<Change<'_>> = KINDS
        .iter()
        .map(|&(id, label, meaning)| Change { id, label, meaning, packages: vec![] })
        .collect();
    for tried in site.attempts.of_batch(batch_id) {
        let before: Vec<&Tried<'_>> = site
            .attempts_at(tried.package)
            .skip_while(|it| it.batch_id != batch_id)
            .skip(1)
            .collect();
        if let Some(kind) = kind(site, tried, &before) {
            changes[kind].packages.push(tried.package);
        }
    }
    changes.retain(|change| !change.packages.is_empty());
    changes
}

/// The number of the kind of change in [`KINDS`].
fn kind(site: &Site<'_>, tried: &Tried<'_>, before: &[&Tried<'_>]) -> Option<usize> {
    let failed_before =
        before.iter().find(|it| !matches!(it.ended, Ended::Spared | Ended::Unknown));
    let failed_before = failed_before.is_some_and(|it| !it.ended.is_verified());
    let worked_once = || {
        let entry = site.entry(tried.package);
        before.iter().any(|it| it.ended.is_verified())
            || entry.is_some_and(|it| it.regressed_at.is_some() || it.verified_at.is_some())
    };
    match tried.ended {
        Ended::Failed | Ended::Blocked if failed_before => Some(3),
        Ended::Failed | Ended::Blocked if worked_once() => Some(0),
        Ended::Failed | Ended::Blocked => Some(1),
        Ended::Verified | Ended::VerifiedInPart if failed_before || before.is_empty() => Some(2),
        Ended::Verified | Ended::VerifiedInPart | Ended::Unknown => None,
        Ended::Spared => Some(4),
    }
}
