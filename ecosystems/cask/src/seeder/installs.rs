//! What formulae.brew.sh counts. Pure: any bytes may come. Its table of casks is called
//! `formulae`, too.

use batch_core::{
    io::{each_entry, each_item, published_number},
    plugin::Ranking,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Some eight times as many as are listed.
const MOST_NAMES: usize = 50_000;

/// An analytics file.
#[derive(Debug)]
pub(crate) struct Installs {
    pub(crate) ranking: Ranking,
    /// The last day that is counted, as it is written.
    pub(crate) end_date: Option<Box<RawValue>>,
}

/// Reads the answer `body`. The error is what is odd about it.
pub(crate) fn read(body: &[u8]) -> Result<Installs, String> {
    let mut installs = Installs { ranking: Ranking::of(MOST_NAMES), end_date: None };
    let mut groups = None;
    let whole = each_entry(body, &mut |key, value| match key {
        "end_date" => installs.end_date = Some(value.to_owned()),
        "formulae" => {
            groups = Some(each_entry(value.get().as_bytes(), &mut |name, group| {
                installs.ranking.add(name, of_itself(name, group));
            }));
        }
        _ => {}
    });
    whole.map_err(|error| error.to_string())?;
    groups.ok_or("it has no table of casks")?.map_err(|error| error.to_string())?;
    Ok(installs)
}

#[derive(Deserialize)]
struct Item {
    cask: String,
    count: Box<RawValue>,
}

/// How often `name` was installed; `None` where that cannot be told.
fn of_itself(name: &str, group: &RawValue) -> Option<u64> {
    let mut found = None;
    // A group of another shape tells nothing about its own name only.
    let _ = each_item(group.get().as_bytes(), &mut |item| {
        if let Ok(item) = serde_json::from_str::<Item>(item.get())
            && item.cask == name
        {
            found = found.max(published_number(&item.count));
        }
    });
    found
}
