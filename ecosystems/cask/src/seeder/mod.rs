//! Finds casks with commands: joins the installation counts with the commands of each cask. Two
//! files hold all of this, so no request about a single cask is needed.

mod catalogue;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fs::File, path::Path};

use async_trait::async_trait;
use batch_core::{
    io::{GroupedCounts, HttpError, Request},
    model::{Candidate, PackageName, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{
        CountedFile, Listing, Names as _, PageRequest, RankedNames, Row, Seeder, Source,
        SourceError,
    },
};

use self::catalogue::Catalogue;
use crate::Cask;

/// Counts only casks of brew's own tap.
const INSTALLS: &str = "https://formulae.brew.sh/api/analytics/cask-install/homebrew-cask/30d.json";
const CASKS: &str = "https://formulae.brew.sh/api/cask.json";
const UNIT: &str = "installs";
const DAYS: u32 = 30;
/// The largest file of counts that is read, in bytes; about twenty times its present size.
const MAX_INSTALLS: usize = 32 << 20;
/// The largest file of casks that is read, in bytes; about eight times its present size. It is read
/// from disk.
const MAX_CASKS: usize = 256 << 20;
static COUNTED: CountedFile = CountedFile {
    // In this file the table of casks has the key `formulae` as well.
    counts: GroupedCounts { groups: "formulae", name: "cask" },
    unit: UNIT,
    period_days: DAYS,
    longest: MAX_INSTALLS,
    // About eight times the number of listed casks.
    most_names: 50_000,
};

#[async_trait]
impl Seeder for Cask {
    fn sources(&self) -> &'static [Source] {
        const { &[Source::file("cask-install", &[INSTALLS, CASKS], 500, &[])] }
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 10_000, unit: UNIT, period_days: Some(DAYS) })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let (rows, measure) = COUNTED.ask(wanted).await?;
        if rows.is_empty() {
            return Ok(Listing::whole([]));
        }
        let mut catalogue = catalogue(wanted, &rows).await?;
        let nameless = std::mem::take(&mut catalogue.nameless).into_iter().map(Err);
        let evaluated = rows.into_iter().map(move |(token, value)| {
            evaluate(wanted, &token, measure.popularity(value), &catalogue)
        });
        Ok(Listing::whole(evaluated.chain(nameless)))
    }
}

/// The casks for the names in `rows`.
async fn catalogue(wanted: PageRequest<'_>, rows: &RankedNames) -> Result<Catalogue, SourceError> {
    let request = Request::get(CASKS, &[], &[]);
    let request = request.map(|it| it.accepting_json().at_most(MAX_CASKS));
    let tokens = rows.iter().filter_map(|(token, _)| Cask.normalise(token).ok());
    let listed: BTreeSet<PackageName> = tokens.collect();
    let read = move |file: &Path, request: &Request| {
        let disk = |source| HttpError::Disk { url: request.url.clone(), source };
        Ok::<_, HttpError>(catalogue::read(File::open(file).map_err(disk)?, &listed))
    };
    wanted.read_file(request, read).await
}

fn evaluate(
    wanted: PageRequest<'_>,
    token: &str,
    popularity: Option<Popularity>,
    catalogue: &Catalogue,
) -> Row {
    let candidate = wanted.candidate(token)?;
    let (reason, why) = match catalogue.casks.get(&candidate.id.name) {
        None => (SeedSkip::NotThere, "no cask is called so".to_owned()),
        Some(Err((reason, why))) => (*reason, why.clone()),
        Some(Ok(commands)) => {
            let commands = Some(commands.clone());
            return Ok(Candidate { popularity, commands, ..candidate });
        }
    };
    Err(PassedOver::because(token, reason, why))
}
