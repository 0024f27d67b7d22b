//! Packages that call themselves command-line tools, with downloads, in no useful order.

use batch_core::{
    io::{Http, Request, published_day, published_number},
    model::{Candidate, Measure, PackageId, PassedOver, Popularity},
    plugin::{Cut, Names as _, Page, SourceError},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    ID, Npm,
    registry::{odd_answer, source_error},
    seeder::{SEARCH, UNIT},
};

/// More are not given at once.
const LARGEST_PAGE: usize = 250;
/// Beyond it the registry answers 400.
const LAST_START: usize = 9_750;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

pub(crate) async fn page(
    http: &dyn Http,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let size = limit.clamp(1, LARGEST_PAGE);
    let (wanted, start) = (size.to_string(), from.to_string());
    let query = [("text", "keywords:cli"), ("size", &wanted), ("from", &start)];
    let request = Request::get(SEARCH, &[], &query).map_err(source_error)?;
    let request = Request { accept: Some("application/json"), ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let answered_on = response.answered_on();
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("there is no search".to_owned()))?;
    let search: Search =
        serde_json::from_slice(&body).map_err(|error| odd_answer(error.to_string()))?;
    let stated = search.time.as_ref().and_then(|time| iso_date(&text(time)?));
    let as_of = stated.and_then(|day| published_day(&day)).or(answered_on);
    let measure = Measure { unit: UNIT, period_days: None, source: SEARCH.to_owned(), as_of };
    Ok(search.page(from, size, &measure))
}

#[derive(Deserialize)]
struct Search {
    objects: Vec<Box<RawValue>>,
    #[serde(default)]
    total: Option<Box<RawValue>>,
    /// When it was answered: in 2023 as JavaScript writes dates, later as ISO does.
    #[serde(default)]
    time: Option<Box<RawValue>>,
}

impl Search {
    fn page(self, from: usize, size: usize, measure: &Measure) -> Page {
        let total = self.total.and_then(|total| usize::try_from(published_number(&total)?).ok());
        let next = from.saturating_add(self.objects.len());
        // Less than what is here is no number of all.
        let total = total.filter(|total| self.objects.is_empty() || next <= *total);
        let has_more = match total {
            Some(total) => from < next && next < total.min(LAST_START),
            None => size <= self.objects.len() && next < LAST_START,
        };
        let judged = self.objects.iter().map(|hit| judge(hit, measure));
        Page {
            next_cursor: has_more.then(|| next.to_string()),
            total: total.map(|total| total.min(LAST_START + LARGEST_PAGE)),
            size: None,
            ..Cut::WHOLE.page(judged, &Npm)
        }
    }
}

#[derive(Deserialize)]
struct Hit {
    package: Named,
    /// Since 2024.
    #[serde(default)]
    downloads: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
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

fn judge(hit: &RawValue, measure: &Measure) -> Result<Candidate, PassedOver> {
    let Hit { package, downloads } = serde_json::from_str(hit.get())
        .map_err(|error| PassedOver::unreadable(error.to_string()))?;
    match Npm.normalise(&package.name) {
        Ok(name) => Ok(Candidate {
            popularity: downloads.and_then(|downloads| popularity(&downloads, measure)),
            has_repository: package.links.and_then(|links| has_repository(&links)),
            ..Candidate::of(PackageId { ecosystem: ID, name })
        }),
        Err(error) => Err(PassedOver::misnamed(package.name, &error)),
    }
}

/// By the month, as other lists have it, where the answer says so; else by the week.
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

/// The day of `2026-05-20T…` or of `Wed Sep 20 2023 …`.
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
