//! From facts to a recipe: pure, so that equal facts make equal bytes.

use batch_core::{
    decide::recipe::{of_step, with_binaries},
    model::{
        ActionShape, Executables, FailureKind, PackageFacts, Recipe, RecipeName, Verify, Versions,
    },
    plugin::Missing,
};

use crate::scripts;

pub(crate) const DISTRIBUTION: &str = "distribution";
pub(crate) const EXECUTABLES: &str = "executables";
/// Only where the name of the distribution does not tell it.
pub(crate) const MODULE: &str = "module";
/// The one step that installs a distribution with all its commands.
pub(crate) const STEP: ActionShape = ActionShape::new("cpan_install", &[DISTRIBUTION, EXECUTABLES])
    .bringing(&["perl"])
    .versioned(Versions::Inferred("metacpan"));
/// How the reason begins where the archive is what cannot be read.
pub(crate) const UNREADABLE: &str = "its archive cannot be used";

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, why: &str| {
        Err(Missing::new(kind, format!("{} {}: {why}", facts.id.name, facts.version)))
    };
    let first = match &facts.executables {
        Executables::Unknown(why) if why.starts_with(UNREADABLE) => {
            return missing(FailureKind::ArchiveExtractionFailed, why);
        }
        Executables::Unknown(why) if why.starts_with(scripts::UNDECIDED) => {
            return missing(FailureKind::BinaryDiscoveryFailed, why);
        }
        Executables::Unknown(why) => return missing(FailureKind::UnsafeName, why),
        Executables::Known(names) => names.first(),
    };
    let Some(first) = first else {
        return missing(FailureKind::LibraryOnly, "it installs no command");
    };
    let (otherwise, verify) =
        (format!("{} from CPAN", facts.id.name), Verify::of_version(first.as_str()));
    Ok(with_binaries(of_step(facts, &recipe_name(facts), otherwise, verify), facts))
}

/// The distribution's, in lower case.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
