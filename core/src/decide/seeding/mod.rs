//! Decides which parts of a registry's lists to read, which packages to queue, and how a seeding
//! run ended.

mod cursor;
mod list;
mod memory;
mod merge;
mod outcome;
mod record;
mod walk;

pub use list::TrustedSize;
pub use memory::{is_fresh, remember};
pub use merge::{Merged, Merging, merge};
pub use outcome::overall;
pub use record::record;
pub use walk::{Fetch, Identity, Known, Visited, Walk};

use crate::model::{Executables, PackageFacts, SeedSkip, SeedVerdict};

/// What a registry's answer about one candidate means; `None` means that there is nothing to
/// install.
pub fn verdict(facts: Option<&PackageFacts>) -> SeedVerdict {
    let not = |reason, why: String| SeedVerdict::Not { reason, why };
    let Some(facts) = facts else {
        return not(
            SeedSkip::NotThere,
            "the registry has no version that can be installed".to_owned(),
        );
    };
    match &facts.executables {
        Executables::Known(commands) if commands.is_empty() => {
            not(SeedSkip::Library, format!("{} installs no command", facts.version))
        }
        Executables::Known(commands) => {
            // Without any address there is no repository. Nobody has checked what is at an address.
            let has_repository = facts.homepage.is_none().then_some(false);
            SeedVerdict::Tool { commands: commands.clone(), has_repository }
        }
        Executables::Unknown(unknown) => not(SeedSkip::CommandsUnknown, unknown.reason.clone()),
    }
}
