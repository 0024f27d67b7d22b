//! The pages. Each `build` is pure: a page shows only what its arguments hold.

mod breakers;
mod causes;
mod dashboard;
mod failure;
mod failures;
mod frame;
mod index;
mod list;
mod overview;
mod package;
mod packages;
mod problems;
mod redirect;
mod row;
mod run;
mod runs;

use batch_core::plugin::Registry;
use chrono::{DateTime, Utc};

use crate::{records::Records, site::Site};

/// One file of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Relative to the top of the site, with `/` between its parts; each part is
    /// `[A-Za-z0-9._+~-]`.
    pub path: String,
    /// The content of the file.
    pub body: String,
}

/// Passes every page of `records`, as it is at `as_of`, to `put`; stops at the first error of
/// `put`. The classifiers in `registry` read reasons that only they understand. Only one page is in memory at a time, because a site of one year needs more memory than a
/// CI machine has.
pub fn pages<E>(
    records: &Records,
    registry: Option<&Registry>,
    as_of: DateTime<Utc>,
    mut put: impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let site = Site::new(records, registry, as_of);
    let overview = overview::Overview::new(&site);
    put(index::build(&site, &overview))?;
    put(dashboard::build(&site, &overview))?;
    for page in redirect::build(&site) {
        put(page)?;
    }
    runs::build(&site, &overview.health, &mut put)?;
    failures::build(&site, &mut put)?;
    causes::build(&site, &mut put)?;
    packages::build(&site, &mut put)?;
    breakers::build(&site, &mut put)?;
    problems::build(&site, &mut put)?;
    for run in &records.runs {
        put(run::build(&site, run))?;
    }
    for failure in &records.failures {
        put(failure::build(&site, failure))?;
    }
    for (id, entry) in &site.packages {
        put(package::build(&site, id, *entry))?;
    }
    Ok(())
}

/// Renders `template` as the page at `path`.
fn page(path: String, template: &impl askama::Template) -> Page {
    let body =
        template.render().expect("a template prints into a string and calls nothing that fails");
    Page { path, body }
}
