//! Finding casks with commands: what people install, joined with what each cask puts on `PATH`.
//! Two files tell all of it, so no cask is asked about by itself.

mod catalogue;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fs::File, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::{GroupedCounts, Http, HttpError, Request, aside},
    model::{Candidate, PackageId, PackageName, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{CountedFile, Cut, Names as _, Page, RankedNames, Seeder, Shape, Source, SourceError},
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
static COUNTED: CountedFile = CountedFile {
    url: INSTALLS,
    // The table of casks is called so, too.
    counts: GroupedCounts { groups: "formulae", name: "cask" },
    unit: UNIT,
    period_days: DAYS,
    longest: LONGEST_INSTALLS,
    // Some eight times as many as are listed.
    most_names: 50_000,
};

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
        let (rows, measure) = COUNTED.ask(http, &ID).await?;
        if rows.is_empty() {
            return Ok(Cut::WHOLE.page([], &Cask));
        }
        let catalogue = catalogue(http, &rows).await?;
        let judged = rows
            .into_iter()
            .map(|(token, value)| judge(token, measure.popularity(value), &catalogue));
        let nameless = catalogue.nameless.iter().cloned().map(Err);
        Ok(Cut { cursor, limit, ..Cut::WHOLE }.page(judged.chain(nameless), &Cask))
    }
}

/// The casks among `rows`.
async fn catalogue(http: &dyn Http, rows: &RankedNames) -> Result<Catalogue, SourceError> {
    let request = Request::get(CASKS, &[], &[]).map_err(source_error)?;
    let url = request.url.clone();
    let accept = Some("application/json");
    let request = Request { accept, max_bytes: LONGEST_CASKS, ..request };
    let path = http.fetch_to_cache(request).await.map_err(source_error)?;
    let disk = |source| source_error(HttpError::Disk { url, source });
    let tokens = rows.iter().filter_map(|(token, _)| Cask.normalise(token).ok());
    let wanted: BTreeSet<PackageName> = tokens.collect();
    let read = aside(move || Ok(catalogue::read(File::open(&path)?, &wanted))).await;
    read.map_err(disk)?.map_err(odd_answer)
}

fn judge(
    token: String,
    popularity: Option<Popularity>,
    catalogue: &Catalogue,
) -> Result<Candidate, PassedOver> {
    let (reason, why) = match Cask.normalise(&token) {
        Err(error) => return Err(PassedOver::misnamed(token, &error)),
        Ok(name) => match catalogue.casks.get(&name) {
            None => (SeedSkip::NotThere, "no cask is called so".to_owned()),
            Some(Err((reason, why))) => (*reason, why.clone()),
            Some(Ok(commands)) => {
                let id = PackageId { ecosystem: ID, name };
                let commands = Some(commands.clone());
                return Ok(Candidate { popularity, commands, ..Candidate::of(id) });
            }
        },
    };
    Err(PassedOver::because(token, reason, why))
}
