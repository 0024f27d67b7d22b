//! Finding command-line tools by search.
//!
//! The answers carry weekly downloads, so no second request is needed; they are in no useful order,
//! and say nothing about commands: what has none is found out when it is built.

use std::time::Duration;

use async_trait::async_trait;
use batch_core::{
    io::{Http, Request},
    model::{Candidate, PackageId, PassedOver, Popularity, SeedSkip, Threshold},
    plugin::{Names as _, Page, Seeder, Shape, Source, SourceError},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ID, Npm,
    registry::{odd_answer, source_error},
};

const SEARCH: &str = "https://registry.npmjs.org/-/v1/search";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// More are not given at once.
const LARGEST_PAGE: usize = 250;
/// Beyond it the registry answers 400.
const LAST_START: usize = 9_750;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[async_trait]
impl Seeder for Npm {
    fn sources(&self) -> &'static [Source] {
        &[Source {
            name: "search",
            url: SEARCH,
            max_age: DAY,
            shape: Shape::Pages(250),
            about: 10_000,
            per_candidate: &["https://registry.npmjs.org/"],
        }]
    }

    fn popular(&self) -> Option<Threshold> {
        Some(Threshold { value: 500_000, unit: "downloads", period_days: Some(7) })
    }

    async fn discover(
        &self,
        http: &dyn Http,
        _: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError> {
        let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let (size, start) = (limit.clamp(1, LARGEST_PAGE).to_string(), from.to_string());
        let query = [("text", "keywords:cli"), ("size", &size), ("from", &start)];
        let request = Request::get(SEARCH, &[], &query).map_err(source_error)?;
        let request = Request { accept: Some("application/json"), ..request };
        let response = http.send(request).await.map_err(source_error)?;
        let body = response.found().map_err(source_error)?.unwrap_or_default();
        parse(&body, from).map_err(|error| odd_answer(error.to_string()))
    }
}

#[derive(Deserialize)]
struct Search {
    objects: Vec<Hit>,
    #[serde(default)]
    total: usize,
    /// When it was answered: in 2023 as JavaScript writes dates, later as ISO does.
    #[serde(default)]
    time: String,
}

#[derive(Deserialize)]
struct Hit {
    package: Named,
    /// Since 2024.
    #[serde(default)]
    downloads: Value,
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    name: String,
}

fn parse(body: &[u8], from: usize) -> Result<Page, serde_json::Error> {
    let search: Search = serde_json::from_slice(body)?;
    let next = from.saturating_add(search.objects.len());
    let has_more = from < next && next < search.total.min(LAST_START);
    let mut page = Page { next_cursor: has_more.then(|| next.to_string()), ..Page::default() };
    for Hit { package, downloads } in search.objects {
        match Npm.normalise(&package.name) {
            Ok(name) => page.candidates.push(Candidate {
                id: PackageId { ecosystem: ID, name },
                popularity: popularity(&downloads, &search.time),
                commands: None,
                has_repository: None,
            }),
            Err(error) => page.passed_over.push(PassedOver {
                name: package.name,
                reason: SeedSkip::InvalidName,
                why: error.to_string(),
            }),
        }
    }
    Ok(page)
}

/// Unknown where the answer gives no number, or does not say when.
fn popularity(downloads: &Value, time: &str) -> Option<Popularity> {
    let weekly = downloads.get("weekly")?;
    let value = weekly.as_u64().or_else(|| weekly.as_str()?.parse().ok())?;
    Some(Popularity {
        value,
        unit: "downloads".to_owned(),
        period_days: Some(7),
        source: SEARCH.to_owned(),
        as_of: serde_json::from_value(Value::String(iso_date(time)?)).ok()?,
    })
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

    const HITS: &str = r#"{"objects":[
        {"package":{"name":"eslint","sanitized_name":"eslint","version":"9.0.0"},
         "downloads":{"monthly":9,"weekly":7},"dependents":"13","searchScore":235.8},
        {"package":{"name":"@s/x"},"downloads":{"weekly":"8"},"dependents":5},
        {"package":{"name":"old"},"score":{"final":0.5}},
        {"package":{"name":"../x"}},
        {"package":{}}],
        "total":9,"time":"2026-05-20T10:00:00.000Z"}"#;

    #[test]
    fn a_page_says_what_it_found_what_it_skipped_and_where_to_go_on() {
        let page = parse(HITS.as_bytes(), 0).unwrap();
        let ids: Vec<String> = page.candidates.iter().map(|it| it.id.to_string()).collect();
        assert_eq!(ids, ["npm:eslint", "npm:@s/x", "npm:old"]);
        let value = |i: usize| page.candidates[i].popularity.as_ref().map(|it| it.value);
        assert_eq!([value(0), value(1), value(2)], [Some(7), Some(8), None]);
        let popularity = page.candidates[0].popularity.clone().unwrap();
        assert_eq!((popularity.period_days, &*popularity.unit), (Some(7), "downloads"));
        assert_eq!(popularity.as_of.to_string(), "2026-05-20");
        let skipped: Vec<&str> = page.passed_over.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(skipped, ["../x", ""]);
        assert_eq!(page.next_cursor.as_deref(), Some("5"));
    }

    #[test]
    fn the_last_page_is_the_last() {
        let next = |body: &str, from| parse(body.as_bytes(), from).unwrap().next_cursor;
        assert_eq!(next(HITS, 4), None);
        assert_eq!(next(r#"{"objects":[],"total":9}"#, 0), None);
        let many = r#"{"objects":[{"package":{"name":"a"}}],"total":90000}"#;
        assert_eq!(next(many, 9_748).as_deref(), Some("9749"));
        assert_eq!(next(many, 9_749), None);
        assert_eq!(next(many, usize::MAX), None);
    }

    #[test]
    fn both_ways_to_write_a_day_are_read() {
        let day = "2023-09-20";
        assert_eq!(iso_date("2023-09-20T12:00:00Z").unwrap(), day);
        assert_eq!(iso_date("Wed Sep 20 2023 12:00:00 GMT+0000 (UTC)").unwrap(), day);
        assert_eq!(iso_date("yesterday"), None);
        assert_eq!(iso_date(""), None);
    }
}
