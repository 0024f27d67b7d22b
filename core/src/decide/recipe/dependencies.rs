//! The recipes that a recipe depends on.

use super::{actions::Actions, document::Table, problems::Problems};
use crate::model::{KnownRecipes, Metadata, RecipeStep, is_dependency};

/// The lists from which the package manager installs dependencies.
const LISTS: [&str; 4] =
    ["dependencies", "runtime_dependencies", "extra_dependencies", "extra_runtime_dependencies"];

/// Refuses invalid names, dependencies that a step implies anyway, and, if the recipes are `known`,
/// names of recipes that do not exist.
pub(super) fn check(
    table: &Table<'_>,
    (metadata, steps): (&Metadata, &[RecipeStep]),
    actions: Actions<'_>,
    known: Option<&KnownRecipes>,
    problems: &mut Problems<'_>,
) {
    let brought = |name: &str| {
        let brings = |step: &&RecipeStep| {
            actions.find(&step.action).is_some_and(|shape| shape.brings.contains(&name))
        };
        steps.iter().find(brings).map(|step| step.action.clone())
    };
    for key in LISTS {
        let Some(field) = table.get(key) else { continue };
        let mut seen: Vec<&str> = vec![];
        for item in field.items(problems) {
            let Some(name) = item.value.as_str() else { continue };
            let is_known = known.is_none_or(|known| known.contains(name) || *name == metadata.name);
            if seen.contains(&name) {
                problems.add(&item.at, "appears twice").remove("remove it");
            } else if !is_dependency(name) {
                let what = "is not a valid name of a dependency: use lower-case letters, digits and ._-, without ..";
                problems.add(&item.at, what).fix("write the name of the recipe that provides it");
            } else if let Some(action) = brought(name) {
                let what = format!("is redundant: {action} installs {name} itself");
                problems.add(&item.at, what).remove("remove it");
            } else if !is_known {
                let fix = "write the name of a recipe that exists, or add one first";
                problems.add(&item.at, format!("is not an existing recipe: {name:?}")).fix(fix);
            } else if *name == metadata.name {
                problems.add_own_rule(&item.at, "is the recipe itself").fix("remove it");
            }
            seen.push(name);
        }
    }
}
