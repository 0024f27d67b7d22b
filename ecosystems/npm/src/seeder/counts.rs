//! The most downloaded packages, of the counts that a package publishes for all of them.

use std::{fs::File, path::Path};

use batch_core::{
    io::{
        Http, Request,
        archive::{ArchiveError, ArchiveLimits, Flow, read_tar, verify_digest},
        aside, each_entry, published_day, published_number,
    },
    model::{Candidate, Measure, PackageId, PassedOver, Popularity},
    plugin::{Cut, Names as _, Page, Ranking, SourceError, SourceErrorKind},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    ID, Npm,
    registry::{odd_answer, source_error},
    seeder::{COUNTS, UNIT},
};

/// As many packages as are handed out. There are millions, and further down nearly all are
/// libraries or nobody's.
const LONGEST_LIST: usize = 5_000;
/// In bytes; in 2026 it has 28 million, and 96 million unpacked.
const LONGEST_TARBALL: usize = 256 << 20;
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 100,
    max_name_bytes: 4096,
    max_total_bytes: 1 << 30,
    max_ratio: 200,
};
const FILE: &str = "package/counts.json";

pub(crate) async fn page(http: &dyn Http, cut: Cut<'_>) -> Result<Page, SourceError> {
    let (release, measure) = newest(http).await?;
    let request = Request::get(&release.dist.tarball, &[], &[]).map_err(source_error)?;
    let request = Request { max_bytes: LONGEST_TARBALL, ..request };
    let tarball = http.fetch_to_cache(request).await.map_err(source_error)?;
    let integrity = release.dist.integrity;
    let ranking = aside(move || verified(&tarball, integrity.as_deref())).await;
    let ranking = ranking.map_err(source_error)?.map_err(odd_answer)?;
    let size = Some(ranking.n_added());
    let rows = ranking.into_rows().into_iter();
    let page = cut.page(rows.map(|(name, value)| judge(name, measure.popularity(value))), &Npm);
    Ok(Page { size, ..page })
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

/// The newest counts, and what they are.
async fn newest(http: &dyn Http) -> Result<(Release, Measure), SourceError> {
    let request = Request::get(COUNTS, &[], &[]).map_err(source_error)?;
    let request = Request { accept: Some("application/json"), ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let answered_on = response.answered_on();
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("download-counts is not there".to_owned()))?;
    let release: Release =
        serde_json::from_slice(&body).map_err(|error| odd_answer(error.to_string()))?;
    let stated = day(&release.version).and_then(|day| published_day(&day));
    let (source, as_of) = (COUNTS.to_owned(), stated.or(answered_on));
    Ok((release, Measure { unit: UNIT, period_days: Some(30), source, as_of }))
}

/// The day on which was counted: 2026-03-01 of version `2.20260301.0`.
fn day(version: &str) -> Option<String> {
    let digits = version.split('.').nth(1)?;
    let is_day = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_day.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))
}

/// What [`read`] says of a tarball that is the one that `integrity` tells of.
fn verified(
    tarball: &Path,
    integrity: Option<&str>,
) -> Result<Result<Ranking, String>, SourceErrorKind> {
    if let Some(integrity) = integrity {
        verify_digest(tarball, integrity)?;
    }
    Ok(read(tarball)?)
}

/// Unpacks and reads in one pass: only the names that are kept are ever in memory. The inner error
/// is what is odd about the counts.
fn read(tarball: &Path) -> Result<Result<Ranking, String>, ArchiveError> {
    let file = File::open(tarball)?;
    let mut ranking = Ranking::of(LONGEST_LIST);
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

fn judge(name: String, popularity: Option<Popularity>) -> Result<Candidate, PassedOver> {
    match Npm.normalise(&name) {
        Ok(name) => {
            let id = PackageId { ecosystem: ID, name };
            Ok(Candidate { popularity, ..Candidate::of(id) })
        }
        Err(error) => Err(PassedOver::misnamed(name, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_tells_the_day() {
        assert_eq!(day("2.20260301.0").as_deref(), Some("2026-03-01"));
        for other in ["", "1.0.0", "2.2026030.0", "2.2026030x.0", "20260301"] {
            assert_eq!(day(other), None, "{other:?}");
        }
    }
}
