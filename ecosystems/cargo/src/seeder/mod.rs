//! Finds crates that install programs: from the daily dump of the registry's database, otherwise
//! from a category of the web API.

mod api;
mod array;
mod dump;
mod ranking;
mod table;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use batch_core::{
    model::Threshold,
    plugin::{Listing, PageRequest, Seeder, Source, SourceError},
};

use crate::{Cargo, registry};

/// The public part of the registry's database, renewed every night.
const DUMP: &str = "https://static.crates.io/db-dump.tar.gz";
const LIST: &str = "https://crates.io/api/v1/crates";
/// How many crates are read at most. Crates of lower rank are less well known than the packages of
/// the other queues, and compiling the crates above this rank takes weeks already.
const MOST: usize = 5_000;

#[async_trait]
impl Seeder for Cargo {
    fn sources(&self) -> &'static [Source] {
        const {
            &[
                // The dump names the commands of nearly all crates.
                Source::file("dump", &[DUMP], 5_000, &[]),
                Source::pages("api", LIST, 100, 5_000, &[registry::INDEX, registry::CRATES]),
            ]
        }
    }

    /// The threshold counts all downloads since publication, because both sources publish only
    /// that. A tool with a million downloads in total has about the hundred thousand in 90 days
    /// that other ecosystems require.
    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 1_000_000, unit: UNIT, period_days: None })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        match wanted.source.name {
            "api" => api::read(wanted).await,
            _ => dump::list(wanted).await,
        }
    }
}

/// Downloads of a crate since it was published.
const UNIT: &str = "downloads";
