//! Writes the file of a recipe for people to read.

use super::one_line;
use crate::model::Recipe;

/// The text of `recipe` after `notes`.
pub fn file(recipe: &Recipe, notes: &[String]) -> String {
    commented(&recipe.to_toml(), notes)
}

/// `toml` after `notes`, each of which is a comment of one line. Characters in a note that are unsafe
/// for a terminal or for the file are removed.
pub fn commented(toml: &str, notes: &[String]) -> String {
    let notes = notes.iter().map(|note| one_line(note)).filter(|note| !note.is_empty());
    let comments: Vec<String> = notes.map(|note| format!("# {note}\n")).collect();
    comments.concat() + toml
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        decide::recipe::{of_tool, parse},
        model::{ActionShape, PackageFacts, PackageId, RecipeName},
    };

    const STEP: ActionShape = ActionShape::of_commands("zoo_install");

    fn recipe() -> Recipe {
        let id = PackageId { ecosystem: "zoo".parse().unwrap(), name: "lion".parse().unwrap() };
        let commands = ["roar".to_owned()];
        let facts = PackageFacts::of_commands(id, "1.0".to_owned(), STEP.name, &commands);
        of_tool(&facts, &RecipeName::nearest("lion")).unwrap()
    }

    #[test]
    fn notes_are_written_as_leading_comments() {
        let notes = ["deprecated: use tiger".to_owned(), "\u{1b}[31mred".to_owned(), String::new()];
        let text = file(&recipe(), &notes);
        assert!(text.starts_with("# deprecated: use tiger\n# [31mred\n[metadata]\n"), "{text}");
        assert_eq!(file(&recipe(), &[]), recipe().to_toml());
    }

    proptest! {
        #[test]
        fn notes_do_not_change_the_recipe(notes: Vec<String>) {
            let text = file(&recipe(), &notes);
            prop_assert_eq!(parse(&text, &[STEP]).unwrap(), recipe());
        }
    }
}
