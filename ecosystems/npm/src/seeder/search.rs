//! Packages with a keyword for command-line tools, with their downloads, in no useful order.

use batch_core::{
    io::{Request, published_day, published_number},
    model::{Candidate, Measure, PassedOver, Popularity},
    plugin::{Listing, PageRequest, Row, SourceError},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::seeder::{SEARCH, UNIT};

/// The registry gives at most this many at once.
const MAX_PAGE: usize = 250;
/// For later positions the registry answers 400.
const LAST_START: usize = 9_750;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(crate) async fn read(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let from = wanted.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let size = wanted.limit.clamp(1, MAX_PAGE);
    let query =
        [("text", "keywords:cli"), ("size", &size.to_string()), ("from", &from.to_string())];
    let request = Request::get(SEARCH, &[], &query);
    let answer = wanted.ask_json::<Search>(request, "search").await?;
    let search = answer.content;
    let stated = search.time.as_ref().and_then(|time| iso_date(&text(time)?));
    let as_of = stated.and_then(|day| published_day(&day)).or(answer.answered_on);
    let measure = wanted.measure(UNIT, None, as_of);
    let (next, total) = search.next(from, size);
    let rows = search.objects.into_iter().map(move |hit| evaluate(wanted, &hit, &measure));
    Ok(Listing::page(rows, next).of_total(total))
}

#[derive(Deserialize)]
struct Search {
    objects: Vec<Box<RawValue>>,
    #[serde(default)]
    total: Option<Box<RawValue>>,
    /// The time of the answer: in the date format of JavaScript in 2023, later in that of ISO 8601.
    #[serde(default)]
    time: Option<Box<RawValue>>,
}

impl Search {
    /// The cursor of the next page, and the number of packages on all pages.
    fn next(&self, from: usize, size: usize) -> (Option<String>, Option<usize>) {
        let total = self.total.as_ref();
        let total = total.and_then(|total| usize::try_from(published_number(total)?).ok());
        let next = from.saturating_add(self.objects.len());
        // A total that is smaller than the number of rows in the answer is wrong.
        let total = total.filter(|total| self.objects.is_empty() || next <= *total);
        let has_more = match total {
            Some(total) => from < next && next < total.min(LAST_START),
            None => size <= self.objects.len() && next < LAST_START,
        };
        let total = total.map(|total| total.min(LAST_START + MAX_PAGE));
        (has_more.then(|| next.to_string()), total)
    }
}

#[derive(Deserialize)]
struct Hit {
    package: Named,
    /// Present since 2024.
    #[serde(default)]
    downloads: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    #[serde(default)]
    version: Option<Box<RawValue>>,
    #[serde(default)]
    links: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Downloads {
    #[serde(default)]
    monthly: Option<Box<RawValue>>,
    #[serde(default)]
    weekly: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    repository: Option<String>,
}

fn evaluate(wanted: PageRequest<'_>, hit: &RawValue, measure: &Measure) -> Row {
    let Hit { package, downloads } = serde_json::from_str(hit.get())
        .map_err(|error| PassedOver::unreadable(error.to_string()))?;
    Ok(Candidate {
        popularity: downloads.and_then(|downloads| popularity(&downloads, measure)),
        has_repository: package.links.and_then(|links| has_repository(&links)),
        version: package.version.and_then(|version| text(&version)),
        ..wanted.candidate(&package.name)?
    })
}

/// Downloads per month, as in other lists, if the answer has them; otherwise per week.
fn popularity(downloads: &RawValue, measure: &Measure) -> Option<Popularity> {
    let Downloads { monthly, weekly } = serde_json::from_str(downloads.get()).ok()?;
    let number = |json: Option<Box<RawValue>>| published_number(&json?);
    let (value, days) = match number(monthly) {
        Some(value) => (value, 30),
        None => (number(weekly)?, 7),
    };
    Measure { period_days: Some(days), ..measure.clone() }.popularity(Some(value))
}

fn has_repository(links: &RawValue) -> Option<bool> {
    let links: Links = serde_json::from_str(links.get()).ok()?;
    Some(links.repository.is_some_and(|link| !link.is_empty()))
}

fn text(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok()
}

/// Reads the day of `2026-05-20T…` or of `Wed Sep 20 2023 …`.
fn iso_date(time: &str) -> Option<String> {
    if let Some((day, _)) = time.split_once('T').filter(|(day, _)| day.len() == 10) {
        return Some(day.to_owned());
    }
    let mut words = time.split_whitespace().skip(1);
    let month = words.next()?;
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let (day, year) = (words.next()?, words.next()?);
    Some(format!("{year}-{month:02}-{day}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_day_are_read() {
        let day = "2023-09-20";
        assert_eq!(iso_date("2023-09-20T12:00:00Z").unwrap(), day);
        assert_eq!(iso_date("Wed Sep 20 2023 12:00:00 GMT+0000 (UTC)").unwrap(), day);
        assert_eq!(iso_date("yesterday"), None);
        assert_eq!(iso_date(""), None);
    }
}
