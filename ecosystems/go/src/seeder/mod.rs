//! Finding modules by the formulae that Homebrew builds with Go.
//!
//! Nobody publishes how often a module is installed. Homebrew says of its formulae how often they
//! are, and where their sources lie. The address of that repository is the path of its module,
//! unless the module calls itself otherwise: the builder finds that out.

mod formulae;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use batch_core::{
    io::{Http, HttpError, Request, aside, json},
    model::Threshold,
    plugin::{Cut, Page, Seeder, Shape, Source, SourceError, SourceErrorKind},
};

use self::formulae::{Formulae, Installs};
use crate::{
    Go,
    quota::FORMULAE_HOST,
    registry::{ORIGIN, source_error},
};

const FORMULAE: &str = "https://formulae.brew.sh/api/formula.json";
const INSTALLS: &str =
    "https://formulae.brew.sh/api/analytics/install-on-request/homebrew-core/30d.json";
/// Of all formulae; they have some tens of MB.
const LONGEST_LIST: usize = 128 << 20;
/// Of the installs; they have one or two MB.
const LONGEST_INSTALLS: usize = 16 << 20;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// More than there are: some 1,500 formulae are built with Go.
const MOST: usize = 5_000;
/// Not of the module: by Homebrew, for people who asked for this formula by name.
const UNIT: &str = "installs of the Homebrew formula on request";
const DAYS: u32 = 30;

#[async_trait]
impl Seeder for Go {
    fn sources(&self) -> &'static [Source] {
        &[Source {
            name: "formulae",
            url: FORMULAE,
            max_age: DAY,
            shape: Shape::Files(&[FORMULAE, INSTALLS]),
            about: 1_500,
            // List, go.mod, and two parts of the zip.
            per_candidate: &[ORIGIN, ORIGIN, ORIGIN, ORIGIN],
        }]
    }

    /// As for the formulae themselves.
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
        let formulae = request(FORMULAE, LONGEST_LIST).map_err(source_error)?;
        let file = http.fetch_to_cache(formulae.clone()).await.map_err(source_error)?;
        let read = aside(move || Formulae::read(&file, &formulae)).await;
        let mut formulae = read.map_err(source_error)?;
        if formulae.are_none() {
            let (host, reason) = (FORMULAE_HOST.to_owned(), "no formula has a name".to_owned());
            return Err(source_error(SourceErrorKind::Schema { host, reason }));
        }
        if formulae.lack_installs() {
            let installs = request(INSTALLS, LONGEST_INSTALLS).map_err(source_error)?;
            let answer = json(http, installs).await.map_err(source_error)?;
            formulae.count(&answer.map(Installs::new).unwrap_or_default());
        }
        Ok(formulae.page(Cut { cursor, limit, most: MOST }))
    }
}

fn request(url: &str, max_bytes: usize) -> Result<Request, HttpError> {
    let request = Request::get(url, &[], &[])?;
    Ok(Request { accept: Some("application/json"), max_bytes, ..request })
}
