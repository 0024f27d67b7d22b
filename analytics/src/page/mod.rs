//! The pages. Each `build` is pure: a page shows only what its arguments hold.

mod alerts;
mod blockers;
mod breakers;
mod causes;
mod cell;
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
mod missing;
mod months;
mod overview;
mod package;
mod packages;
mod problems;
mod queue_status;
mod redirect;
mod row;
mod row_index;
mod run;
mod run_tables;
mod runs;
mod seeding;
mod strip;
mod table;
mod timeline;
mod why;

use std::{collections::BTreeMap, sync::OnceLock};

pub use dashboard::schemas;
pub(crate) use list::N_ROWS;
pub use missing::missing;
pub(crate) use months::month;

use crate::{
    Circumstances, Summary, explained,
    history::Counts,
    jobs::{self, Job},
    records::Records,
    site::Site,
    threads,
};

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
    circumstances: &Circumstances<'_>,
    put: impl FnMut(Page) -> Result<(), E>,
) -> Result<Summary, E> {
    let site = &Site::new(records, circumstances);
    // Whoever needs it first makes it, while other threads make pages that do not need it.
    let (overview, places) = (OnceLock::new(), OnceLock::new());
    let overview = || overview.get_or_init(|| overview::Overview::new(site, months));
    let places = || places.get_or_init(|| explained::places(site));
    let (rows, entries) = (failures::rows(site), packages::rows(site));
    let runs: Vec<_> = site.batches.iter().collect();
    let packages = site.packages.with_page();
    // What takes longest comes first, so that no thread is left alone with it.
    let mut all: Vec<Job<'_>> = vec![
        Box::new(|| dashboard::build(site, overview())),
        // For the pages of packages, which come later.
        Box::new(|| {
            places();
            vec![]
        }),
        Box::new(|| vec![index::build(site, overview())]),
        Box::new(|| redirect::build(site).into()),
        Box::new(|| runs::build(site, &overview().health)),
        Box::new(|| causes::build(site)),
        Box::new(|| blockers::build(site)),
        Box::new(|| breakers::build(site)),
        Box::new(|| ecosystems::build(site)),
        Box::new(|| environments::build(site)),
        Box::new(|| disambiguations::build(site)),
        Box::new(|| seeding::build(site)),
        Box::new(|| months::build(site, months)),
        Box::new(|| problems::build(site)),
    ];
    all.extend(failures::jobs(site, &rows));
    all.extend(packages::jobs(site, &entries));
    all.extend(jobs::for_each(&runs, |(batch_id, run)| run::build(site, batch_id, **run)));
    all.extend(jobs::for_each(&packages, |known| package::build(site, places(), known)));
    all.extend(jobs::for_each(&records.failures, |failure| failure::build(site, failure)));
    jobs::run(all, put)?;
    threads::free(entries);
    Ok(summary(site, months))
}

fn summary(site: &Site<'_>, months: &BTreeMap<String, Counts>) -> Summary {
    let records = site.records;
    let older = |n: fn(&Counts) -> usize| months.values().map(n).sum();
    let counts = [
        ("runs", records.runs.len()),
        ("failures", records.failures.len()),
        ("packages", records.queues.values().map(BTreeMap::len).sum()),
        ("older_runs", older(|it| it.n_runs)),
        ("older_failures", older(|it| it.n_failures)),
        ("problems", records.problems.len()),
    ];
    Summary {
        generated_at: Some(site.as_of),
        data_as_of: site.data_as_of,
        source_commit: site.circumstances.source_commit.clone(),
        counts: counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect(),
        made_of: None,
    }
}

/// Renders `template` as the page at `path`.
fn page(path: String, template: &impl askama::Template) -> Page {
    large_page(path, template, 0)
}

/// The same for a page whose tables have about `n_bytes`.
fn large_page<T: askama::Template>(path: String, template: &T, n_bytes: usize) -> Page {
    let mut body = String::with_capacity(T::SIZE_HINT + n_bytes);
    let rendered = template.render_into(&mut body);
    rendered.expect("a template prints into a string and calls nothing that fails");
    Page { path, body: body.into_bytes() }
}
