//! Finding gems: by the weekly dump of the site's database, else by search. Neither says anything
//! about executables: each gem is looked into.

mod copy;
mod dump;
mod search;
#[cfg(test)]
mod tests;

use std::{cmp::Reverse, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::{Candidate, PackageId, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{Listed, Names as _, Page, Seeder, Shape, Source, SourceError},
};

use crate::{ID, RubyGems};

/// Where the site says that its dumps lie, in its own `script/load-pg-dump`.
const DUMPS: &str = "https://s3-us-west-2.amazonaws.com/rubygems-dumps/";
const SEARCH: &str = "https://rubygems.org/api/v1/search.json";
/// What is asked about each gem: its versions, then headers and specification of the newest.
const PER_GEM: &[&str] = &["https://rubygems.org/info/", "https://rubygems.org/gems/"];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Each costs some three requests, three a second: the most downloaded 5,000 take an hour and a
/// half, and most of them are libraries.
const MOST: usize = 5_000;
/// Of all versions of a gem, since it was published.
const UNIT: &str = "downloads";

#[async_trait]
impl Seeder for RubyGems {
    fn sources(&self) -> &'static [Source] {
        &[
            Source {
                name: "dump",
                url: DUMPS,
                max_age: WEEK,
                // The list of dumps, then the newest.
                shape: Shape::Files(&[DUMPS, DUMPS]),
                about: 5_000,
                per_candidate: PER_GEM,
            },
            Source {
                name: "search",
                url: SEARCH,
                max_age: DAY,
                shape: Shape::Pages(search::PAGE),
                about: 5_000,
                per_candidate: PER_GEM,
            },
        ]
    }

    /// A lifetime's total, for that is what both sources publish.
    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 10_000_000, unit: UNIT, period_days: None })
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
            _ => dump::page(http, cursor, limit).await,
        }
    }
}

/// What a source says about one gem. Ordered by downloads, unknown last, then by name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gem {
    downloads: Reverse<Option<u64>>,
    name: String,
    /// Who says it comes before who does not, where a gem is there twice.
    has_repository: Reverse<Option<bool>>,
    /// Nothing of it can be installed.
    is_retired: bool,
}

impl Gem {
    /// `kind` is what a number of downloads is, but for the number.
    fn listed(self, kind: Option<&Popularity>) -> Listed {
        let passed_over = |name, reason, why| Listed::PassedOver(PassedOver { name, reason, why });
        if self.is_retired {
            let why = "all of its versions are yanked".to_owned();
            return passed_over(self.name, SeedSkip::Retired, why);
        }
        let popularity = kind.zip(self.downloads.0);
        match RubyGems.normalise(&self.name) {
            Ok(name) => Listed::Candidate(Candidate {
                id: PackageId { ecosystem: ID, name },
                popularity: popularity.map(|(kind, value)| Popularity { value, ..kind.clone() }),
                commands: None,
                has_repository: self.has_repository.0,
            }),
            Err(error) => passed_over(self.name, SeedSkip::InvalidName, error.to_string()),
        }
    }
}

/// One entry for all rows that cannot be read, so that a list of nothing else costs no memory.
fn unreadable(n_unreadable: usize) -> Option<Listed> {
    (0 < n_unreadable).then(|| {
        let why = format!("{n_unreadable} entries of the list name no gem");
        let (name, reason) = (String::new(), SeedSkip::Unreadable);
        Listed::PassedOver(PassedOver { name, reason, why })
    })
}
