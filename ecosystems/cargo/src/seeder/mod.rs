//! Finding crates that install programs: by the daily dump of the registry's database, else by the
//! category of the web API.

mod api;
mod array;
mod dump;
mod ranking;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::{InvalidId, PassedOver, SeedSkip, Threshold},
    plugin::{Cut, Page, Seeder, Shape, Source, SourceError},
};

use crate::{Cargo, registry};

/// Everything that the registry knows and may tell, made anew every night.
const DUMP: &str = "https://static.crates.io/db-dump.tar.gz";
const LIST: &str = "https://crates.io/api/v1/crates";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// As deep as a first seed goes. Of the 5,001st program fewer people have heard than of any that
/// waits in the other queues, and to compile what is before it takes weeks already.
const MOST: usize = 5_000;

#[async_trait]
impl Seeder for Cargo {
    fn sources(&self) -> &'static [Source] {
        &[
            Source {
                name: "dump",
                url: DUMP,
                max_age: DAY,
                shape: Shape::Files(&[DUMP]),
                about: 5_000,
                // It tells the commands of all but a few crates that nobody has looked into yet.
                per_candidate: &[],
            },
            Source {
                name: "api",
                url: LIST,
                max_age: DAY,
                shape: Shape::Pages(100),
                about: 5_000,
                per_candidate: &[registry::INDEX, registry::CRATES],
            },
        ]
    }

    /// A lifetime's total, for that is what both sources publish; a tool with a million of them
    /// has about the hundred thousand in 90 days that others ask for.
    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 1_000_000, unit: UNIT, period_days: None })
    }

    async fn discover(
        &self,
        http: &dyn Http,
        source: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError> {
        match source.name {
            "api" => api::page(http, cursor, limit).await,
            _ => dump::page(http, Cut { cursor, limit, most: MOST }).await,
        }
    }
}

/// Of crates, since they were published.
const UNIT: &str = "downloads";

fn passed_over(name: &str, reason: SeedSkip, why: impl Into<String>) -> PassedOver {
    PassedOver { name: name.to_owned(), reason, why: why.into() }
}

fn no_name(name: &str, error: &InvalidId) -> PassedOver {
    passed_over(name, SeedSkip::InvalidName, error.to_string())
}
