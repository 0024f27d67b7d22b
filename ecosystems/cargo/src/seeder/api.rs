//! The registry's web API: lists the crates of one category, page by page.

use std::cmp::Reverse;

use batch_core::{
    io::Request,
    model::{Candidate, Measure, PassedOver, SeedSkip},
    plugin::{Listing, PageRequest, Row, SourceError},
};
use serde::Deserialize;
use serde_json::Value;

use crate::seeder::{LIST, MOST, UNIT};

/// The first query: the category that authors choose for command-line programs. Some programs are
/// missing in it, and some libraries are in it.
const FIRST: &str =
    "?category=command-line-utilities&sort=downloads&per_page=100&include_yanked=no";
/// The number of pages that hold as many crates as are taken from the dump. Reading ends here,
/// whatever next page the registry names.
const MAX_PAGES: u32 = 50;

/// The page of the registry that contains the wanted one.
pub(crate) async fn read(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let place = wanted.cursor.and_then(Position::read).unwrap_or(Position {
        number: 1,
        rank: 0,
        query: FIRST,
    });
    let query = place.query.trim_start_matches('?');
    let request = Request::get(LIST, &[], &[]).map(|mut request| {
        request.url.set_query(Some(query));
        request
    });
    let answer = wanted.ask_json::<List>(request, "list of crates").await?;
    let (mut list, measure) = (answer.content, wanted.measure(UNIT, None, answer.answered_on));
    if !list.crates.is_empty() && list.crates.iter().all(|it| it.get("name").is_none()) {
        return Err(wanted.unexpected("no entry of the list names a crate"));
    }
    list.crates.sort_by(|one, other| order(one).cmp(&order(other)));
    let (next, total) = (list.next(place.query).and_then(|query| place.next(query)), list.total());
    let rows = list.crates.into_iter().map(move |it| evaluate(wanted, &it, &measure));
    let cursor_of = move |rank| Position { rank, ..place }.written();
    Ok(Listing::fixed_page(rows, place.rank, cursor_of, next).of_total(total))
}

/// A position in the list.
#[derive(Clone, Copy)]
struct Position<'a> {
    /// The number of the page.
    number: u32,
    /// The rank within the page.
    rank: usize,
    /// The registry's own cursor of the page.
    query: &'a str,
}

impl<'a> Position<'a> {
    fn read(cursor: &'a str) -> Option<Self> {
        let mut parts = cursor.splitn(3, ' ');
        let (number, rank) = (parts.next()?.parse().ok()?, parts.next()?.parse().unwrap_or(0));
        Some(Self { number, rank, query: parts.next()? })
    }

    fn written(self) -> String {
        let Self { number, rank, query } = self;
        format!("{number} {rank} {query}")
    }

    fn next(self, query: &str) -> Option<String> {
        let number = self.number.saturating_add(1);
        (number <= MAX_PAGES).then(|| Position { number, rank: 0, query }.written())
    }
}

/// Sorts by downloads, highest first, as the query requests; the registry does not define the order
/// of equal counts.
fn order(listed: &Value) -> (Reverse<Option<u64>>, Option<&str>) {
    (Reverse(downloads(listed)), listed.get("name").and_then(Value::as_str))
}

fn downloads(listed: &Value) -> Option<u64> {
    listed.get("downloads")?.as_u64()
}

#[derive(Deserialize)]
struct List {
    crates: Vec<Value>,
    /// Missing after the last page.
    #[serde(default)]
    meta: Value,
}

impl List {
    /// The registry's cursor of the page that follows the page with the cursor `query`.
    fn next(&self, query: &str) -> Option<&str> {
        let next = self.meta.get("next_page")?.as_str()?;
        (!self.crates.is_empty() && !next.is_empty() && next != query).then_some(next)
    }

    /// The number of crates in the list, at most as many as are handed out.
    fn total(&self) -> Option<usize> {
        let total = self.meta.get("total")?.as_u64()?;
        Some(usize::try_from(total).unwrap_or(MOST).min(MOST))
    }
}

fn evaluate(wanted: PageRequest<'_>, listed: &Value, measure: &Measure) -> Row {
    let field = |key| listed.get(key);
    let spelling = field("name").and_then(Value::as_str).unwrap_or_default();
    let candidate = wanted.candidate(spelling)?;
    if field("yanked").and_then(Value::as_bool) == Some(true) {
        let why = "all of its versions are yanked";
        return Err(PassedOver::because(spelling, SeedSkip::Retired, why));
    }
    let has_repository = field("repository").map(|it| it.as_str().is_some_and(|it| !it.is_empty()));
    let popularity = measure.popularity(downloads(listed));
    // The answer may name 0.0.0 where it does not say.
    let version = field("max_stable_version").and_then(Value::as_str).filter(|it| *it != "0.0.0");
    let version = version.map(str::to_owned);
    Ok(Candidate { popularity, has_repository, version, ..candidate })
}
