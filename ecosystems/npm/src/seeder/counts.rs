//! The most downloaded packages, from a package that publishes the counts of all packages.

use std::{fs::File, path::Path};

use batch_core::{
    io::{
        Request,
        archive::{ArchiveError, ArchiveLimits, Flow, read_tar, verify_digest},
        each_entry, published_day, published_number,
    },
    model::Candidate,
    plugin::{Listing, PageRequest, Ranking, SourceError, SourceErrorKind},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::seeder::{COUNTS, UNIT};

/// How many packages are handed out. There are millions, and nearly all of lower rank are libraries
/// or unused.
const MAX_LIST: usize = 5_000;
/// The largest tarball that is read, in bytes; in 2026 it has 28 million bytes, and 96 million
/// unpacked.
const MAX_TARBALL: usize = 256 << 20;
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 100,
    max_name_bytes: 4096,
    max_total_bytes: 1 << 30,
    max_ratio: 200,
};
const FILE: &str = "package/counts.json";

pub(crate) async fn list(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let request = Request::get(COUNTS, &[], &[]);
    let newest = wanted.ask_json::<Release>(request, "release of download-counts").await?;
    let Release { version, dist: Dist { tarball, integrity } } = newest.content;
    let stated = day(&version).and_then(|day| published_day(&day));
    let measure = wanted.measure(UNIT, Some(30), stated.or(newest.answered_on));
    let request = Request::get(&tarball, &[], &[]).map(|it| it.at_most(MAX_TARBALL));
    let read = move |tarball: &Path, _: &Request| verified(tarball, integrity.as_deref());
    let ranking = wanted.read_file(request, read).await?;
    let size = ranking.n_added();
    let rows = ranking.into_rows().into_iter().map(move |(name, value)| {
        Ok(Candidate { popularity: measure.popularity(value), ..wanted.candidate(&name)? })
    });
    Ok(Listing::whole(rows).of_size(size))
}

#[derive(Debug, Deserialize)]
struct Release {
    version: String,
    dist: Dist,
}

#[derive(Debug, Deserialize)]
struct Dist {
    tarball: String,
    #[serde(default)]
    integrity: Option<String>,
}

/// The day of the count: 2026-03-01 for version `2.20260301.0`.
fn day(version: &str) -> Option<String> {
    let digits = version.split('.').nth(1)?;
    let is_day = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_day.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))
}

/// The result of [`read`] for a tarball that matches `integrity`.
fn verified(
    tarball: &Path,
    integrity: Option<&str>,
) -> Result<Result<Ranking, String>, SourceErrorKind> {
    if let Some(integrity) = integrity {
        verify_digest(tarball, integrity)?;
    }
    Ok(read(tarball)?)
}

/// Unpacks and reads in one pass: only the names that are kept are in memory. The inner error says
/// what is wrong with the counts.
fn read(tarball: &Path) -> Result<Result<Ranking, String>, ArchiveError> {
    let file = File::open(tarball)?;
    let mut ranking = Ranking::of(MAX_LIST);
    let mut outcome = Err(format!("download-counts has no {FILE}"));
    read_tar(file, &LIMITS, &mut |entry, content| {
        if entry.path != FILE {
            return Ok(Flow::Continue);
        }
        let add = &mut |name: &str, value: &RawValue| ranking.add(name, published_number(value));
        match each_entry(content, add) {
            Err(error) if error.is_io() => return Err(error.into()),
            told => outcome = told.map_err(|error| error.to_string()),
        }
        Ok(Flow::Stop)
    })?;
    Ok(outcome.map(|()| ranking))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_contains_the_day() {
        assert_eq!(day("2.20260301.0").as_deref(), Some("2026-03-01"));
        for other in ["", "1.0.0", "2.2026030.0", "2.2026030x.0", "20260301"] {
            assert_eq!(day(other), None, "{other:?}");
        }
    }
}
