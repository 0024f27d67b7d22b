//! Finding distributions with scripts: those whose newest release has files in `bin/` or
//! `script/`, and those that people like best.
//!
//! Such files are a hint, not a command: what is installed only the archive tells, so the registry
//! is asked about each distribution.

mod files;
mod leaderboard;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use batch_core::{
    io::{Http, Response},
    model::{Candidate, PackageId, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{Names as _, Page, Seeder, Shape, Source, SourceError},
};

use crate::{Cpan, ID, registry::odd_answer};

const FILES: &str = "https://fastapi.metacpan.org/v1/file/_search";
const LEADERBOARD: &str = "https://fastapi.metacpan.org/v1/favorite/leaderboard";
/// What is asked about one distribution: its newest release, and the archive of that.
const RELEASE: &[&str] =
    &["https://fastapi.metacpan.org/v1/release/", "https://cpan.metacpan.org/authors/id/"];
const UNIT: &str = "favourites";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl Seeder for Cpan {
    fn sources(&self) -> &'static [Source] {
        &[
            Source {
                name: "scripts",
                url: FILES,
                max_age: DAY,
                // A thousand files; many distributions have several.
                shape: Shape::Pages(500),
                about: 3_000,
                per_candidate: RELEASE,
            },
            Source {
                name: "leaderboard",
                url: LEADERBOARD,
                max_age: DAY,
                shape: Shape::Files(&[LEADERBOARD]),
                about: 100,
                per_candidate: RELEASE,
            },
        ]
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 20, unit: UNIT, period_days: None })
    }

    async fn discover(
        &self,
        http: &dyn Http,
        source: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError> {
        match source.name {
            "scripts" => files::page(http, cursor, limit).await,
            "leaderboard" => leaderboard::page(http, cursor, limit).await,
            other => Err(odd_answer(format!("it has no list called {other:?}"))),
        }
    }
}

/// All of a popularity but its value: MetaCPAN does not say when it counted, only when it answered.
fn dated(response: &Response, source: &str) -> Option<Popularity> {
    response.answered_on().map(|as_of| Popularity {
        value: 0,
        unit: UNIT.to_owned(),
        period_days: None,
        source: source.to_owned(),
        as_of,
    })
}

fn judge(
    name: String,
    favourites: Option<u64>,
    dated: Option<&Popularity>,
) -> Result<Candidate, PassedOver> {
    let popularity = favourites.zip(dated.cloned());
    let popularity = popularity.map(|(value, dated)| Popularity { value, ..dated });
    match Cpan.normalise(&name) {
        Ok(name) => {
            let id = PackageId { ecosystem: ID, name };
            Ok(Candidate { id, popularity, commands: None, has_repository: None })
        }
        Err(error) => {
            Err(PassedOver { name, reason: SeedSkip::InvalidName, why: error.to_string() })
        }
    }
}
