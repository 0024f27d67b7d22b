//! Finds gems: from the weekly dump of the site's database, otherwise by search. Neither states
//! executables, so each gem is read.

mod copy;
mod dump;
mod search;
#[cfg(test)]
mod tests;

use std::{cmp::Reverse, time::Duration};

use async_trait::async_trait;
use batch_core::{
    model::{Candidate, Measure, PassedOver, SeedSkip, Threshold},
    plugin::{Listing, PageRequest, Row, Seeder, Source, SourceError},
};

use crate::RubyGems;

/// The address of the dumps according to the site's own `script/load-pg-dump`.
const DUMPS: &str = "https://s3-us-west-2.amazonaws.com/rubygems-dumps/";
const SEARCH: &str = "https://rubygems.org/api/v1/search.json";
/// The requests about each gem: its versions, then headers and specification of the newest.
const PER_GEM: &[&str] = &["https://rubygems.org/info/", "https://rubygems.org/gems/"];
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many gems are read. Each costs about three requests, three a second: the 5,000 most
/// downloaded ones take an hour and a half, and most of them are libraries.
const MOST: usize = 5_000;
/// Downloads of all versions of a gem since it was published.
const UNIT: &str = "downloads";

#[async_trait]
impl Seeder for RubyGems {
    fn sources(&self) -> &'static [Source] {
        // The list of dumps, then the newest dump.
        const DUMP: Source = Source::file("dump", &[DUMPS, DUMPS], 5_000, PER_GEM);
        const {
            &[
                Source { max_age: WEEK, ..DUMP },
                Source::pages("search", SEARCH, search::PAGE, 5_000, PER_GEM),
            ]
        }
    }

    /// The threshold counts all downloads since publication, because both sources publish only
    /// that.
    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 10_000_000, unit: UNIT, period_days: None })
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        match wanted.source.name {
            "search" => search::read(wanted).await,
            _ => dump::list(wanted).await,
        }
    }
}

/// The data of a source about one gem. Ordered by downloads (unknown ones last), then by name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gem {
    downloads: Reverse<Option<u64>>,
    name: String,
    /// If a gem occurs twice, the entry that states its repository comes first.
    has_repository: Reverse<Option<bool>>,
    /// Whether no version of it can be installed.
    is_retired: bool,
    /// Its newest version, where the list says so.
    version: Option<String>,
}

impl Gem {
    /// The candidate, or why the gem is passed over; `measure` is the meaning of the downloads.
    fn evaluate(self, wanted: PageRequest<'_>, measure: &Measure) -> Row {
        if self.is_retired {
            let why = "all of its versions are yanked";
            return Err(PassedOver::because(self.name, SeedSkip::Retired, why));
        }
        Ok(Candidate {
            popularity: measure.popularity(self.downloads.0),
            has_repository: self.has_repository.0,
            version: self.version,
            ..wanted.candidate(&self.name)?
        })
    }
}

/// What is wrong with rows that cannot be read.
const UNREADABLE: &str = "entries of the list name no gem";
