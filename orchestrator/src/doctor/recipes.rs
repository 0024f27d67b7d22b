//! Recipes: each is read by the strict reader.

use batch_core::{
    decide::{
        doctor::{FileKind, Place, unreadable},
        recipe,
    },
    io::StateReader as _,
    model::{ActionShape, RecipeName},
};

use super::{Examiner, Subject};

impl Examiner<'_> {
    /// Reads all recipes.
    pub(super) fn recipes(&mut self) -> anyhow::Result<()> {
        let Subject { state, registry, .. } = self.subject;
        let actions: Vec<ActionShape> = registry.recipe_actions().collect();
        for (name, satisfies) in &self.settings.bundled_recipes {
            self.recipes.known.add_named(name, satisfies);
        }
        for name in state.recipe_names()? {
            match state.recipe(&name) {
                Ok(text) => self.recipe(&name, &text.unwrap_or_default(), &actions),
                Err(error) => {
                    self.unreadable_file(FileKind::Recipe, error)?;
                    self.add_unreadable(name);
                }
            }
        }
        Ok(())
    }

    fn recipe(&mut self, name: &RecipeName, text: &str, actions: &[ActionShape]) {
        let layout = self.subject.state.layout();
        let file = layout.label(&layout.recipe(name));
        match recipe::read(text, actions) {
            Ok(recipe) => {
                self.recipe_check.add(Place { file: &file, line: 1 }, name, &recipe);
                self.recipes.add(name, &recipe);
            }
            Err(error) => {
                let line = error.problems.iter().find_map(|problem| problem.line).unwrap_or(0);
                let line = u64::try_from(line).unwrap_or(0);
                let reason = error.to_string();
                let at = Place { file: &file, line };
                self.findings.add(unreadable(FileKind::Recipe, at, "", &reason));
                self.add_unreadable(name.clone());
            }
        }
    }

    fn add_unreadable(&mut self, name: RecipeName) {
        self.recipe_check.add_unreadable(name.clone());
        self.recipes.name_registry.add_unreadable(name);
    }
}
