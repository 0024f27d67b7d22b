//! Finding formulae with commands: what people install, joined with what each formula puts on
//! `PATH`. Two files tell all of it, so no formula is asked about by itself.

mod executables;
mod installs;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::BufReader,
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    io::{Http, HttpError, Request},
    model::{
        Candidate, Executables, PackageId, PackageName, PassedOver, Popularity, SeedSkip, Threshold,
    },
    plugin::{Names as _, Page, Seeder, Shape, Source, SourceError},
};

use crate::{
    Homebrew, ID, facts,
    registry::{odd_answer, source_error},
};

/// Only what the core tap has.
const INSTALLS: &str =
    "https://formulae.brew.sh/api/analytics/install-on-request/homebrew-core/30d.json";
const EXECUTABLES: &str = "https://formulae.brew.sh/api/internal/executables.txt";
const UNIT: &str = "installs on request";
const DAYS: u32 = 30;
/// In bytes: some twenty times what either file has.
const LONGEST_FILE: usize = 32 << 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Seeder for Homebrew {
    fn sources(&self) -> &'static [Source] {
        &[Source {
            name: "install-on-request",
            url: INSTALLS,
            max_age: DAY,
            shape: Shape::Files(&[INSTALLS, EXECUTABLES]),
            about: 5_000,
            per_candidate: &[],
        }]
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 40_000, unit: UNIT, period_days: Some(DAYS) })
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
        let executables = executables(http, &rows).await?;
        let judged = rows.into_iter().map(|(name, value)| {
            let popularity = value.zip(dated.clone());
            let popularity = popularity.map(|(value, dated)| Popularity { value, ..dated });
            judge(name, popularity, &executables)
        });
        Ok(Page::of_list(judged, cursor, limit))
    }
}

type Rows = Vec<(String, Option<u64>)>;

/// What is installed and how often, most often first; and all of a popularity but its value, if
/// anything says of when it is.
async fn installed(http: &dyn Http) -> Result<(Rows, Option<Popularity>), SourceError> {
    let request = Request::get(INSTALLS, &[], &[]).map_err(source_error)?;
    let accept = Some("application/json");
    let request = Request { accept, max_bytes: LONGEST_FILE, ..request };
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

/// The commands of the formulae among `rows`.
async fn executables(
    http: &dyn Http,
    rows: &Rows,
) -> Result<BTreeMap<PackageName, Vec<String>>, SourceError> {
    let request = Request::get(EXECUTABLES, &[], &[]).map_err(source_error)?;
    let disk = |url, source| source_error(HttpError::Disk { url, source });
    let url = request.url.clone();
    let request = Request { max_bytes: LONGEST_FILE, ..request };
    let path = http.fetch_to_cache(request).await.map_err(source_error)?;
    let file = File::open(&path).map_err(|error| disk(url.clone(), error))?;
    let names = rows.iter().filter_map(|(name, _)| Homebrew.normalise(name).ok());
    let wanted: BTreeSet<PackageName> = names.collect();
    let read = executables::read(BufReader::new(file), &wanted);
    read.map_err(|error| disk(url, error))?.map_err(odd_answer)
}

fn judge(
    name: String,
    popularity: Option<Popularity>,
    executables: &BTreeMap<PackageName, Vec<String>>,
) -> Result<Candidate, PassedOver> {
    let (reason, why) = match Homebrew.normalise(&name) {
        Err(error) => (SeedSkip::InvalidName, error.to_string()),
        Ok(formula) => match executables.get(&formula).map(Vec::as_slice) {
            // The list leaves out what is no formula, what is disabled or has no bottle, and of
            // late also what ships no command.
            None => (SeedSkip::NotThere, "not in the list of executables".to_owned()),
            Some([]) => (SeedSkip::Library, "the list of executables has none of it".to_owned()),
            Some(names) if names.iter().any(|name| name.contains('/')) => {
                (SeedSkip::CommandsUnknown, "the list of executables has paths of it".to_owned())
            }
            Some(names) => match facts::commands(formula.as_str(), names, &[]) {
                Executables::Unknown(why) => (SeedSkip::CommandsUnknown, why),
                Executables::Known(commands) => {
                    let id = PackageId { ecosystem: ID, name: formula };
                    let commands = Some(commands);
                    return Ok(Candidate { id, popularity, commands, has_repository: None });
                }
            },
        },
    };
    Err(PassedOver { name, reason, why })
}
