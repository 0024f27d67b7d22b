//! A recipe with the verification that was seen to hold.

use super::{file, parse};
use crate::model::{ActionShape, GeneratedRecipe, Verify};

/// The text of `recipe` with `verify`, which was seen to hold, for its verification; as it is where
/// nothing was seen, or the same. `actions` are the steps that it may use besides the common ones.
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
