//! What to read of the lists of a registry, what of it to queue, and how it ended.

mod cursor;
mod list;
mod memory;
mod merge;
mod outcome;
mod record;
mod suspicion;
mod walk;

pub use list::Believed;
pub use memory::{is_fresh, remember};
pub use merge::{Merged, Merging, merge};
pub use outcome::overall;
pub use record::record;
pub use walk::{Fetch, Identity, Known, Visited, Walk};

use crate::model::{Executables, PackageFacts, SeedSkip, SeedVerdict};

/// What a registry's answer about one candidate says; `None` where it has nothing to install.
pub fn verdict(facts: Option<&PackageFacts>) -> SeedVerdict {
    let not = |reason, why: String| SeedVerdict::Not { reason, why };
    let Some(facts) = facts else {
        return not(SeedSkip::NotThere, "the registry has nothing of it to install".to_owned());
    };
    match &facts.executables {
        Executables::Known(commands) if commands.is_empty() => {
            not(SeedSkip::Library, format!("{} puts nothing on PATH", facts.version))
        }
        Executables::Known(commands) => {
            // Who names no address at all names no repository; what lies at one, nobody has looked.
            let has_repository = facts.homepage.is_none().then_some(false);
            SeedVerdict::Tool { commands: commands.clone(), has_repository }
        }
        Executables::Unknown(why) => not(SeedSkip::CommandsUnknown, why.clone()),
    }
}
