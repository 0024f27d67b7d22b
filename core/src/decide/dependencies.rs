//! Finds the recipes that provide the packages that a package needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{KnownRecipes, PackageFacts, Parameter, RecipeName, RecipeStep};

/// A parameter of the facts: a list of `package=recipe`. It is not a parameter of the step.
const RECIPES: &str = "recipes";
/// A character that neither name can contain.
const IS: char = '=';

/// Writes into `facts` which recipe of `known` provides each of the packages `needed`, which belong
/// to `ecosystem`. A package that no recipe provides is left out.
pub fn resolve(
    facts: &mut PackageFacts,
    ecosystem: &str,
    needed: &BTreeSet<&str>,
    known: &KnownRecipes,
) {
    let pair =
        |package: &&str| Some(format!("{package}{IS}{}", known.provider(ecosystem, package)?));
    let pairs = needed.iter().filter_map(pair).collect();
    facts.install.parameters.insert(RECIPES.to_owned(), Parameter::List(pairs));
}

/// The recipes that [`resolve`] found, by package.
pub fn resolved(facts: &PackageFacts) -> BTreeMap<&str, &str> {
    let pairs = match facts.install.parameters.get(RECIPES) {
        Some(Parameter::List(pairs)) => &**pairs,
        Some(Parameter::Text(_) | Parameter::Flag(_)) | None => &[],
    };
    pairs.iter().filter_map(|pair| pair.split_once(IS)).collect()
}

/// The recipe to name for `package`: the one that provides it, or else the name that this program
/// would give to its recipe, if that is valid as a dependency.
pub fn recipe_name(recipes: &BTreeMap<&str, &str>, package: &str) -> String {
    match recipes.get(package) {
        Some(name) => (*name).to_owned(),
        None => RecipeName::nearest(&package.replace('+', "-")).to_string().replace("..", "."),
    }
}

/// The step that installs the package of `facts`.
pub fn step(facts: &PackageFacts) -> RecipeStep {
    let mut step = RecipeStep::from(&facts.install);
    step.params.remove(RECIPES);
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolved_dependencies_are_read_back_and_are_not_parameters_of_the_step() {
        let id = "zoo:lion".parse().unwrap();
        let mut facts = PackageFacts::of_commands(id, "1".to_owned(), "zoo_install", &[]);
        assert_eq!(resolved(&facts), BTreeMap::new());
        let plain = step(&facts);
        assert_eq!(plain.action, "zoo_install");
        assert_eq!(plain.params["package"].as_str(), Some("lion"));
        let mut known = KnownRecipes::default();
        let satisfies = BTreeMap::from([("zoo".to_owned(), vec!["gazelle@3".to_owned()])]);
        known.add_named(&"gazelle".parse().unwrap(), &satisfies);
        resolve(&mut facts, "zoo", &BTreeSet::from(["gazelle@3", "grass"]), &known);
        assert_eq!(resolved(&facts), BTreeMap::from([("gazelle@3", "gazelle")]));
        assert_eq!(step(&facts), plain);
        let names =
            ["gazelle@3", "gazelle@4", "gtk+3"].map(|it| recipe_name(&resolved(&facts), it));
        assert_eq!(names, ["gazelle", "gazelle-4", "gtk-3"]);
        resolve(&mut facts, "zoo", &BTreeSet::from(["grass"]), &known);
        assert_eq!(resolved(&facts), BTreeMap::new(), "of the last time only");
    }
}
