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
mod missing;
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

use std::{collections::BTreeMap, panic::resume_unwind, thread};

pub use dashboard::schemas;
pub(crate) use list::N_ROWS;
pub use missing::missing;
pub(crate) use months::month;

use crate::{Circumstances, Summary, explained, history::Counts, records::Records, site::Site};

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
    mut put: impl FnMut(Page) -> Result<(), E>,
) -> Result<Summary, E> {
    let site = Site::new(records, circumstances);
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
    let runs: Vec<_> = site.batches.iter().collect();
    put_all(&runs, |(batch_id, run)| run::build(&site, batch_id, **run), &mut put)?;
    put_all(&records.failures, |failure| failure::build(&site, failure), &mut put)?;
    let places = explained::places(&site);
    let packages: Vec<_> = site.packages.keys().collect();
    put_all(&packages, |id| package::build(&site, &places, id), &mut put)?;
    Ok(summary(&site, months))
}

/// Pages that are in memory at the same time.
const N_AT_ONCE: usize = 512;

/// Threads that make pages at the same time.
const MAX_THREADS: usize = 4;

/// Passes the page of each of `items` to `put`, in their order. Several threads make the pages.
fn put_all<T: Sync, E>(
    items: &[T],
    make: impl Fn(&T) -> Page + Sync,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    for items in items.chunks(N_AT_ONCE) {
        let pages = thread::scope(|scope| {
            let make = &make;
            let mut parts = vec![];
            for items in items.chunks(items.len().div_ceil(n_threads)) {
                parts.push(scope.spawn(move || items.iter().map(make).collect::<Vec<_>>()));
            }
            let done = parts.into_iter().map(thread::ScopedJoinHandle::join);
            done.map(|it| it.unwrap_or_else(|panic| resume_unwind(panic))).collect::<Vec<_>>()
        });
        pages.into_iter().flatten().try_for_each(&mut *put)?;
    }
    Ok(())
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
    }
}

/// Renders `template` as the page at `path`.
fn page(path: String, template: &impl askama::Template) -> Page {
    let body =
        template.render().expect("a template prints into a string and calls nothing that fails");
    Page { path, body: body.into_bytes() }
}
