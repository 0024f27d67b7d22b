//! Pages that redirect: they find the page of an id that is given in the address.

use std::collections::BTreeSet;

use askama::Template;
use batch_core::model::RunName;

use super::{Page, frame::Frame, row::Link};
use crate::{path, site::Site};

#[derive(Template)]
#[template(path = "redirect.html")]
struct Redirect {
    frame: Frame,
    noun: &'static str,
    list: &'static str,
    /// Records of runs that started earlier are on the pages of their months; as in ids.
    since: String,
    /// Records whose ids do not say when their run started, or are not the names of their pages.
    odd: Vec<Link>,
}

pub(super) fn build(site: &Site<'_>) -> [Page; 2] {
    let since = site.records.since.map(RunName::text_of).unwrap_or_default();
    let redirect = |path: &str, noun, list, odd| {
        let frame = Frame::fixed(path, &format!("Find a {noun}"), "", site.data_as_of);
        let since = since.clone();
        super::page(path.to_owned(), &Redirect { frame, noun, list, since, odd })
    };
    let failures = site.records.failures.iter().map(|failure| &*failure.id);
    let failures = failures
        .filter(|id| RunName::batch_of_failure(id).is_none() || !path::is_plain(id))
        .map(|id| Link::new(path::failure(id), id));
    // The table of all runs has no order.
    let runs: BTreeSet<&str> = site.batches.keys().copied().collect();
    let runs = runs
        .into_iter()
        .filter(|id| RunName::parse(id).is_none() || !path::is_plain(id))
        .map(|id| Link::new(path::run(id), id));
    [
        redirect("failure.html", "failure", "failures.html", failures.collect()),
        redirect("run.html", "run", "runs.html", runs.collect()),
    ]
}
