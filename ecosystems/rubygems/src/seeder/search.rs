//! The site's search: several words for one thing, page after page.

use std::cmp::Reverse;

use batch_core::{
    io::{Http, Request, Response},
    model::Measure,
    plugin::{Cut, Page, SourceError},
};
use serde_json::Value;

use crate::{
    RubyGems,
    registry::{odd_answer, source_error},
    seeder::{Gem, SEARCH, UNIT, unreadable},
};

/// Hits on a page; it cannot be chosen.
pub(crate) const PAGE: u32 = 30;
/// What authors write into names and summaries of tools.
const QUERIES: [&str; 4] = ["cli", "command-line", "command line tool", "executable"];
/// Of each query, which makes some 5,000 hits in all; by relevance, so what comes later is hardly
/// about commands. The site itself ends at 300, and then begins anew.
const MOST_PAGES: u32 = 42;

/// The page at `cursor`.
pub(crate) async fn page(
    http: &dyn Http,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let place = cursor.and_then(Place::read).unwrap_or_else(|| Place::start(QUERIES[0]));
    let number = place.number.to_string();
    let query = [("query", place.query), ("page", number.as_str())];
    let request = Request::get(SEARCH, &[], &query).map_err(source_error)?;
    let request = Request { accept: Some("application/json"), ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let is_led_back = !asks_for(&response, &number);
    let (source, as_of) = (SEARCH.to_owned(), response.answered_on());
    let measure = Measure { unit: UNIT, period_days: None, source, as_of };
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("there is no search".to_owned()))?;
    let hits: Vec<Value> =
        serde_json::from_slice(&body).map_err(|error| odd_answer(error.to_string()))?;
    let first = hits.first().and_then(name).unwrap_or_default().to_owned();
    let is_over = hits.is_empty() || is_led_back || place.was_seen(&first);
    let hits = if is_over { vec![] } else { hits };
    let n_hits = hits.len();
    let mut gems: Vec<Gem> = hits.iter().filter_map(gem).collect();
    let n_unreadable = n_hits - gems.len();
    if gems.is_empty() && 0 < n_unreadable {
        return Err(odd_answer("no hit of the search names a gem".to_owned()));
    }
    gems.sort();
    let gems = gems.into_iter().map(|gem| gem.judge(&measure));
    let cut = Cut { cursor: Some(place.rank), limit, ..Cut::WHOLE };
    let page = cut.page(unreadable(n_unreadable).map(Err).into_iter().chain(gems), &RubyGems);
    let next_cursor = match &page.next_cursor {
        Some(rank) => Some(Place { rank, ..place }.written()),
        None if is_over || MOST_PAGES <= place.number => place.next_query(),
        None => Some(place.next_page(&first)),
    };
    // How many hits a query has is nowhere said.
    Ok(Page { next_cursor, total: None, size: None, ..page })
}

/// Whether the answer is about that page: the site leads from pages that it does not have back to
/// the first.
fn asks_for(response: &Response, number: &str) -> bool {
    response.url.query_pairs().all(|(key, value)| key != "page" || value == number)
}

fn name(hit: &Value) -> Option<&str> {
    hit.get("name")?.as_str()
}

fn gem(hit: &Value) -> Option<Gem> {
    Some(Gem {
        downloads: Reverse(hit.get("downloads").and_then(Value::as_u64)),
        name: name(hit)?.to_owned(),
        has_repository: Reverse(hit.get("source_code_uri").map(|uri| {
            let homepage = hit.get("homepage_uri").and_then(Value::as_str).unwrap_or_default();
            let is_forge = ["https://github.com/", "https://gitlab.com/", "https://codeberg.org/"];
            uri.as_str().is_some_and(|uri| !uri.is_empty())
                || is_forge.iter().any(|forge| homepage.starts_with(forge))
        })),
        is_retired: hit.get("yanked").and_then(Value::as_bool) == Some(true),
    })
}

/// Where a search goes on.
#[derive(Clone, Copy)]
struct Place<'a> {
    query: &'a str,
    number: u32,
    /// Within the page.
    rank: &'a str,
    /// The first names of the first page and of the one before: where one of them is first again,
    /// the pages go in a circle. No gem's name is empty.
    firsts: [&'a str; 2],
}

impl<'a> Place<'a> {
    fn start(query: &'a str) -> Self {
        Self { query, number: 1, rank: "0", firsts: [""; 2] }
    }

    fn read(cursor: &'a str) -> Option<Self> {
        let mut parts = cursor.split('#');
        let (query, number) = (parts.next()?, parts.next()?.parse().ok()?);
        let (rank, firsts) = (parts.next()?, [parts.next()?, parts.next()?]);
        Some(Self { query, number, rank, firsts })
    }

    fn written(self) -> String {
        let Self { query, number, rank, firsts: [first, before] } = self;
        format!("{query}#{number}#{rank}#{first}#{before}")
    }

    /// A page that is cut has the same first name on all of its parts.
    fn was_seen(&self, first: &str) -> bool {
        !first.is_empty() && self.rank == "0" && self.firsts.contains(&first)
    }

    fn next_page(self, first: &str) -> String {
        // What is no name cannot stand in a cursor.
        let first = if first.contains('#') { "" } else { first };
        let of_all = if self.number == 1 { first } else { self.firsts[0] };
        let number = self.number.saturating_add(1);
        Place { number, rank: "0", firsts: [of_all, first], ..self }.written()
    }

    fn next_query(self) -> Option<String> {
        let at = QUERIES.iter().position(|query| *query == self.query)?;
        Some(Place::start(QUERIES.get(at + 1)?).written())
    }
}
