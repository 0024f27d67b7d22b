//! Makes a recipe from facts. Pure: equal facts give equal bytes.

use batch_core::{
    decide::recipe::of_step,
    model::{ActionShape, FailureKind, PackageFacts, Recipe, RecipeName, Verify, Versions},
    plugin::Missing,
};

use crate::names;

pub(crate) const PACKAGE: &str = "package";
pub(crate) const EXECUTABLES: &str = "executables";
/// The step that installs a package with all its commands.
pub(crate) const STEP: ActionShape = ActionShape::new("npm_install", &[PACKAGE, EXECUTABLES])
    .over_network()
    .naming(PACKAGE)
    .with_implied_dependencies(&["nodejs"])
    .versioned(Versions::Inferred("npm"));

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing::new(kind, reason));
    let name = &facts.id.name;
    let Some(first) = facts.commands()?.first() else {
        let reason = format!("{name} {} links no command", facts.version);
        return missing(FailureKind::LibraryOnly, reason);
    };
    if facts.artifacts.is_empty() {
        let reason = format!("{name} {} supports neither linux nor macOS here", facts.version);
        return missing(FailureKind::NoBottle, reason);
    }
    let (otherwise, verify) =
        (format!("{} from the npm registry", facts.id.name), Verify::of_version(first.as_str()));
    Ok(of_step(facts, &recipe_name(facts), otherwise, verify))
}

/// The name of the recipe: scope and name, joined by `-`.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    match names::split(facts.id.name.as_str()) {
        (Some(scope), name) => RecipeName::nearest(&format!("{scope}-{name}")),
        (None, name) => RecipeName::nearest(name),
    }
}
