//! The pages. Each `build` is pure: a page shows only what its arguments hold.

mod alerts;
mod blockers;
mod breakers;
mod causes;
mod changes;
mod chart;
mod dashboard;
mod disambiguations;
mod ecosystems;
mod environments;
mod failure;
mod failures;
mod frame;
mod grid;
mod index;
mod list;
mod matrix;
mod months;
mod overview;
mod package;
mod packages;
mod problems;
mod queue_status;
mod redirect;
mod row;
mod run;
mod run_tables;
mod runs;
mod seeding;
mod strip;
mod table;
mod timeline;
mod why;

use std::collections::BTreeMap;

use batch_core::plugin::Registry;
use chrono::{DateTime, Utc};

pub use dashboard::schemas;
pub(crate) use list::N_ROWS;
pub(crate) use months::month;

use crate::{explained, history::Counts, records::Records, site::Site};

/// One file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Relative to the top of the site, with `/` between its parts; each part is
    /// `[A-Za-z0-9._+~-]`.
    pub path: String,
    /// The content of the file.
    pub body: Vec<u8>,
}

/// Passes every page of `records`, as it is at `as_of`, to `put`, except those of the `months` before
/// them.
pub(crate) fn pages<E>(
    records: &Records,
    months: &BTreeMap<String, Counts>,
    registry: Option<&Registry>,
    as_of: DateTime<Utc>,
    mut put: impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let site = Site::new(records, registry, as_of);
    let overview = overview::Overview::new(&site, months.len());
    put(index::build(&site, &overview))?;
    dashboard::build(&site, &overview, &mut put)?;
    for page in redirect::build(&site) {
        put(page)?;
    }
    runs::build(&site, &overview.health, &mut put)?;
    failures::build(&site, &mut put)?;
    causes::build(&site, &mut put)?;
    packages::build(&site, &mut put)?;
    blockers::build(&site, &mut put)?;
    breakers::build(&site, &mut put)?;
    ecosystems::build(&site, &mut put)?;
    environments::build(&site, &mut put)?;
    disambiguations::build(&site, &mut put)?;
    seeding::build(&site, &mut put)?;
    months::build(&site, months, &mut put)?;
    problems::build(&site, &mut put)?;
    for (batch_id, run) in &site.batches {
        put(run::build(&site, batch_id, *run))?;
    }
    for failure in &records.failures {
        put(failure::build(&site, failure))?;
    }
    let places = explained::places(&site);
    for id in site.packages.keys() {
        put(package::build(&site, &places, id))?;
    }
    Ok(())
}

/// Renders `template` as the page at `path`.
fn page(path: String, template: &impl askama::Template) -> Page {
    let body =
        template.render().expect("a template prints into a string and calls nothing that fails");
    Page { path, body: body.into_bytes() }
}
