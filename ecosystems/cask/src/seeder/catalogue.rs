//! The file of all casks, one at a time. Any bytes may come.

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

/// More casks that cannot be read say nothing new.
const MOST_NAMELESS: usize = 1_000;

/// What a cask puts on `PATH`, never empty, or why it is not to be queued.
pub(crate) type Verdict = Result<Vec<CommandName>, (SeedSkip, String)>;

/// What the file says about the casks that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) casks: BTreeMap<PackageName, Verdict>,
    /// What cannot be read, not even its token.
    pub(crate) nameless: Vec<PassedOver>,
}

/// Reads the list `json`. The error is what is odd about it.
pub(crate) fn read(json: impl Read, wanted: &BTreeSet<PackageName>) -> Result<Catalogue, String> {
    let mut catalogue = Catalogue::default();
    let whole = each_item(json, &mut |item| match token(item.get()) {
        Ok(token) => {
            if let Some(name) = Cask.normalise(&token).ok().filter(|it| wanted.contains(it)) {
                catalogue.casks.entry(name).or_insert_with(|| verdict(item.get()));
            }
        }
        Err(why) if catalogue.nameless.len() < MOST_NAMELESS => {
            let (name, reason) = (String::new(), SeedSkip::Unreadable);
            catalogue.nameless.push(PassedOver { name, reason, why });
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

/// Of one cask, as the newest macOS sees it.
fn verdict(cask: &str) -> Verdict {
    let views = cask::read(cask.as_bytes()).map_err(|why| (SeedSkip::Unreadable, plain(&why)))?;
    let Some(newest) = views.arm.or(views.intel) else {
        return Err((SeedSkip::NotThere, refusal::NOT_FOR_MACOS.to_owned()));
    };
    if newest.disabled {
        let why = format!("{}{}", refusal::DISABLED, newest.disabled_because());
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
