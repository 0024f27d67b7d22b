//! From facts to a recipe: pure, so that equal facts make equal bytes.

use batch_core::{
    model::{
        ActionShape, Executables, FailureKind, Metadata, PackageFacts, Recipe, RecipeName,
        RecipeStep, Verify,
    },
    plugin::Missing,
};

use crate::scripts;

pub(crate) const DISTRIBUTION: &str = "distribution";
pub(crate) const EXECUTABLES: &str = "executables";
/// Only where the name of the distribution does not tell it.
pub(crate) const MODULE: &str = "module";
/// The one step that installs a distribution with all its commands.
pub(crate) const STEP: ActionShape =
    ActionShape { name: "cpan_install", required: &[DISTRIBUTION, EXECUTABLES] };
/// How the reason begins where the archive is what cannot be read.
pub(crate) const UNREADABLE: &str = "its archive cannot be used";

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, why: &str| {
        Err(Missing { reason: format!("{} {}: {why}", facts.id.name, facts.version), kind })
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
    let metadata = Metadata {
        name: recipe_name(facts).to_string(),
        description: description(facts),
        homepage: facts.homepage.clone().unwrap_or_default(),
        // The package manager's mark for recipes that no language model looked over.
        llm_validation: "skipped".to_owned(),
        ..Metadata::default()
    };
    let verify = Verify {
        command: format!("{first} --version"),
        pattern: "{version}".to_owned(),
        ..Verify::default()
    };
    let steps = vec![RecipeStep::from(&facts.install)];
    Ok(Recipe { metadata, version: None, steps, verify: Some(verify) })
}

/// The distribution's, in lower case.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}

/// Recipes must have one, and some distributions have none.
fn description(facts: &PackageFacts) -> String {
    if facts.description.is_empty() {
        return format!("{} from CPAN", facts.id.name);
    }
    facts.description.clone()
}
