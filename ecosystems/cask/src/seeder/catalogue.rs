//! Reads the file of all casks, one cask at a time. The input may be any bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use batch_core::{
    io::each_item,
    model::{CommandName, PackageName, PassedOver, SeedSkip},
    plugin::Names as _,
};
use serde::Deserialize;

use crate::{
    Cask, artifacts,
    cask::{self, plain},
    refusal,
};

/// How many unreadable casks are reported; further ones add no information.
const MAX_NAMELESS: usize = 1_000;

/// The commands that a cask puts on `PATH` (never empty), or why it is not queued.
pub(crate) type Verdict = Result<Vec<CommandName>, (SeedSkip, String)>;

/// The requested casks of the file.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) casks: BTreeMap<PackageName, Verdict>,
    /// Casks whose token cannot be read.
    pub(crate) nameless: Vec<PassedOver>,
}

/// Reads the list `json`. The error says what is wrong with it.
pub(crate) fn read(json: impl Read, wanted: &BTreeSet<PackageName>) -> Result<Catalogue, String> {
    let mut catalogue = Catalogue::default();
    let whole = each_item(json, &mut |item| match token(item.get()) {
        Ok(token) => {
            if let Some(name) = Cask.normalise(&token).ok().filter(|it| wanted.contains(it)) {
                catalogue.casks.entry(name).or_insert_with(|| verdict(item.get()));
            }
        }
        Err(why) if catalogue.nameless.len() < MAX_NAMELESS => {
            catalogue.nameless.push(PassedOver::unreadable(why));
        }
        Err(_) => {}
    });
    whole.map_err(|error| plain(&error.to_string()))?;
    if catalogue.casks.is_empty() {
        return Err("the file of casks has none that anybody installs".to_owned());
    }
    Ok(catalogue)
}

#[derive(Deserialize)]
struct Named {
    token: String,
}

fn token(cask: &str) -> Result<String, String> {
    let named: Result<Named, _> = serde_json::from_str(cask);
    named.map(|named| named.token).map_err(|error| plain(&error.to_string()))
}

/// The verdict on one cask, for the newest macOS.
fn verdict(cask: &str) -> Verdict {
    let views = cask::read(cask.as_bytes()).map_err(|why| (SeedSkip::Unreadable, plain(&why)))?;
    let Some(newest) = views.arm.or(views.intel) else {
        return Err((SeedSkip::NotThere, refusal::not_for_macos().reason));
    };
    if newest.disabled {
        let why = refusal::disabled(&newest.disabled_because()).reason;
        return Err((SeedSkip::Retired, why));
    }
    match artifacts::commands(&newest) {
        Ok(commands) if commands.is_empty() => {
            Err((SeedSkip::Library, "installs no command".to_owned()))
        }
        Ok(commands) => Ok(commands),
        Err(why) => Err((SeedSkip::CommandsUnknown, why)),
    }
}
