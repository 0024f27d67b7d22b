//! Distributions by their files, page by page, the best liked first.
//!
//! Each page is asked for by where the last one ended: by favourites, then by name. MetaCPAN's own
//! way to long lists, a scroll, is held for some minutes only, so a run that was stopped could not
//! go on with it, and a second try would skip what the lost answer had.

use std::cmp::Reverse;

use batch_core::{
    io::{Http, Method, Request, published_number},
    model::PassedOver,
    plugin::{Cut, Page, SourceError},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    Cpan,
    registry::{odd_answer, source_error},
    seeder::{FILES, judge, measure},
};

/// In files. MetaCPAN gives up to 5,000; a fifth of that is a small answer.
const LARGEST_PAGE: usize = 1_000;

pub(crate) async fn page(
    http: &dyn Http,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let after = cursor.and_then(Place::read);
    let size = limit.clamp(1, LARGEST_PAGE);
    let request = Request::get(FILES, &[], &[]).map_err(source_error)?;
    let body = query(after.as_ref(), size).to_string().into_bytes();
    let accept = Some("application/json");
    let request = Request { method: Method::Post, accept, body, ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let measure = measure(&response, FILES);
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("there is no search".to_owned()))?;
    let found = Found::read(&body).map_err(odd_answer)?;
    let next = found.next(after.as_ref(), size).map_err(odd_answer)?;
    let rows = found.0.into_iter().map(|hit| {
        let (name, favourites) = hit?;
        judge(name, favourites, &measure)
    });
    // It says how many files there are, which is not how many distributions.
    let of_hits = Cut::WHOLE.page(rows, &Cpan);
    let next_cursor = next.map(|place| place.to_cursor());
    Ok(Page { next_cursor, total: None, size: None, ..of_hits })
}

/// Where a page ends.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    favourites: u64,
    distribution: String,
}

impl Place {
    /// Of what [`Place::to_cursor`] wrote; of anything else nothing, and the list begins anew.
    fn read(cursor: &str) -> Option<Self> {
        let (favourites, distribution) = cursor.split_once(' ')?;
        let favourites = favourites.parse().ok()?;
        Some(Self { favourites, distribution: distribution.to_owned() })
    }

    fn to_cursor(&self) -> String {
        format!("{} {}", self.favourites, self.distribution)
    }

    fn order(&self) -> (Reverse<u64>, &str) {
        (Reverse(self.favourites), &self.distribution)
    }
}

/// The newest releases' files below `bin/` and `script/`. What nobody likes has no number of
/// favourites, so it is not among them.
fn query(after: Option<&Place>, size: usize) -> Value {
    let liked = match after {
        None => json!({ "range": { "dist_fav_count": { "gte": 1 } } }),
        Some(Place { favourites, distribution }) => json!({ "bool": {
            "should": [
                { "range": { "dist_fav_count": { "gte": 1, "lt": favourites } } },
                { "bool": { "must": [
                    { "term": { "dist_fav_count": favourites } },
                    { "range": { "distribution": { "gt": distribution } } },
                ] } },
            ],
            "minimum_should_match": 1,
        } }),
    };
    let in_folder = |folder: &str| json!({ "prefix": { "path": folder } });
    json!({
        "query": { "bool": { "must": [
            { "term": { "status": "latest" } },
            { "term": { "directory": false } },
            { "bool": { "should": [in_folder("script/"), in_folder("bin/")],
                "minimum_should_match": 1 } },
            liked,
        ] } },
        "_source": ["distribution", "dist_fav_count"],
        "sort": [{ "dist_fav_count": "desc" }, { "distribution": "asc" }],
        "size": size,
    })
}

#[derive(Deserialize)]
struct Answer {
    hits: Hits,
    /// Whether it has only what was found in the time there was.
    #[serde(default)]
    timed_out: Option<bool>,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Box<RawValue>>,
}

/// Old answers have `fields` in place of the source, and in them lists of one.
#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source", alias = "fields")]
    source: File,
}

#[derive(Deserialize)]
struct File {
    distribution: Box<RawValue>,
    #[serde(default)]
    dist_fav_count: Option<Box<RawValue>>,
}

/// Distribution and favourites of each hit, or why there are none.
struct Found(Vec<Result<(String, Option<u64>), PassedOver>>);

impl Found {
    /// The error is what is odd about the answer.
    fn read(body: &[u8]) -> Result<Self, String> {
        let answer: Answer = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if answer.timed_out == Some(true) {
            return Err("the search ran out of time, and has a part of its hits".to_owned());
        }
        Ok(Self(answer.hits.hits.iter().map(|hit| read_hit(hit)).collect()))
    }

    /// Where the next page begins; `None` at the end. An answer that leads nowhere, or back, is an
    /// error: it would be asked for for ever.
    fn next(&self, after: Option<&Place>, size: usize) -> Result<Option<Place>, String> {
        if self.0.len() < size {
            return Ok(None);
        }
        let place = |(distribution, favourites): &(String, Option<u64>)| {
            Some(Place { favourites: (*favourites)?, distribution: distribution.clone() })
        };
        let last = self.0.iter().rev().flatten().find_map(place);
        let last = last.ok_or("a full page of files without favourites")?;
        if after.is_some_and(|after| last.order() <= after.order()) {
            return Err("a page that ends where an earlier one did".to_owned());
        }
        Ok(Some(last))
    }
}

fn read_hit(hit: &RawValue) -> Result<(String, Option<u64>), PassedOver> {
    let Hit { source: file } = serde_json::from_str(hit.get())
        .map_err(|error| PassedOver::unreadable(error.to_string()))?;
    let name = only(&file.distribution)
        .and_then(|name| serde_json::from_str(name.get()).ok())
        .ok_or_else(|| PassedOver::unreadable("its distribution has no name"))?;
    let favourites = file.dist_fav_count.and_then(|count| published_number(&only(&count)?));
    Ok((name, favourites))
}

/// The value, or the only one of a list.
fn only(json: &RawValue) -> Option<Box<RawValue>> {
    match serde_json::from_str::<Vec<Box<RawValue>>>(json.get()) {
        Ok(list) => <[_; 1]>::try_from(list).ok().map(|[one]| one),
        Err(_) => Some(json.to_owned()),
    }
}
