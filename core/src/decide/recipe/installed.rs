//! The package that a recipe installs.

use crate::model::{ActionShape, Recipe};

/// The first step of `recipe` that installs a package of an ecosystem: the action, and the name of the
/// package as the step writes it. `own` are the steps that only some ecosystems use. `None` if there is no
/// such step, or if it names no package.
pub fn installed<'r>(recipe: &'r Recipe, own: &[ActionShape]) -> Option<(&'r str, &'r str)> {
    recipe.steps.iter().find_map(|step| {
        let key = own.iter().find(|shape| shape.name == step.action)?.package?;
        Some((&*step.action, step.params.get(key)?.as_str()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RecipeStep;

    fn step(action: &str, params: &[(&str, &str)]) -> RecipeStep {
        let text = |&(key, text): &(&str, &str)| (key.to_owned(), toml::Value::from(text));
        let params = params.iter().map(text).collect();
        RecipeStep { action: action.to_owned(), params, ..RecipeStep::default() }
    }

    #[test]
    fn the_package_is_that_of_the_first_step_of_an_ecosystem() {
        let own = [ActionShape::of_commands("eco_install"), ActionShape::new("eco_bundle", &[])];
        let recipe = |steps| Recipe {
            metadata: crate::model::Metadata::default(),
            version: None,
            steps,
            verify: None,
        };
        let found = |steps| {
            let recipe = recipe(steps);
            installed(&recipe, &own).map(|(action, package)| format!("{action} {package}"))
        };
        let install = |name| step("eco_install", &[("package", name)]);
        let download = step("download", &[("package", "other")]);
        let both = vec![download.clone(), install("@a/b"), install("c")];
        assert_eq!(found(both).as_deref(), Some("eco_install @a/b"));
        assert_eq!(found(vec![download]), None);
        assert_eq!(found(vec![step("eco_install", &[]), step("eco_bundle", &[])]), None);
    }
}
