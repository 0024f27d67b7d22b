//! What keeps a recipe that works from being merged.

use crate::model::{FailureKind, Recipe};

/// A gate that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The failure to record.
    pub kind: FailureKind,
    /// Why, in one line.
    pub reason: String,
}

/// Whether `recipe` runs a command of its own.
pub fn run_command(recipe: &Recipe) -> Result<(), Refusal> {
    match recipe.steps.iter().find(|step| step.action == "run_command") {
        None => Ok(()),
        Some(_) => Err(Refusal {
            kind: FailureKind::RunCommand,
            reason: "the recipe runs a command of its own".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, RecipeStep};

    #[test]
    fn a_command_of_its_own_anywhere_in_a_recipe_wants_a_person() {
        let step = |action: &str| RecipeStep { action: action.to_owned(), ..Default::default() };
        let recipe =
            |steps| Recipe { metadata: Metadata::default(), version: None, steps, verify: None };
        assert!(run_command(&recipe(vec![step("download"), step("extract")])).is_ok());
        let refusal = run_command(&recipe(vec![step("download"), step("run_command")]));
        assert_eq!(refusal.unwrap_err().kind, FailureKind::RunCommand);
    }
}
