//! From facts to a recipe: pure, so that equal facts make equal bytes.

use batch_core::{
    decide::recipe::constrain,
    model::{
        ActionShape, Executables, FailureKind, Metadata, PackageFacts, Recipe, RecipeName,
        RecipeStep, Verify,
    },
    plugin::Missing,
};

use crate::names;

pub(crate) const PACKAGE: &str = "package";
pub(crate) const EXECUTABLES: &str = "executables";
/// The one step that installs a package with all its commands.
pub(crate) const STEP: ActionShape =
    ActionShape { name: "npm_install", required: &[PACKAGE, EXECUTABLES] };

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing { reason, kind });
    let name = &facts.id.name;
    let first = match &facts.executables {
        Executables::Unknown(why) => return missing(FailureKind::UnsafeName, why.clone()),
        Executables::Known(names) => names.first(),
    };
    let Some(first) = first else {
        let reason = format!("{name} {} links no command", facts.version);
        return missing(FailureKind::LibraryOnly, reason);
    };
    if facts.artifacts.is_empty() {
        let reason = format!("{name} {} supports neither linux nor macOS here", facts.version);
        return missing(FailureKind::NoBottle, reason);
    }
    let mut metadata = Metadata {
        name: recipe_name(facts).to_string(),
        description: description(facts),
        homepage: facts.homepage.clone().unwrap_or_default(),
        // The package manager's mark for recipes that no language model looked over.
        llm_validation: "skipped".to_owned(),
        ..Metadata::default()
    };
    constrain(&mut metadata, &facts.platforms);
    let verify = Verify {
        command: format!("{first} --version"),
        pattern: "{version}".to_owned(),
        ..Verify::default()
    };
    let steps = vec![RecipeStep::from(&facts.install)];
    Ok(Recipe { metadata, version: None, steps, verify: Some(verify) })
}

/// Scope and name, joined by `-`.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    match names::split(facts.id.name.as_str()) {
        (Some(scope), name) => RecipeName::nearest(&format!("{scope}-{name}")),
        (None, name) => RecipeName::nearest(name),
    }
}

/// Recipes must have one, and some packages have none.
fn description(facts: &PackageFacts) -> String {
    if facts.description.is_empty() {
        return format!("{} from the npm registry", facts.id.name);
    }
    facts.description.clone()
}
