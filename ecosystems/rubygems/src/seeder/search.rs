//! The site's search, with several words for the same kind of program, page by page.

use std::cmp::Reverse;

use batch_core::{
    io::Request,
    plugin::{Listing, PageRequest, SourceError},
};
use serde_json::Value;

use crate::seeder::{Gem, SEARCH, UNIT, UNREADABLE};

/// Hits on a page; the site fixes this number.
pub(crate) const PAGE: u32 = 30;
/// Words in names and summaries of tools.
const QUERIES: [&str; 4] = ["cli", "command-line", "command line tool", "executable"];
/// Pages of each query, about 5,000 hits in all. Hits are sorted by relevance, so later ones are
/// hardly about commands. The site itself stops at page 300 and then starts again.
const MAX_PAGES: u32 = 42;

/// The page of the site that contains the wanted one.
pub(crate) async fn read(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let place = wanted.cursor.and_then(Position::read);
    let place = place.unwrap_or_else(|| Position::start(QUERIES[0]));
    let number = place.number.to_string();
    let request = Request::get(SEARCH, &[], &[("query", place.query), ("page", number.as_str())]);
    let answer = wanted.ask_json::<Vec<Value>>(request, "search").await?;
    let hits = answer.content;
    let first = hits.first().and_then(name).unwrap_or_default().to_owned();
    // For missing pages the site redirects to the first one.
    let is_led_back = answer.url.query_pairs().any(|(key, value)| key == "page" && value != number);
    let is_over = hits.is_empty() || is_led_back || place.was_seen(&first);
    let hits = if is_over { vec![] } else { hits };
    let mut gems: Vec<Gem> = hits.iter().filter_map(gem).collect();
    let n_unreadable = hits.len() - gems.len();
    if gems.is_empty() && 0 < n_unreadable {
        return Err(wanted.unexpected("no hit of the search names a gem"));
    }
    gems.sort();
    let measure = wanted.measure(UNIT, None, answer.answered_on);
    let gems = gems.into_iter().map(move |gem| gem.evaluate(wanted, &measure));
    let next = if is_over || MAX_PAGES <= place.number {
        place.next_query()
    } else {
        Some(place.next_page(&first))
    };
    let cursor_of = move |rank| Position { rank, ..place }.written();
    // The site does not state the number of hits of a query.
    let page = Listing::fixed_page(gems, place.rank, cursor_of, next);
    Ok(page.with_unreadable(n_unreadable, UNREADABLE))
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
        version: hit.get("version").and_then(Value::as_str).map(str::to_owned),
    })
}

/// A position in the search.
#[derive(Clone, Copy)]
struct Position<'a> {
    query: &'a str,
    number: u32,
    /// The rank within the page.
    rank: usize,
    /// The first names of the first page and of the previous page: if one of them is first again,
    /// the pages repeat. No gem has an empty name.
    firsts: [&'a str; 2],
}

impl<'a> Position<'a> {
    fn start(query: &'a str) -> Self {
        Self { query, number: 1, rank: 0, firsts: [""; 2] }
    }

    fn read(cursor: &'a str) -> Option<Self> {
        let mut parts = cursor.split('#');
        let (query, number) = (parts.next()?, parts.next()?.parse().ok()?);
        let rank = parts.next()?.parse().unwrap_or(0);
        let firsts = [parts.next()?, parts.next()?];
        Some(Self { query, number, rank, firsts })
    }

    fn written(self) -> String {
        let Self { query, number, rank, firsts: [first, before] } = self;
        format!("{query}#{number}#{rank}#{first}#{before}")
    }

    /// All parts of a divided page have the same first name.
    fn was_seen(&self, first: &str) -> bool {
        !first.is_empty() && self.rank == 0 && self.firsts.contains(&first)
    }

    fn next_page(self, first: &str) -> String {
        // A text that is not a name cannot be part of a cursor.
        let first = if first.contains('#') { "" } else { first };
        let of_all = if self.number == 1 { first } else { self.firsts[0] };
        let number = self.number.saturating_add(1);
        Position { number, rank: 0, firsts: [of_all, first], ..self }.written()
    }

    fn next_query(self) -> Option<String> {
        let at = QUERIES.iter().position(|query| *query == self.query)?;
        Some(Position::start(QUERIES.get(at + 1)?).written())
    }
}
