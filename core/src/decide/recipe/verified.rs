//! Writes the verification that was seen to hold into a recipe.

use super::{file, parse};
use crate::model::{ActionShape, GeneratedRecipe, Verify};

/// The text of `recipe` with the verification `verify`, which was seen to hold. It does not change
/// when nothing was seen, or the same verification. `actions` are the steps that only some recipes
/// may use.
pub fn verified_by(
    recipe: &GeneratedRecipe,
    verify: Option<&Verify>,
    actions: &[ActionShape],
) -> String {
    match parse(&recipe.toml, actions) {
        Ok(mut parsed) if verify.is_some() && parsed.verify.as_ref() != verify => {
            parsed.verify = verify.cloned();
            file(&parsed, &recipe.facts.notes)
        }
        Ok(_) | Err(_) => recipe.toml.clone(),
    }
}
