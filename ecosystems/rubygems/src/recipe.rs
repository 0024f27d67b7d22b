//! From facts to a recipe: pure, so that equal facts make equal bytes.

use batch_core::{
    decide::recipe::of_step,
    model::{
        ActionShape, Executables, FailureKind, PackageFacts, Recipe, RecipeName, Verify, Versions,
    },
    plugin::Missing,
};

pub(crate) const GEM: &str = "gem";
pub(crate) const EXECUTABLES: &str = "executables";
/// The one step that installs a gem with all its commands.
pub(crate) const STEP: ActionShape = ActionShape::new("gem_install", &[GEM, EXECUTABLES])
    .bringing(&["ruby"])
    .versioned(Versions::Inferred("rubygems"));
/// How the reason begins where the file, and no name in it, is what cannot be read.
pub(crate) const UNREADABLE: &str = "cannot be read";

/// How the reason begins where the list is at fault, and no name in it.
pub(crate) const UNFIT_LIST: &str = "its list of executables";

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing::new(kind, reason));
    let name = &facts.id.name;
    let first = match &facts.executables {
        Executables::Unknown(why) if why.starts_with(UNREADABLE) => {
            let reason = format!("{name} {} {why}", facts.version);
            return missing(FailureKind::ArchiveExtractionFailed, reason);
        }
        Executables::Unknown(why) if why.starts_with(UNFIT_LIST) => {
            return missing(FailureKind::BinaryDiscoveryFailed, why.clone());
        }
        Executables::Unknown(why) => return missing(FailureKind::UnsafeName, why.clone()),
        Executables::Known(names) => names.first(),
    };
    let Some(first) = first else {
        let reason = format!("{name} {} has no executables", facts.version);
        return missing(FailureKind::LibraryOnly, reason);
    };
    let (otherwise, verify) =
        (format!("{} from RubyGems", facts.id.name), Verify::of_version(first.as_str()));
    Ok(of_step(facts, &recipe_name(facts), otherwise, verify))
}

/// The gem's, in lower case.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
