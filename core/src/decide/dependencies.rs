//! From the packages that a package needs to the recipes that provide them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{KnownRecipes, PackageFacts, Parameter, RecipeName, RecipeStep};

/// Parameter of facts: a list of `package=recipe`. It is no parameter of the step.
const RECIPES: &str = "recipes";
/// Can be in the name of neither.
const IS: char = '=';

/// Writes into `facts` which recipe of `known` provides each of the packages `needed`, which are
/// `ecosystem`'s. One that no recipe provides is left out.
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

/// The recipe of each package that [`resolve`] found one for.
pub fn resolved(facts: &PackageFacts) -> BTreeMap<&str, &str> {
    let pairs = match facts.install.parameters.get(RECIPES) {
        Some(Parameter::List(pairs)) => &**pairs,
        Some(Parameter::Text(_) | Parameter::Flag(_)) | None => &[],
    };
    pairs.iter().filter_map(|pair| pair.split_once(IS)).collect()
}

/// The recipe to name for `package`: the one that provides it, else what a recipe that this program
/// made of it might be called, as far as that may be a dependency.
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
    fn what_is_resolved_is_read_back_and_is_no_parameter_of_the_step() {
        let id = "zoo:lion".parse().unwrap();
        let mut facts = PackageFacts::of_commands(id, "1".to_owned(), "zoo_install", &[]);
        assert_eq!(resolved(&facts), BTreeMap::new());
        let plain = step(&facts);
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
