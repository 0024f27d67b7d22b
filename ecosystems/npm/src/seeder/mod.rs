//! Finding command-line tools: among the most downloaded packages, and by search.
//!
//! Neither list says anything about commands, so the registry is asked about each package.

mod counts;
mod search;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::Threshold,
    plugin::{Cut, Page, Seeder, Shape, Source, SourceError},
};

use crate::{Npm, registry::odd_answer};

const SEARCH: &str = "https://registry.npmjs.org/-/v1/search";
/// The package by which `nice-registry` publishes the downloads of all packages, once a month.
const COUNTS: &str = "https://registry.npmjs.org/download-counts/latest";
/// Its tarballs lie below.
const TARBALLS: &str = "https://registry.npmjs.org/download-counts/-/";
const PACKAGES: &str = "https://registry.npmjs.org/";
const UNIT: &str = "downloads";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

#[async_trait]
impl Seeder for Npm {
    fn sources(&self) -> &'static [Source] {
        &[
            Source {
                name: "download-counts",
                url: COUNTS,
                max_age: MONTH,
                shape: Shape::Files(&[COUNTS, TARBALLS]),
                about: 5_000,
                per_candidate: &[PACKAGES],
            },
            // Last: a refusal of it keeps from the whole host for a while.
            Source {
                name: "search",
                url: SEARCH,
                max_age: DAY,
                shape: Shape::Pages(250),
                about: 10_000,
                per_candidate: &[PACKAGES],
            },
        ]
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 2_000_000, unit: UNIT, period_days: Some(30) })
    }

    async fn discover(
        &self,
        http: &dyn Http,
        source: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError> {
        match source.name {
            "search" => search::page(http, cursor, limit).await,
            "download-counts" => counts::page(http, Cut { cursor, limit, ..Cut::WHOLE }).await,
            other => Err(odd_answer(format!("it has no list called {other:?}"))),
        }
    }
}
