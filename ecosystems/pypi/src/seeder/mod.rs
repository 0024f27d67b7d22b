//! Finding projects by the monthly list of the most downloaded ones. It says nothing about commands:
//! each project is asked for them.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, path::Path, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::{Http, HttpError, Request, aside, published_day, read_list},
    model::{Candidate, Measure, PackageId, PassedOver, Popularity, Threshold},
    plugin::{Cut, Names as _, Page, Seeder, Shape, Source, SourceError},
};
use serde_json::Value;

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
    /// What the downloads are.
    measure: Measure,
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
        let as_of = rest.get("last_update").and_then(Value::as_str).and_then(published_day);
        let source = LIST.to_owned();
        let measure = Measure { unit: UNIT, period_days: Some(DAYS), source, as_of };
        Ok(Self { rows, n_unreadable, measure })
    }

    fn page(self, cut: Cut<'_>) -> Page {
        let unreadable = (0 < self.n_unreadable).then(|| {
            let why = format!("{} rows of the list name no project", self.n_unreadable);
            Err(PassedOver::unreadable(why))
        });
        let rows = self.rows.into_iter().map(|(Reverse(downloads), project)| {
            judge(project, self.measure.popularity(downloads))
        });
        cut.page(unreadable.into_iter().chain(rows), &Pypi)
    }
}

fn judge(project: String, popularity: Option<Popularity>) -> Result<Candidate, PassedOver> {
    match Pypi.normalise(&project) {
        Ok(name) => {
            let id = PackageId { ecosystem: ID, name };
            Ok(Candidate { popularity, ..Candidate::of(id) })
        }
        Err(error) => Err(PassedOver::misnamed(project, &error)),
    }
}
