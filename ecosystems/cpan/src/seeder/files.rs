//! Lists distributions by their files, page by page, sorted by favourites.
//!
//! Each page is requested by the end of the previous one: by favourites, then by name. A scroll,
//! MetaCPAN's own method for long lists, expires after some minutes: a run that was stopped could
//! not continue it, and a retry would skip the rows of the lost answer.

use std::cmp::Reverse;

use batch_core::{
    io::{Method, Request, published_number},
    model::PassedOver,
    plugin::{Listing, PageRequest, SourceError},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::seeder::{FILES, UNIT, evaluate};

/// Files per request. MetaCPAN gives up to 5,000; a fifth of that keeps the answer small.
const MAX_PAGE: usize = 1_000;

pub(crate) async fn read(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let after = wanted.cursor.and_then(Position::read);
    let size = wanted.limit.clamp(1, MAX_PAGE);
    let body = query(after.as_ref(), size).to_string().into_bytes();
    let request = Request::get(FILES, &[], &[]);
    let request = request.map(|it| Request { method: Method::Post, body, ..it });
    let answer = wanted.ask_json::<Answer>(request, "search").await?;
    let odd = |reason: String| wanted.unexpected(reason);
    let found = Found::of(&answer.content).map_err(odd)?;
    let next = found.next(after.as_ref(), size).map_err(odd)?;
    // MetaCPAN states when it answered, but not when it counted.
    let measure = wanted.measure(UNIT, None, answer.answered_on);
    let rows = found.0.into_iter().map(move |hit| evaluate(wanted, hit?, &measure));
    // The answer counts files, not distributions, so the total is unknown.
    Ok(Listing::page(rows, next.map(|place| place.to_cursor())))
}

/// The end of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    favourites: u64,
    distribution: String,
}

impl Position {
    /// Reads a cursor of [`Position::to_cursor`]. For any other text the list starts again from the
    /// beginning.
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

/// The files below `bin/` and `script/` of the newest releases. Distributions without favourites
/// have no count, so they are not listed.
fn query(after: Option<&Position>, size: usize) -> Value {
    let liked = match after {
        None => json!({ "range": { "dist_fav_count": { "gte": 1 } } }),
        Some(Position { favourites, distribution }) => json!({ "bool": {
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
    /// Whether the search stopped at its time limit and the answer is incomplete.
    #[serde(default)]
    timed_out: Option<bool>,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Box<RawValue>>,
}

/// One file in the answer. Answers in old formats have `fields` instead of the source, with lists
/// of one element.
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

/// The distribution and the favourites of each hit, or why it was passed over.
struct Found(Vec<Result<(String, Option<u64>), PassedOver>>);

impl Found {
    /// The error says what is wrong with the answer.
    fn of(answer: &Answer) -> Result<Self, String> {
        if answer.timed_out == Some(true) {
            return Err("the search timed out and returned only a part of its results".to_owned());
        }
        Ok(Self(answer.hits.hits.iter().map(|hit| read_hit(hit)).collect()))
    }

    /// The position of the next page; `None` at the end. It is an error if the answer does not
    /// advance, because the requests would never end.
    fn next(&self, after: Option<&Position>, size: usize) -> Result<Option<Position>, String> {
        if self.0.len() < size {
            return Ok(None);
        }
        let place = |(distribution, favourites): &(String, Option<u64>)| {
            Some(Position { favourites: (*favourites)?, distribution: distribution.clone() })
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

/// The value, or the only element of a list.
fn only(json: &RawValue) -> Option<Box<RawValue>> {
    match serde_json::from_str::<Vec<Box<RawValue>>>(json.get()) {
        Ok(list) => <[_; 1]>::try_from(list).ok().map(|[one]| one),
        Err(_) => Some(json.to_owned()),
    }
}
