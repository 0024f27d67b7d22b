//! Finds command-line tools among the most downloaded packages, and by search.
//!
//! Neither list states commands, so the registry is asked about each package.

mod counts;
mod search;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use batch_core::{
    model::Threshold,
    plugin::{Listing, PageRequest, Seeder, Source, SourceError},
};

use crate::Npm;

const SEARCH: &str = "https://registry.npmjs.org/-/v1/search";
/// The package in which `nice-registry` publishes the downloads of all packages once a month.
const COUNTS: &str = "https://registry.npmjs.org/download-counts/latest";
/// The address below which its tarballs are.
const TARBALLS: &str = "https://registry.npmjs.org/download-counts/-/";
const PACKAGES: &str = "https://registry.npmjs.org/";
const UNIT: &str = "downloads";
const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

#[async_trait]
impl Seeder for Npm {
    fn sources(&self) -> &'static [Source] {
        const COUNTED: Source =
            Source::file("download-counts", &[COUNTS, TARBALLS], 5_000, &[PACKAGES]);
        const {
            &[
                Source { max_age: MONTH, ..COUNTED },
                // Last, because a refusal by the search blocks the whole host for some time.
                Source::pages("search", SEARCH, 250, 10_000, &[PACKAGES]),
            ]
        }
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 2_000_000, unit: UNIT, period_days: Some(30) })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        match wanted.source.name {
            "search" => search::read(wanted).await,
            _ => counts::list(wanted).await,
        }
    }
}
