//! Finding projects by the monthly list of the most downloaded ones. It says nothing about commands:
//! each project is asked for them.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, path::Path, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::{Http, HttpError, Request, aside, read_list},
    model::{Candidate, PackageId, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{Cut, Listed, Names as _, Page, Seeder, Shape, Source, SourceError},
};
use serde_json::{Value, json};

use crate::{
    ID, Pypi,
    quota::TOP_HOST,
    registry::{ORIGIN, odd_answer, source_error},
};

const LIST: &str = "https://hugovk.dev/top-pypi-packages/top-pypi-packages.min.json";
/// Twenty times what it has.
const LONGEST_LIST: usize = 16 << 20;
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Each costs two requests or more, one a second: of the 15,000 that are listed, the first third
/// takes an hour and a half.
const MOST: usize = 5_000;
const FILES: &str = "https://files.pythonhosted.org";
const UNIT: &str = "downloads";
const DAYS: u32 = 30;

#[async_trait]
impl Seeder for Pypi {
    fn sources(&self) -> &'static [Source] {
        &[Source {
            name: "top",
            url: LIST,
            max_age: MONTH,
            shape: Shape::Files(&[LIST]),
            about: 5_000,
            per_candidate: &[ORIGIN, FILES],
        }]
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 5_000_000, unit: UNIT, period_days: Some(DAYS) })
    }

    async fn discover(
        &self,
        http: &dyn Http,
        _: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError> {
        let request = Request::get(LIST, &[], &[]).map_err(source_error)?;
        let accept = Some("application/json");
        let request = Request { accept, max_bytes: LONGEST_LIST, ..request };
        let file = http.fetch_to_cache(request.clone()).await.map_err(source_error)?;
        let list = aside(move || List::read(&file, &request)).await.map_err(source_error)?;
        if list.rows.is_empty() && 0 < list.n_unreadable {
            return Err(odd_answer(TOP_HOST, "no row of the list names a project".to_owned()));
        }
        Ok(list.page(Cut { cursor, limit, most: MOST }))
    }
}

/// What the list says.
struct List {
    /// By downloads and name, as published.
    rows: Vec<(Reverse<Option<u64>>, String)>,
    /// Rows that name no project.
    n_unreadable: usize,
    /// What a number of downloads is, but for the number; `None` where the list has no date.
    popularity: Option<Popularity>,
}

impl List {
    /// Reads `file`, which answers `request`.
    fn read(file: &Path, request: &Request) -> Result<Self, HttpError> {
        let (mut rows, mut n_unreadable) = (vec![], 0);
        let rest = read_list(file, &request.url, Some("rows"), &mut |row| match row
            .get("project")
            .and_then(Value::as_str)
        {
            Some(project) => {
                let downloads = row.get("download_count").and_then(Value::as_u64);
                rows.push((Reverse(downloads), project.to_owned()));
            }
            None => n_unreadable += 1,
        })?;
        rows.sort_unstable();
        let popularity = rest.get("last_update").and_then(Value::as_str).and_then(|time| {
            let as_of = serde_json::from_value(json!(time.get(..10)?)).ok()?;
            let (unit, source) = (UNIT.to_owned(), LIST.to_owned());
            Some(Popularity { value: 0, unit, period_days: Some(DAYS), source, as_of })
        });
        Ok(Self { rows, n_unreadable, popularity })
    }

    fn page(self, cut: Cut<'_>) -> Page {
        let unreadable = (0 < self.n_unreadable).then(|| {
            let why = format!("{} rows of the list name no project", self.n_unreadable);
            Listed::PassedOver(PassedOver {
                name: String::new(),
                reason: SeedSkip::Unreadable,
                why,
            })
        });
        let rows = self.rows.into_iter().map(|(Reverse(downloads), project)| {
            let popularity = self.popularity.as_ref().zip(downloads);
            let popularity = popularity.map(|(kind, value)| Popularity { value, ..kind.clone() });
            listed(project, popularity)
        });
        cut.page(unreadable.into_iter().chain(rows), &Pypi)
    }
}

fn listed(project: String, popularity: Option<Popularity>) -> Listed {
    match Pypi.normalise(&project) {
        Ok(name) => Listed::Candidate(Candidate {
            id: PackageId { ecosystem: ID, name },
            popularity,
            commands: None,
            has_repository: None,
        }),
        Err(error) => Listed::PassedOver(PassedOver {
            name: project,
            reason: SeedSkip::InvalidName,
            why: error.to_string(),
        }),
    }
}
