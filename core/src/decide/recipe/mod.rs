//! Reads recipes with every strict rule.
//!
//! A recipe that passes here also passes the strict validation of the package manager, as far as
//! one file can show it: whether a dependency exists can only be checked when the recipes are
//! known. All problems are reported together, each with its field, its position and the correct
//! text.
//!
//! `run_command` passes, because it is well formed. A gate refuses it later.

mod actions;
mod dependencies;
mod document;
mod file;
mod fix;
mod installed;
mod metadata;
mod parameters;
mod platforms;
mod problems;
mod prose;
mod restricted;
mod steps;
mod toml10;
mod tool;
mod verified;
mod verify;
mod version;
mod when;

use toml::de::DeTable;

use crate::model::{ActionShape, KnownRecipes, Recipe};
use actions::Actions;
pub use actions::is_generic_step;
use document::Table;
pub use file::{commented, file};
pub use fix::without_redundant;
pub use installed::installed;
pub use metadata::is_homepage;
pub use platforms::{allowed_cells, constrain};
use problems::Problems;
pub use problems::{Problem, RecipeError};
pub use prose::one_line;
pub use restricted::{offered_again, restricted};
pub use tool::{of_step, of_tool, with_binaries};
pub use verified::verified_by;

/// Maximal size of a recipe file in bytes, about ten times the size of the largest known recipe.
pub const MAX_RECIPE: usize = 256 << 10;

/// Reads `text`, a recipe that this program made. `own` are the steps that only some ecosystems
/// use. The stricter rules for our own recipes apply too.
pub fn parse(text: &str, own: &[ActionShape]) -> Result<Recipe, RecipeError> {
    let (recipe, problems) = document(text, own, None)?;
    if problems.is_empty() { Ok(recipe) } else { Err(RecipeError { problems }) }
}

/// Reads `text`, a recipe from any source. Everything that the package manager accepts is accepted,
/// except misspelt fields, paths that leave the installation, and characters that change the
/// direction of the text.
pub fn read(text: &str, own: &[ActionShape]) -> Result<Recipe, RecipeError> {
    let (recipe, problems) = document(text, own, None)?;
    let problems = refused(problems);
    if problems.is_empty() { Ok(recipe) } else { Err(RecipeError { problems }) }
}

/// All problems that make `text` invalid, in the order of its lines. Dependencies are checked when
/// the recipes are `known`.
pub fn check(text: &str, own: &[ActionShape], known: Option<&KnownRecipes>) -> Vec<Problem> {
    match document(text, own, known) {
        Ok((_, problems)) => refused(problems),
        Err(error) => error.problems,
    }
}

fn refused(problems: Vec<Problem>) -> Vec<Problem> {
    problems.into_iter().filter(|problem| !problem.is_own_rule).collect()
}

/// The recipe, as far as it can be read, and its problems. The error means that the text is not
/// TOML.
fn document(
    text: &str,
    own: &[ActionShape],
    known: Option<&KnownRecipes>,
) -> Result<(Recipe, Vec<Problem>), RecipeError> {
    // A byte order mark, which some editors write, has no meaning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if MAX_RECIPE < text.len() {
        let message = "is larger than any recipe".to_owned();
        return Err(RecipeError::of_file(text, None, message, "shorten it"));
    }
    let document = DeTable::parse(text).map_err(|error| {
        let message = format!("is not TOML: {}", error.message().replace('\n', " "));
        RecipeError::of_file(text, error.span().map(|span| span.start), message, "correct the line")
    })?;
    if let Some((offset, what)) = toml10::toml11_syntax(text) {
        let fix = "write it in the syntax of TOML 1.0";
        return Err(RecipeError::of_file(text, Some(offset), what.to_owned(), fix));
    }
    let mut problems = Problems::new(text);
    let actions = Actions::new(own);
    let root = Table::root(document.get_ref());
    root.only(&["metadata", "version", "steps", "verify"], &mut problems);
    let metadata = metadata::read(&root, &mut problems);
    let steps = steps::read(&root, actions, &metadata, &mut problems);
    if let Some(table) = root.get("metadata").and_then(|field| field.table(&mut problems)) {
        let whole = (&metadata, &*steps);
        dependencies::check(&table, whole, actions, known, &mut problems);
    }
    let version = version::read(&root, &steps, actions, &mut problems);
    let verify = verify::read(&root, &metadata.kind, &mut problems);
    Ok((Recipe { metadata, version, steps, verify }, problems.into_found()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_recipe_or_has_problems(text: String) {
            if let Err(error) = parse(&text, &[]) {
                prop_assert!(!error.problems.is_empty());
            }
        }

        #[test]
        fn any_value_anywhere_is_a_recipe_or_has_problems(
            table in "metadata|version|verify|metadata\\.satisfies|steps\\.when",
            key in "name|type|tier|os|arch|command|additional|supported_os|binaries|when|x",
            value in "''|'a'|1|-1|1\\.5|true|\\[\\]|\\['a'\\]|\\[1\\]|\\{\\}|\\{a=\\[\\]\\}|1979-05-27",
        ) {
            let text = format!("[{table}]\n{key} = {value}\n");
            prop_assert!(!parse(&text, &[]).unwrap_err().problems.is_empty());
        }
    }

    #[test]
    fn a_deep_or_a_long_document_is_refused() {
        let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep, &[]).is_err());
        let first = |n| parse(&"#".repeat(n), &[]).unwrap_err().problems[0].message.clone();
        assert_eq!(first(MAX_RECIPE + 1), "is larger than any recipe");
        assert!(first(MAX_RECIPE).starts_with("is required"), "it is of a part that is not there");
    }
}
