//! Finds projects in the monthly list of the most downloaded ones. The list does not state
//! commands, so each project is requested.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, path::Path, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::{HttpError, Request, published_day, read_list},
    model::{Candidate, Threshold},
    plugin::{Listing, PageRequest, Seeder, Source, SourceError},
};
use serde_json::Value;

use crate::{Pypi, registry::ORIGIN};

const LIST: &str = "https://hugovk.dev/top-pypi-packages/top-pypi-packages.min.json";
/// The largest list that is read, in bytes; twenty times its present size.
const MAX_LIST: usize = 16 << 20;
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many projects are read. Each costs two requests or more, one a second: the first third of
/// the 15,000 listed projects takes an hour and a half.
const MOST: usize = 5_000;
const FILES: &str = "https://files.pythonhosted.org";
const UNIT: &str = "downloads";
const DAYS: u32 = 30;

#[async_trait]
impl Seeder for Pypi {
    fn sources(&self) -> &'static [Source] {
        const TOP: Source = Source::file("top", &[LIST], 5_000, &[ORIGIN, FILES]);
        const { &[Source { max_age: MONTH, ..TOP }] }
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 5_000_000, unit: UNIT, period_days: Some(DAYS) })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let request = Request::get(LIST, &[], &[]);
        let request = request.map(|it| it.accepting_json().at_most(MAX_LIST));
        let List { rows, n_unreadable, last_update } =
            wanted.read_file(request, List::read).await?;
        let as_of = last_update.as_deref().and_then(published_day);
        let measure = wanted.measure(UNIT, Some(DAYS), as_of);
        let rows = rows.into_iter().map(move |(Reverse(downloads), project)| {
            let popularity = measure.popularity(downloads);
            Ok(Candidate { popularity, ..wanted.candidate(&project)? })
        });
        let what = "rows of the list name no project";
        Ok(Listing::whole(rows).with_unreadable(n_unreadable, what).at_most(MOST))
    }
}

/// The content of the list.
struct List {
    /// Downloads and name, as published.
    rows: Vec<(Reverse<Option<u64>>, String)>,
    /// Rows that name no project.
    n_unreadable: usize,
    /// When the downloads were counted.
    last_update: Option<String>,
}

impl List {
    /// Reads `file`, which answers `request`. The inner error says what is wrong with it.
    fn read(file: &Path, request: &Request) -> Result<Result<Self, String>, HttpError> {
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
        let last_update = rest.get("last_update").and_then(Value::as_str).map(str::to_owned);
        if rows.is_empty() && 0 < n_unreadable {
            return Ok(Err("no row of the list names a project".to_owned()));
        }
        Ok(Ok(Self { rows, n_unreadable, last_update }))
    }
}
