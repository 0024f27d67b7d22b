//! The registry's web API: the crates of one category, page after page.

use std::cmp::Reverse;

use batch_core::{
    io::{Http, Request},
    model::{Candidate, Measure, PackageId, PassedOver, SeedSkip},
    plugin::{Cut, Names as _, Page, SourceError, SourceErrorKind},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Cargo, ID,
    quota::API_HOST,
    registry::source_error,
    seeder::{LIST, MOST, UNIT},
};

/// What authors file their crates under: not every program is, and some libraries are.
const FIRST: &str =
    "?category=command-line-utilities&sort=downloads&per_page=100&include_yanked=no";
/// As many crates as the dump hands out. Whatever the registry says comes next, it ends here.
const MOST_PAGES: u32 = 50;

/// The page at `cursor`, at most `limit` candidates of it.
pub(crate) async fn page(
    http: &dyn Http,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let place =
        cursor.and_then(Place::read).unwrap_or(Place { number: 1, rank: "0", query: FIRST });
    let mut request = Request::get(LIST, &[], &[]).map_err(source_error)?;
    request.url.set_query(Some(place.query.trim_start_matches('?')));
    let request = Request { accept: Some("application/json"), ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let (source, as_of) = (LIST.to_owned(), response.answered_on());
    let measure = Measure { unit: UNIT, period_days: None, source, as_of };
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd("there is no list of crates".to_owned()))?;
    let mut list: List = serde_json::from_slice(&body).map_err(|error| odd(error.to_string()))?;
    if !list.crates.is_empty() && list.crates.iter().all(|it| it.get("name").is_none()) {
        return Err(odd("no entry of the list names a crate".to_owned()));
    }
    list.crates.sort_by(|one, other| order(one).cmp(&order(other)));
    let cut = Cut { cursor: Some(place.rank), limit, ..Cut::WHOLE };
    let page = cut.page(list.crates.iter().map(|it| judge(it, &measure)), &Cargo);
    let next_cursor = match &page.next_cursor {
        Some(rank) => Some(Place { rank, ..place }.written()),
        None => list.next(place.query).and_then(|query| place.next(query)),
    };
    Ok(Page { next_cursor, total: list.total(), size: None, ..page })
}

/// Where the list goes on.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// Of the page.
    number: u32,
    /// Within the page.
    rank: &'a str,
    /// What the registry calls the page.
    query: &'a str,
}

impl<'a> Place<'a> {
    fn read(cursor: &'a str) -> Option<Self> {
        let mut parts = cursor.splitn(3, ' ');
        let (number, rank) = (parts.next()?.parse().ok()?, parts.next()?);
        Some(Self { number, rank, query: parts.next()? })
    }

    fn written(self) -> String {
        let Self { number, rank, query } = self;
        format!("{number} {rank} {query}")
    }

    fn next(self, query: &str) -> Option<String> {
        let number = self.number.saturating_add(1);
        (number <= MOST_PAGES).then(|| Place { number, rank: "0", query }.written())
    }
}

/// The most downloaded first, as it is asked for; the registry says nothing about ties.
fn order(listed: &Value) -> (Reverse<Option<u64>>, Option<&str>) {
    (Reverse(downloads(listed)), listed.get("name").and_then(Value::as_str))
}

fn downloads(listed: &Value) -> Option<u64> {
    listed.get("downloads")?.as_u64()
}

#[derive(Deserialize)]
struct List {
    crates: Vec<Value>,
    /// Not there behind the last page.
    #[serde(default)]
    meta: Value,
}

impl List {
    /// What the registry calls the page after the one that it calls `query`.
    fn next(&self, query: &str) -> Option<&str> {
        let next = self.meta.get("next_page")?.as_str()?;
        (!self.crates.is_empty() && !next.is_empty() && next != query).then_some(next)
    }

    /// As far as it is handed out.
    fn total(&self) -> Option<usize> {
        let total = self.meta.get("total")?.as_u64()?;
        Some(usize::try_from(total).unwrap_or(MOST).min(MOST))
    }
}

fn judge(listed: &Value, measure: &Measure) -> Result<Candidate, PassedOver> {
    let field = |key| listed.get(key);
    let spelling = field("name").and_then(Value::as_str).unwrap_or_default();
    let name = Cargo.normalise(spelling).map_err(|error| PassedOver::misnamed(spelling, &error))?;
    if field("yanked").and_then(Value::as_bool) == Some(true) {
        let why = "all of its versions are yanked";
        return Err(PassedOver::because(spelling, SeedSkip::Retired, why));
    }
    let has_repository = field("repository").map(|it| it.as_str().is_some_and(|it| !it.is_empty()));
    Ok(Candidate {
        popularity: measure.popularity(downloads(listed)),
        has_repository,
        ..Candidate::of(PackageId { ecosystem: ID, name })
    })
}

fn odd(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: API_HOST.to_owned(), reason })
}
