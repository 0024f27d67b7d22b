//! The recipes that exist, for packages that depend on other packages.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Recipe, RecipeName};

/// The recipes that exist, by their names and by the packages that they satisfy.
///
/// It is built once from the recipes of a root. The default contains none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownRecipes {
    /// Each recipe with the recipes that it needs; `None` when its needs are not known.
    recipes: BTreeMap<RecipeName, Option<BTreeSet<String>>>,
    /// Package and ecosystem, as `[metadata.satisfies]` names them, with the recipe that satisfies
    /// them. The package comes first, so that it is found without its ecosystem.
    satisfies: BTreeMap<(String, String), RecipeName>,
}

impl KnownRecipes {
    /// Adds the recipe called `name`.
    pub fn add(&mut self, name: &RecipeName, recipe: &Recipe) {
        let needs = recipe.dependencies().map(str::to_owned).collect();
        self.insert(name, Some(needs), &recipe.metadata.satisfies);
    }

    /// Adds a recipe of which only two things are known: its name, and the packages that it
    /// satisfies (ecosystem and names).
    pub fn add_named(&mut self, name: &RecipeName, satisfies: &BTreeMap<String, Vec<String>>) {
        self.insert(name, None, satisfies);
    }

    /// Adds the recipes of `others` that are not known yet.
    pub fn extend(&mut self, others: &Self) {
        for (name, needs) in &others.recipes {
            self.recipes.entry(name.clone()).or_insert_with(|| needs.clone());
        }
        for (package, name) in &others.satisfies {
            self.satisfies.entry(package.clone()).or_insert_with(|| name.clone());
        }
    }

    fn insert(
        &mut self,
        name: &RecipeName,
        needs: Option<BTreeSet<String>>,
        satisfies: &BTreeMap<String, Vec<String>>,
    ) {
        self.recipes.insert(name.clone(), needs);
        for (ecosystem, packages) in satisfies {
            for package in packages {
                let key = (package.clone(), ecosystem.clone());
                // If two recipes satisfy one package, the one whose name comes first is used,
                // whatever the order in which they are added.
                let known = self.satisfies.entry(key).or_insert_with(|| name.clone());
                if name < known {
                    known.clone_from(name);
                }
            }
        }
    }

    /// The recipe to name as a dependency on `package` of `ecosystem`: the recipe that says that it
    /// satisfies the package, otherwise the recipe with the same name. `None` when there is no such
    /// recipe, or when its name is not allowed in a list of dependencies.
    pub fn provider(&self, ecosystem: &str, package: &str) -> Option<&RecipeName> {
        let key = (package.to_owned(), ecosystem.to_owned());
        let by_name = || Some(self.recipes.get_key_value(&package.parse::<RecipeName>().ok()?)?.0);
        let found = self.satisfies.get(&key).or_else(by_name);
        found.filter(|name| is_dependency(name.as_str()))
    }

    /// The recipe that says that it satisfies `package` of `ecosystem`; `None` if no recipe says so,
    /// even if one has the name of the package.
    pub fn satisfied_by(&self, ecosystem: &str, package: &str) -> Option<&RecipeName> {
        self.satisfies.get(&(package.to_owned(), ecosystem.to_owned()))
    }

    /// Whether [`KnownRecipes::provider`] finds a recipe for `package` in any ecosystem.
    pub fn provides(&self, package: &str) -> bool {
        let from = (package.to_owned(), String::new());
        let satisfied = self.satisfies.range(from..).take_while(|((it, _), _)| it == package);
        let by_name = is_dependency(package) && self.contains(package);
        by_name || satisfied.into_iter().any(|(_, name)| is_dependency(name.as_str()))
    }

    /// Whether there is a recipe called `name`.
    pub fn contains(&self, name: &str) -> bool {
        name.parse::<RecipeName>().is_ok_and(|name| self.recipes.contains_key(&name))
    }

    /// The recipes that the recipe `name` declares as dependencies; `None` when they are not known.
    pub fn needs(&self, name: &RecipeName) -> Option<&BTreeSet<String>> {
        self.recipes.get(name)?.as_ref()
    }

    /// Whether no recipe is known.
    pub fn is_empty(&self) -> bool {
        self.recipes.is_empty()
    }
}

/// Whether `name` is allowed in a recipe's list of dependencies: lower-case letters, digits and
/// `._-`, without `..`, because the name becomes part of a path.
pub fn is_dependency(name: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    !name.is_empty() && name.chars().all(is_allowed) && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(recipes: &[(&str, &[(&str, &str)])]) -> KnownRecipes {
        let mut known = KnownRecipes::default();
        for (name, satisfies) in recipes {
            let mut by_ecosystem: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (ecosystem, package) in *satisfies {
                let packages = by_ecosystem.entry((*ecosystem).to_owned()).or_default();
                packages.push((*package).to_owned());
            }
            known.add_named(&name.parse().unwrap(), &by_ecosystem);
        }
        known
    }

    #[test]
    fn a_recipe_that_satisfies_a_package_takes_precedence_over_one_with_its_name() {
        let known = known(&[
            ("ssl", &[("zoo", "ssl@3"), ("zoo", "lion")]),
            ("lion", &[("sea", "lion")]),
            ("a-ssl", &[("zoo", "ssl@3")]),
            ("lion+x", &[]),
        ]);
        let provider = |ecosystem, package| {
            known.provider(ecosystem, package).map_or("none", RecipeName::as_str)
        };
        assert_eq!(provider("zoo", "ssl@3"), "a-ssl", "the first by name");
        assert_eq!(provider("zoo", "lion"), "ssl");
        assert_eq!(provider("sea", "lion"), "lion");
        assert_eq!(provider("sky", "lion"), "lion", "by its name");
        assert_eq!(provider("zoo", "ssl"), "ssl");
        assert_eq!(provider("zoo", "ssl@1"), "none");
        assert_eq!(provider("zoo", "lion+x"), "none", "no dependency may be called so");
        assert!(known.provides("ssl@3") && known.provides("a-ssl"));
        assert!(!known.provides("ssl@1") && !known.provides("lion+x"));
    }

    #[test]
    fn what_a_dependency_may_be_called() {
        for name in ["a", "7zip", "libfoo-1.2_x", "a.b"] {
            assert!(is_dependency(name), "{name}");
        }
        for name in ["", "A", "ssl@3", "gtk+3", "a..b", "../a", "a b", "a/b"] {
            assert!(!is_dependency(name), "{name}");
        }
    }
}
