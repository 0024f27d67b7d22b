//! Finding formulae with commands: what people install, joined with what each formula puts on
//! `PATH`. Two files tell all of it, so no formula is asked about by itself.

mod executables;
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
    io::{GroupedCounts, Http, HttpError, Request, aside},
    model::{
        Candidate, Executables, PackageId, PackageName, PassedOver, Popularity, SeedSkip, Threshold,
    },
    plugin::{CountedFile, Cut, Names as _, Page, RankedNames, Seeder, Shape, Source, SourceError},
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
static COUNTED: CountedFile = CountedFile {
    url: INSTALLS,
    // Formulae with options, such as `wget --HEAD`, are counted beside them.
    counts: GroupedCounts { groups: "formulae", name: "formula" },
    unit: UNIT,
    period_days: DAYS,
    longest: LONGEST_FILE,
    // Some four times as many as are listed.
    most_names: 50_000,
};

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
        let (rows, measure) = COUNTED.ask(http, &ID).await?;
        if rows.is_empty() {
            return Ok(Cut::WHOLE.page([], &Homebrew));
        }
        let executables = executables(http, &rows).await?;
        let judged = rows
            .into_iter()
            .map(|(name, value)| judge(name, measure.popularity(value), &executables));
        Ok(Cut { cursor, limit, ..Cut::WHOLE }.page(judged, &Homebrew))
    }
}

/// The commands of the formulae among `rows`.
async fn executables(
    http: &dyn Http,
    rows: &RankedNames,
) -> Result<BTreeMap<PackageName, Vec<String>>, SourceError> {
    let request = Request::get(EXECUTABLES, &[], &[]).map_err(source_error)?;
    let url = request.url.clone();
    let disk = |source| source_error(HttpError::Disk { url, source });
    let request = Request { max_bytes: LONGEST_FILE, ..request };
    let path = http.fetch_to_cache(request).await.map_err(source_error)?;
    let names = rows.iter().filter_map(|(name, _)| Homebrew.normalise(name).ok());
    let wanted: BTreeSet<PackageName> = names.collect();
    let read = aside(move || executables::read(BufReader::new(File::open(&path)?), &wanted)).await;
    read.map_err(disk)?.map_err(odd_answer)
}

fn judge(
    name: String,
    popularity: Option<Popularity>,
    executables: &BTreeMap<PackageName, Vec<String>>,
) -> Result<Candidate, PassedOver> {
    let (reason, why) = match Homebrew.normalise(&name) {
        Err(error) => return Err(PassedOver::misnamed(name, &error)),
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
                    return Ok(Candidate { popularity, commands, ..Candidate::of(id) });
                }
            },
        },
    };
    Err(PassedOver::because(name, reason, why))
}
