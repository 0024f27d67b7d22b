//! Makes a recipe from facts. Pure: equal facts give equal bytes.

use batch_core::{
    decide::recipe::of_step,
    model::{ActionShape, FailureKind, PackageFacts, Recipe, RecipeName, Verify, Versions},
    plugin::Missing,
};

pub(crate) const GEM: &str = "gem";
pub(crate) const EXECUTABLES: &str = "executables";
/// The step that installs a gem with all its commands.
pub(crate) const STEP: ActionShape = ActionShape::new("gem_install", &[GEM, EXECUTABLES])
    .over_network()
    .naming(GEM)
    .with_implied_dependencies(&["ruby"])
    .versioned(Versions::Inferred("rubygems"));

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let Some(first) = facts.commands()?.first() else {
        let reason = format!("{} {} has no executables", facts.id.name, facts.version);
        return Err(Missing::new(FailureKind::LibraryOnly, reason));
    };
    let (otherwise, verify) =
        (format!("{} from RubyGems", facts.id.name), Verify::of_version(first.as_str()));
    Ok(of_step(facts, &recipe_name(facts), otherwise, verify))
}

/// The name of the recipe: the name of the gem in lower case.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
