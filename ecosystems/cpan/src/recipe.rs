//! Makes a recipe from facts. Pure: equal facts give equal bytes.

use batch_core::{
    decide::recipe::{of_step, with_binaries},
    model::{ActionShape, FailureKind, PackageFacts, Recipe, RecipeName, Verify, Versions},
    plugin::Missing,
};

pub(crate) const DISTRIBUTION: &str = "distribution";
pub(crate) const EXECUTABLES: &str = "executables";
/// The parameter for the main module; present only if it does not follow from the name of the
/// distribution.
pub(crate) const MODULE: &str = "module";
/// The step that installs a distribution with all its commands.
pub(crate) const STEP: ActionShape = ActionShape::new("cpan_install", &[DISTRIBUTION, EXECUTABLES])
    .over_network()
    .naming(DISTRIBUTION)
    .with_implied_dependencies(&["perl"])
    .versioned(Versions::Inferred("metacpan"));

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing =
        |kind, why: &str| Missing::new(kind, format!("{} {}: {why}", facts.id.name, facts.version));
    let commands = facts.commands().map_err(|it| missing(it.kind, &it.reason))?;
    let Some(first) = commands.first() else {
        return Err(missing(FailureKind::LibraryOnly, "it installs no command"));
    };
    let (otherwise, verify) =
        (format!("{} from CPAN", facts.id.name), Verify::of_version(first.as_str()));
    Ok(with_binaries(of_step(facts, &recipe_name(facts), otherwise, verify), facts))
}

/// The name of the recipe: the name of the distribution in lower case.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
