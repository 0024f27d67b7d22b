//! The hundred distributions with the most favourites. Most are libraries.

use batch_core::{
    io::{Http, Request, each_entry, each_item, published_number},
    plugin::{Cut, Page, Ranking, SourceError},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Cpan,
    registry::{odd_answer, source_error},
    seeder::{LEADERBOARD, judge, measure},
};

/// Some fifty times as many as are listed.
const LONGEST_LIST: usize = 5_000;

pub(crate) async fn page(http: &dyn Http, cut: Cut<'_>) -> Result<Page, SourceError> {
    let request = Request::get(LEADERBOARD, &[], &[]).map_err(source_error)?;
    let request = Request { accept: Some("application/json"), ..request };
    let response = http.send(request).await.map_err(source_error)?;
    let measure = measure(&response, LEADERBOARD);
    let body = response.found().map_err(source_error)?;
    let body = body.ok_or_else(|| odd_answer("there is no leaderboard".to_owned()))?;
    let ranking = read(&body).map_err(odd_answer)?;
    let size = Some(ranking.n_added());
    let rows = ranking.into_rows().into_iter();
    let page = cut.page(rows.map(|(name, favourites)| judge(name, favourites, &measure)), &Cpan);
    Ok(Page { size, ..page })
}

#[derive(Deserialize)]
struct Liked {
    key: String,
    #[serde(default)]
    doc_count: Option<Box<RawValue>>,
}

/// The error is what is odd about the answer.
fn read(body: &[u8]) -> Result<Ranking, String> {
    let mut ranking = Ranking::of(LONGEST_LIST);
    let mut listed = None;
    let whole = each_entry(body, &mut |key, value| {
        if key == "leaderboard" {
            listed = Some(each_item(value.get().as_bytes(), &mut |item| {
                // What has no name has no rank; a name that is none is passed over.
                let liked = serde_json::from_str(item.get());
                let Liked { key, doc_count } =
                    liked.unwrap_or(Liked { key: String::new(), doc_count: None });
                ranking.add(&key, doc_count.and_then(|count| published_number(&count)));
            }));
        }
    });
    whole.map_err(|error| error.to_string())?;
    listed.ok_or("it has no leaderboard")?.map_err(|error| error.to_string())?;
    Ok(ranking)
}
