//! The file of a recipe: what is written where people read it.

use super::one_line;
use crate::model::Recipe;

/// The text of `recipe` with `notes` in front, each as a comment of one line. What a note must not
/// do to a terminal or to the file is left out of it.
pub fn file(recipe: &Recipe, notes: &[String]) -> String {
    let notes = notes.iter().map(|note| one_line(note)).filter(|note| !note.is_empty());
    let comments: Vec<String> = notes.map(|note| format!("# {note}\n")).collect();
    comments.concat() + &recipe.to_toml()
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
    fn notes_stand_in_front_as_comments() {
        let notes = ["deprecated: use tiger".to_owned(), "\u{1b}[31mred".to_owned(), String::new()];
        let text = file(&recipe(), &notes);
        assert!(text.starts_with("# deprecated: use tiger\n# [31mred\n[metadata]\n"), "{text}");
        assert_eq!(file(&recipe(), &[]), recipe().to_toml());
    }

    proptest! {
        #[test]
        fn no_note_changes_what_the_recipe_says(notes: Vec<String>) {
            let text = file(&recipe(), &notes);
            prop_assert_eq!(parse(&text, &[STEP]).unwrap(), recipe());
        }
    }
}
