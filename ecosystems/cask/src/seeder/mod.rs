//! Finding casks with commands: what people install, joined with what each cask puts on `PATH`.
//! Two files tell all of it, so no cask is asked about by itself.

mod catalogue;
mod installs;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fs::File, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::{Http, HttpError, Request},
    model::{Candidate, PackageId, PackageName, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{Names as _, Page, Seeder, Shape, Source, SourceError},
};

use self::catalogue::Catalogue;
use crate::{
    Cask, ID,
    registry::{odd_answer, source_error},
};

/// Only what brew's own tap has.
const INSTALLS: &str = "https://formulae.brew.sh/api/analytics/cask-install/homebrew-cask/30d.json";
const CASKS: &str = "https://formulae.brew.sh/api/cask.json";
const UNIT: &str = "installs";
const DAYS: u32 = 30;
/// In bytes: some twenty times what it has.
const LONGEST_INSTALLS: usize = 32 << 20;
/// In bytes: some eight times what it has, read from disk.
const LONGEST_CASKS: usize = 256 << 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Seeder for Cask {
    fn sources(&self) -> &'static [Source] {
        &[Source {
            name: "cask-install",
            url: INSTALLS,
            max_age: DAY,
            shape: Shape::Files(&[INSTALLS, CASKS]),
            about: 500,
            per_candidate: &[],
        }]
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 10_000, unit: UNIT, period_days: Some(DAYS) })
    }

    async fn discover(
        &self,
        http: &dyn Http,
        _: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError> {
        let (rows, dated) = installed(http).await?;
        if rows.is_empty() {
            return Ok(Page::of_list([], cursor, limit));
        }
        let catalogue = catalogue(http, &rows).await?;
        let judged = rows.into_iter().map(|(token, value)| {
            let popularity = value.zip(dated.clone());
            let popularity = popularity.map(|(value, dated)| Popularity { value, ..dated });
            judge(token, popularity, &catalogue)
        });
        let nameless = catalogue.nameless.iter().cloned().map(Err);
        Ok(Page::of_list(judged.chain(nameless), cursor, limit))
    }
}

type Rows = Vec<(String, Option<u64>)>;

/// What is installed and how often, most often first; and all of a popularity but its value, if
/// anything says of when it is.
async fn installed(http: &dyn Http) -> Result<(Rows, Option<Popularity>), SourceError> {
    let request = Request::get(INSTALLS, &[], &[]).map_err(source_error)?;
    let accept = Some("application/json");
    let request = Request { accept, max_bytes: LONGEST_INSTALLS, ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let answered_on = response.answered_on();
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("it has no file of installs".to_owned()))?;
    let installs = installs::read(&body).map_err(odd_answer)?;
    let stated = installs.end_date.and_then(|date| serde_json::from_str(date.get()).ok());
    let dated = stated.or(answered_on).map(|as_of| Popularity {
        value: 0,
        unit: UNIT.to_owned(),
        period_days: Some(DAYS),
        source: INSTALLS.to_owned(),
        as_of,
    });
    Ok((installs.ranking.into_rows(), dated))
}

/// The casks among `rows`.
async fn catalogue(http: &dyn Http, rows: &Rows) -> Result<Catalogue, SourceError> {
    let request = Request::get(CASKS, &[], &[]).map_err(source_error)?;
    let url = request.url.clone();
    let accept = Some("application/json");
    let request = Request { accept, max_bytes: LONGEST_CASKS, ..request };
    let path = http.fetch_to_cache(request).await.map_err(source_error)?;
    let disk = |source| source_error(HttpError::Disk { url, source });
    let file = File::open(&path).map_err(disk)?;
    let tokens = rows.iter().filter_map(|(token, _)| Cask.normalise(token).ok());
    let wanted: BTreeSet<PackageName> = tokens.collect();
    catalogue::read(file, &wanted).map_err(odd_answer)
}

fn judge(
    token: String,
    popularity: Option<Popularity>,
    catalogue: &Catalogue,
) -> Result<Candidate, PassedOver> {
    let (reason, why) = match Cask.normalise(&token) {
        Err(error) => (SeedSkip::InvalidName, error.to_string()),
        Ok(name) => match catalogue.casks.get(&name) {
            None => (SeedSkip::NotThere, "no cask is called so".to_owned()),
            Some(Err((reason, why))) => (*reason, why.clone()),
            Some(Ok(commands)) => {
                let id = PackageId { ecosystem: ID, name };
                let commands = Some(commands.clone());
                return Ok(Candidate { id, popularity, commands, has_repository: None });
            }
        },
    };
    Err(PassedOver { name: token, reason, why })
}
