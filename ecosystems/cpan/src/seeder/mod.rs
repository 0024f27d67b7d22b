//! Finds distributions with scripts: those whose newest release has files in `bin/` or `script/`,
//! and those with the most favourites.
//!
//! Such a file is only a hint. The archive decides which commands are installed, so the registry is
//! asked about each distribution.

mod files;
mod leaderboard;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use batch_core::{
    model::{Candidate, Measure, Threshold},
    plugin::{Listing, PageRequest, Row, Seeder, Source, SourceError},
};

use crate::Cpan;

const FILES: &str = "https://fastapi.metacpan.org/v1/file/_search";
const LEADERBOARD: &str = "https://fastapi.metacpan.org/v1/favorite/leaderboard";
/// The requests about one distribution: its newest release, and the archive of that release.
const RELEASE: &[&str] =
    &["https://fastapi.metacpan.org/v1/release/", "https://cpan.metacpan.org/authors/id/"];
const UNIT: &str = "favourites";

#[async_trait]
impl Seeder for Cpan {
    fn sources(&self) -> &'static [Source] {
        const {
            &[
                // A page has a thousand files, and many distributions have several.
                Source::pages("scripts", FILES, 500, 3_000, RELEASE),
                Source::file("leaderboard", &[LEADERBOARD], 100, RELEASE),
            ]
        }
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 20, unit: UNIT, period_days: None })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        match wanted.source.name {
            "scripts" => files::read(wanted).await,
            _ => leaderboard::list(wanted).await,
        }
    }
}

fn evaluate(
    wanted: PageRequest<'_>,
    (name, favourites): (String, Option<u64>),
    measure: &Measure,
) -> Row {
    Ok(Candidate { popularity: measure.popularity(favourites), ..wanted.candidate(&name)? })
}
