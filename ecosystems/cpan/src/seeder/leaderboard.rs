//! The hundred distributions with the most favourites. Most of them are libraries.

use batch_core::{
    io::{Request, each_entry, each_item, published_number},
    plugin::{Listing, PageRequest, Ranking, SourceError},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::seeder::{LEADERBOARD, UNIT, evaluate};

/// About fifty times the number of listed distributions.
const MAX_LIST: usize = 5_000;

pub(crate) async fn list(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let request = Request::get(LEADERBOARD, &[], &[]).map(Request::accepting_json);
    let answer = wanted.ask(request, "leaderboard").await?;
    let ranking = read(&answer.content).map_err(|reason| wanted.unexpected(reason))?;
    // MetaCPAN states when it answered, but not when it counted.
    let (size, measure) = (ranking.n_added(), wanted.measure(UNIT, None, answer.answered_on));
    let rows = ranking.into_rows().into_iter().map(move |row| evaluate(wanted, row, &measure));
    Ok(Listing::whole(rows).of_size(size))
}

#[derive(Deserialize)]
struct FavouriteCount {
    key: String,
    #[serde(default)]
    doc_count: Option<Box<RawValue>>,
}

/// The error says what is wrong with the answer.
fn read(body: &[u8]) -> Result<Ranking, String> {
    let mut ranking = Ranking::of(MAX_LIST);
    let mut listed = None;
    let whole = each_entry(body, &mut |key, value| {
        if key == "leaderboard" {
            listed = Some(each_item(value.get().as_bytes(), &mut |item| {
                // A row without a name is skipped; a row with an invalid name is passed over.
                let liked = serde_json::from_str(item.get());
                let FavouriteCount { key, doc_count } =
                    liked.unwrap_or(FavouriteCount { key: String::new(), doc_count: None });
                ranking.add(&key, doc_count.and_then(|count| published_number(&count)));
            }));
        }
    });
    whole.map_err(|error| error.to_string())?;
    listed.ok_or("it has no leaderboard")?.map_err(|error| error.to_string())?;
    Ok(ranking)
}
