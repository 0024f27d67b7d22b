//! Finds modules among the formulae that Homebrew builds with Go.
//!
//! Nobody publishes how often a module is installed. Homebrew publishes how often its formulae are
//! installed, and the address of their sources. The address of the repository is the path of its
//! module, unless the module declares another one; the builder finds that out.

mod formulae;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use batch_core::{
    io::{Request, json, run_blocking},
    model::Threshold,
    plugin::{Asked, Listing, PageRequest, Seeder, Source, SourceError},
};
use serde_json::value::RawValue;

use self::formulae::{Formulae, Installs};
use crate::{
    Go,
    registry::{ORIGIN, source_error},
};

const FORMULAE: &str = "https://formulae.brew.sh/api/formula.json";
const INSTALLS: &str =
    "https://formulae.brew.sh/api/analytics/install-on-request/homebrew-core/30d.json";
/// The largest list of formulae that is read, in bytes; it has some tens of MB.
const MAX_LIST: usize = 128 << 20;
/// The largest list of installations that is read, in bytes; it has one or two MB.
const MAX_INSTALLS: usize = 16 << 20;
/// More than exist: about 1,500 formulae are built with Go.
const MOST: usize = 5_000;
/// These are not installations of the module: Homebrew counts how often users requested this
/// formula by name.
const UNIT: &str = "installs of the Homebrew formula on request";
const DAYS: u32 = 30;

#[async_trait]
impl Seeder for Go {
    fn sources(&self) -> &'static [Source] {
        // About each candidate: the list, the go.mod, and two ranges of the zip.
        const PER_MODULE: &[&str] = &[ORIGIN, ORIGIN, ORIGIN, ORIGIN];
        const { &[Source::file("formulae", &[FORMULAE, INSTALLS], 1_500, PER_MODULE)] }
    }

    /// The same threshold as for formulae.
    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 40_000, unit: UNIT, period_days: Some(DAYS) })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let formulae = request(FORMULAE, MAX_LIST);
        let mut formulae = wanted.read_file(formulae, Formulae::read).await?;
        if formulae.lack_installs() {
            let installs = request(INSTALLS, MAX_INSTALLS).map_err(source_error)?;
            let answer: Option<Box<RawValue>> =
                json(wanted.http, installs).await.map_err(source_error)?;
            if let Some(installs) = run_blocking(move || Installs::read(&answer?)).await {
                formulae.count(&installs);
            }
        }
        Ok(formulae.list(wanted).at_most(MOST))
    }
}

fn request(url: &str, max_bytes: usize) -> Asked {
    Request::get(url, &[], &[]).map(|it| it.accepting_json().at_most(max_bytes))
}
