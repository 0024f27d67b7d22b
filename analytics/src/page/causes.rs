//! The pages of single causes of failure, and their list.

use askama::Template;

use super::{
    Page,
    frame::Frame,
    list::{self, Pager},
};
use crate::{
    causes::Cause,
    path,
    site::Site,
    text::{Text, Timestamp},
};

/// A row of the list of causes.
pub(super) struct CauseRow {
    pub(super) kind: Text,
    pub(super) n_packages: usize,
    pub(super) packages_href: String,
    pub(super) n_failures: usize,
    pub(super) href: String,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) example_href: String,
    pub(super) line: Text,
}

impl CauseRow {
    pub(super) fn new(site: &Site<'_>, cause: &Cause<'_>) -> Self {
        let newest = cause.newest();
        Self {
            kind: Text::of(format_args!("{} / {}", newest.category(), newest.subcategory())),
            n_packages: cause.packages.len(),
            packages_href: path::list(&path::cause_packages(cause.fingerprint), 1),
            n_failures: cause.failures.len(),
            href: path::list(&path::cause(cause.fingerprint), 1),
            first: Timestamp(cause.oldest().timestamp),
            last: Timestamp(newest.timestamp),
            example_href: path::failure(&newest.id),
            line: Text::of(site.headline(newest)),
        }
    }
}

#[derive(Template)]
#[template(path = "causes.html")]
struct Causes {
    frame: Frame,
    pager: Pager,
    rows: Vec<CauseRow>,
}

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    for (path, pager, causes) in list::pages("causes", &site.causes) {
        let frame = Frame::live(site, &path, "Causes of failure", "Causes");
        let rows = causes.iter().map(|cause| CauseRow::new(site, cause)).collect();
        put(super::page(path, &Causes { frame, pager, rows }))?;
    }
    Ok(())
}
