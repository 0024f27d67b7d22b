//! Packages that call themselves command-line tools, with downloads, in no useful order.

use batch_core::{
    io::{Http, Request, published_number},
    model::{Candidate, PackageId, PassedOver, Popularity, SeedSkip},
    plugin::{Names as _, Page, SourceError},
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
    let (size, start) = (limit.clamp(1, LARGEST_PAGE).to_string(), from.to_string());
    let query = [("text", "keywords:cli"), ("size", &size), ("from", &start)];
    let request = Request::get(SEARCH, &[], &query).map_err(source_error)?;
    let request = Request { accept: Some("application/json"), ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let answered_on = response.answered_on();
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("there is no search".to_owned()))?;
    let search: Search =
        serde_json::from_slice(&body).map_err(|error| odd_answer(error.to_string()))?;
    let stated = search.time.as_ref().and_then(|time| iso_date(&text(time)?));
    let stated = stated.and_then(|day| serde_json::from_value(day.into()).ok());
    let dated = stated.or(answered_on).map(|as_of| Popularity {
        value: 0,
        unit: UNIT.to_owned(),
        period_days: None,
        source: SEARCH.to_owned(),
        as_of,
    });
    Ok(search.page(from, dated.as_ref()))
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
    fn page(self, from: usize, dated: Option<&Popularity>) -> Page {
        let total = self.total.and_then(|total| usize::try_from(published_number(&total)?).ok());
        let next = from.saturating_add(self.objects.len());
        let has_more = from < next && next < total.unwrap_or(0).min(LAST_START);
        let judged = self.objects.iter().map(|hit| judge(hit, dated));
        Page {
            next_cursor: has_more.then(|| next.to_string()),
            total: total.map(|total| total.min(LAST_START + LARGEST_PAGE)),
            ..Page::of_list(judged, None, usize::MAX)
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

fn judge(hit: &RawValue, dated: Option<&Popularity>) -> Result<Candidate, PassedOver> {
    let Hit { package, downloads } = serde_json::from_str(hit.get()).map_err(|error| {
        let (name, reason) = (String::new(), SeedSkip::Unreadable);
        PassedOver { name, reason, why: error.to_string() }
    })?;
    match Npm.normalise(&package.name) {
        Ok(name) => Ok(Candidate {
            id: PackageId { ecosystem: ID, name },
            popularity: downloads.and_then(|downloads| popularity(&downloads, dated?)),
            commands: None,
            has_repository: package.links.and_then(|links| has_repository(&links)),
        }),
        Err(error) => {
            let (reason, why) = (SeedSkip::InvalidName, error.to_string());
            Err(PassedOver { name: package.name, reason, why })
        }
    }
}

/// By the month, as other lists have it, where the answer says so; else by the week.
fn popularity(downloads: &RawValue, dated: &Popularity) -> Option<Popularity> {
    let Downloads { monthly, weekly } = serde_json::from_str(downloads.get()).ok()?;
    let number = |json: Option<Box<RawValue>>| published_number(&json?);
    let (value, days) = match number(monthly) {
        Some(value) => (value, 30),
        None => (number(weekly)?, 7),
    };
    Some(Popularity { value, period_days: Some(days), ..dated.clone() })
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
