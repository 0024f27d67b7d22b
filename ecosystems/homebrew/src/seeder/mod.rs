//! Finds formulae with commands: joins the installation counts with the commands of each formula.
//! Two files hold all of this, so no request about a single formula is needed.

mod executables;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::BufReader,
    path::Path,
};

use async_trait::async_trait;
use batch_core::{
    io::{GroupedCounts, HttpError, Request},
    model::{Candidate, Executables, PackageName, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{
        CountedFile, Listing, Names as _, PageRequest, RankedNames, Row, Seeder, Source,
        SourceError,
    },
};

use crate::{Homebrew, facts};

/// Counts only formulae of the core tap.
const INSTALLS: &str =
    "https://formulae.brew.sh/api/analytics/install-on-request/homebrew-core/30d.json";
const EXECUTABLES: &str = "https://formulae.brew.sh/api/internal/executables.txt";
const UNIT: &str = "installs on request";
const DAYS: u32 = 30;
/// The largest file that is read, in bytes; about twenty times the present size of either file.
const MAX_FILE: usize = 32 << 20;
static COUNTED: CountedFile = CountedFile {
    // Formulae with options, such as `wget --HEAD`, have separate rows in the same group.
    counts: GroupedCounts { groups: "formulae", name: "formula" },
    unit: UNIT,
    period_days: DAYS,
    longest: MAX_FILE,
    // About four times the number of listed formulae.
    most_names: 50_000,
};

#[async_trait]
impl Seeder for Homebrew {
    fn sources(&self) -> &'static [Source] {
        const { &[Source::file("install-on-request", &[INSTALLS, EXECUTABLES], 5_000, &[])] }
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 40_000, unit: UNIT, period_days: Some(DAYS) })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let (rows, measure) = COUNTED.ask(wanted).await?;
        if rows.is_empty() {
            return Ok(Listing::whole([]));
        }
        let executables = executables(wanted, &rows).await?;
        let evaluated = rows.into_iter().map(move |(name, value)| {
            evaluate(wanted, &name, measure.popularity(value), &executables)
        });
        Ok(Listing::whole(evaluated))
    }
}

/// The commands of the formulae in `rows`.
async fn executables(
    wanted: PageRequest<'_>,
    rows: &RankedNames,
) -> Result<BTreeMap<PackageName, Vec<String>>, SourceError> {
    let request = Request::get(EXECUTABLES, &[], &[]).map(|it| it.at_most(MAX_FILE));
    let names = rows.iter().filter_map(|(name, _)| Homebrew.normalise(name).ok());
    let listed: BTreeSet<PackageName> = names.collect();
    let read = move |file: &Path, request: &Request| {
        let read = |file| executables::read(BufReader::new(file), &listed);
        let read = File::open(file).and_then(read);
        read.map_err(|source| HttpError::Disk { url: request.url.clone(), source })
    };
    wanted.read_file(request, read).await
}

fn evaluate(
    wanted: PageRequest<'_>,
    name: &str,
    popularity: Option<Popularity>,
    executables: &BTreeMap<PackageName, Vec<String>>,
) -> Row {
    let candidate = wanted.candidate(name)?;
    let formula = &candidate.id.name;
    let (reason, why) = match executables.get(formula).map(Vec::as_slice) {
        // The list does not contain names that are not formulae, disabled formulae and formulae
        // without a bottle; recent lists also lack formulae without commands.
        None => (SeedSkip::NotThere, "not in the list of executables".to_owned()),
        Some([]) => (SeedSkip::Library, "the list of executables has none of it".to_owned()),
        Some(names) if names.iter().any(|name| name.contains('/')) => {
            (SeedSkip::CommandsUnknown, "the list of executables has paths of it".to_owned())
        }
        Some(names) => match facts::commands(formula.as_str(), names, &[]) {
            Executables::Unknown(unknown) => (SeedSkip::CommandsUnknown, unknown.reason),
            Executables::Known(commands) => {
                return Ok(Candidate { popularity, commands: Some(commands), ..candidate });
            }
        },
    };
    Err(PassedOver::because(name, reason, why))
}
