//! The recipes that exist and the commands that they provide. Two recipes may have neither the same
//! name nor the same command.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decide::reserved::Reserved,
    model::{
        ActionShape, CommandName, Executables, FailureKind, PackageFacts, PackageName, Parameter,
        Recipe, RecipeName, Versions,
    },
};

/// The names and commands that recipes use: the recipes of a root, collected once for each run, or
/// the recipes of a batch.
#[derive(Debug, Clone, Default)]
pub struct NameRegistry {
    recipes: BTreeMap<RecipeName, Box<[Installs]>>,
    commands: BTreeMap<String, RecipeName>,
    /// For each source of versions, the packages that it is asked about, each with its first recipe.
    versioned: BTreeMap<String, BTreeMap<PackageName, RecipeName>>,
    /// For each action and each of its parameters, the texts, each with its first recipe.
    texts: BTreeMap<String, BTreeMap<String, Texts>>,
    /// Recipes that cannot be read, so that nothing is known about what they install.
    unreadable: BTreeSet<RecipeName>,
    /// What belongs to packages without recipes.
    reserved: Reserved,
}

/// Texts of recipes, each with the recipe whose name comes first.
type Texts = BTreeMap<String, RecipeName>;

/// The part of a recipe's step that distinguishes packages: the action and its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Installs {
    action: Box<str>,
    /// Each parameter with its text. Almost all steps have one or two, for which a map would need ten
    /// times the memory.
    texts: Box<[(Box<str>, Box<str>)]>,
}

/// A name or a command that another recipe uses already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameConflict {
    /// The failure to record.
    pub kind: FailureKind,
    /// Which recipe uses it, in one line.
    pub reason: String,
}

impl NameRegistry {
    /// Adds the recipe called `name`.
    pub fn add(&mut self, name: &RecipeName, recipe: &Recipe) {
        let text = |(key, value): (&String, &toml::Value)| {
            Some((key.as_str().into(), value.as_str()?.into()))
        };
        let installs = recipe.steps.iter().map(|step| Installs {
            action: step.action.as_str().into(),
            texts: step.params.iter().filter_map(text).collect(),
        });
        let installs: Box<[Installs]> = installs.collect();
        let before = self.recipes.get(name).map_or(&[][..], |installs| installs);
        for (replaced, parameter, text) in all_texts(before) {
            let texts = self.texts.get_mut(replaced).and_then(|of| of.get_mut(parameter));
            if let Some(texts) = texts.filter(|texts| texts.get(text) == Some(name)) {
                texts.remove(text);
            }
        }
        for (action, parameter, text) in all_texts(&installs) {
            let texts = self.texts.entry(action.to_owned()).or_default();
            let first = texts.entry(parameter.to_owned()).or_default().entry(text.to_owned());
            let first = first.or_insert_with(|| name.clone());
            if name < first {
                first.clone_from(name);
            }
        }
        self.recipes.insert(name.clone(), installs);
        if let Some((source, package)) = versioned(recipe) {
            let packages = self.versioned.entry(source.to_owned()).or_default();
            packages.entry(package).or_insert_with(|| name.clone());
        }
        for command in commands(recipe) {
            self.commands.entry(command).or_insert_with(|| name.clone());
        }
    }

    /// Adds a recipe that cannot be read. No other recipe may have its name.
    pub fn add_unreadable(&mut self, name: RecipeName) {
        self.unreadable.insert(name.clone());
        self.recipes.insert(name, Box::default());
    }

    /// Adds the recipe called `name` that was made from `facts`.
    pub fn add_generated(&mut self, name: &RecipeName, facts: &PackageFacts) {
        self.recipes.insert(name.clone(), [Installs::of(facts)].into());
        for command in known_commands(facts) {
            self.commands.insert(command.to_string(), name.clone());
        }
    }

    /// Whether a recipe called `name`, made from `facts`, may be added: no other recipe may have
    /// its name or one of its commands, and nothing may belong to another package. A recipe of the
    /// same package may be replaced.
    pub fn check(&self, name: &RecipeName, facts: &PackageFacts) -> Result<(), NameConflict> {
        self.reserved.check(facts)?;
        let taken = |reason| Err(NameConflict { kind: FailureKind::RecipeExists, reason });
        if self.unreadable.contains(name) {
            return taken(format!("name_taken: recipe {name} exists and cannot be read"));
        }
        if self.recipes.get(name).is_some_and(|steps| !steps.iter().any(|s| s.is_of(facts))) {
            return taken(format!("name_taken: recipe {name} installs something else"));
        }
        for command in known_commands(facts) {
            if let Some(other) = self.commands.get(command.as_str()).filter(|other| *other != name)
            {
                return taken(format!("command_taken: recipe {other} provides {command}"));
            }
        }
        Ok(())
    }

    /// Keeps free what belongs to packages that have no recipes yet.
    pub fn reserve(&mut self, reserved: Reserved) {
        self.reserved = reserved;
    }

    /// What belongs to packages that have no recipes yet.
    pub fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    /// The names of all recipes, whether they can be read or not.
    pub fn names(&self) -> impl Iterator<Item = &RecipeName> {
        self.recipes.keys()
    }

    /// Whether there is a recipe called `name`, whether it can be read or not.
    pub fn has_recipe(&self, name: &RecipeName) -> bool {
        self.recipes.contains_key(name)
    }

    /// Whether some recipe cannot be read.
    pub fn has_unreadable(&self) -> bool {
        !self.unreadable.is_empty()
    }

    /// The packages that recipes install by one of `actions`. A parameter of the step names the
    /// package. If there is none, because the step names files, `[version]` names the package that
    /// its source is asked about.
    pub fn installed(&self, actions: &[ActionShape]) -> Installed<'_> {
        let mut installed = Installed { versioned: vec![], texts: vec![] };
        for action in actions {
            match (action.package, action.versions) {
                (Some(parameter), _) => {
                    let texts = self.texts.get(action.name).and_then(|of| of.get(parameter));
                    installed.texts.extend(texts);
                }
                (None, Versions::Named(source)) => {
                    installed.versioned.extend(self.versioned.get(source));
                }
                (None, Versions::Untold | Versions::Inferred(_) | Versions::Derived { .. }) => (),
            }
        }
        installed
    }
}

/// The packages that recipes install by some actions.
pub struct Installed<'a> {
    versioned: Vec<&'a BTreeMap<PackageName, RecipeName>>,
    texts: Vec<&'a Texts>,
}

impl<'a> Installed<'a> {
    /// The first recipe that installs `package`; `None` if there is none.
    pub fn recipe_of(&self, package: &PackageName) -> Option<&'a RecipeName> {
        let versioned = self.versioned.iter().rev().find_map(|packages| packages.get(package));
        let by_step = || self.texts.iter().filter_map(|texts| texts.get(package.as_str())).min();
        versioned.or_else(by_step)
    }
}

/// The texts of `installs`: action, parameter and text.
fn all_texts(installs: &[Installs]) -> impl Iterator<Item = (&str, &str, &str)> {
    installs.iter().flat_map(|step| {
        let texts = step.texts.iter();
        texts.map(|(parameter, text)| (&*step.action, &**parameter, &**text))
    })
}

impl Installs {
    fn of(facts: &PackageFacts) -> Self {
        let text = |(key, parameter): (&String, &Parameter)| match parameter {
            Parameter::Text(text) => Some((key.as_str().into(), text.as_str().into())),
            Parameter::List(_) | Parameter::Flag(_) => None,
        };
        let texts = facts.install.parameters.iter().filter_map(text).collect();
        Self { action: facts.install.name.as_str().into(), texts }
    }

    /// Whether the action and the texts are the same. Other parts of the step may differ.
    fn is_of(&self, facts: &PackageFacts) -> bool {
        let own = Self::of(facts);
        self.action == own.action && own.texts.iter().all(|text| self.texts.contains(text))
    }
}

fn known_commands(facts: &PackageFacts) -> &[CommandName] {
    match &facts.executables {
        Executables::Known(commands) => commands,
        Executables::Unknown(_) => &[],
    }
}

/// The commands that `recipe` installs on `PATH`, as far as it lists them.
pub(super) fn commands(recipe: &Recipe) -> Vec<String> {
    let listed = recipe.steps.iter().flat_map(|step| {
        ["executables", "binaries"].iter().filter_map(|key| step.params.get(*key)?.as_array())
    });
    let texts = listed.flatten().filter_map(toml::Value::as_str);
    let bin = |path: &str| path.strip_prefix("bin/").unwrap_or(path).to_owned();
    texts.map(bin).filter(|command| !command.contains('/')).collect()
}

/// The source of versions, and the package in the key of the same name: `source = "cask"`, `cask =
/// "x"`.
fn versioned(recipe: &Recipe) -> Option<(&str, PackageName)> {
    let says = &recipe.version.as_ref()?.0;
    let source = says.get("source")?.as_str()?;
    Some((source, says.get(source)?.as_str()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Metadata, RecipeStep};

    fn facts(package: &str, commands: &[&str]) -> PackageFacts {
        let parameters = [("package".to_owned(), Parameter::Text(package.to_owned()))].into();
        let id = format!("eco:{package}").parse().unwrap();
        let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
        PackageFacts {
            install: Action { name: "eco_install".to_owned(), parameters },
            ..PackageFacts::of_commands(id, "1".to_owned(), "eco_install", &commands)
        }
    }

    fn recipe(package: &str, command: &str) -> Recipe {
        let step = RecipeStep {
            action: "eco_install".to_owned(),
            params: [
                ("package".to_owned(), toml::Value::from(package)),
                ("executables".to_owned(), toml::Value::from(vec![command])),
            ]
            .into(),
            ..RecipeStep::default()
        };
        Recipe { metadata: Metadata::default(), version: None, steps: vec![step], verify: None }
    }

    #[test]
    fn a_name_and_a_command_belong_to_one_package() {
        let mut name_registry = NameRegistry::default();
        name_registry.add_generated(&"a".parse().unwrap(), &facts("a", &["x"]));
        let check = |name: &str, facts: &PackageFacts| {
            name_registry.check(&name.parse().unwrap(), facts).map_err(|taken| taken.reason)
        };
        assert_eq!(check("a", &facts("a", &["x", "y"])), Ok(()), "its own recipe");
        assert_eq!(check("b", &facts("b", &["y"])), Ok(()));
        assert!(check("a", &facts("b", &["z"])).unwrap_err().starts_with("name_taken"));
        assert!(check("c", &facts("c", &["x"])).unwrap_err().starts_with("command_taken"));
    }

    #[test]
    fn recipes_on_disk_own_the_commands_of_their_steps() {
        let mut name_registry = NameRegistry::default();
        name_registry.add(&"a".parse().unwrap(), &recipe("a", "x"));
        name_registry.add_unreadable("u".parse().unwrap());
        let installed = name_registry.installed(&[ActionShape::of_commands("eco_install")]);
        let recipe_of = |package: &str| installed.recipe_of(&package.parse().unwrap());
        assert_eq!(recipe_of("a"), Some(&"a".parse().unwrap()));
        assert_eq!(recipe_of("b"), None);
        assert!(name_registry.has_unreadable() && name_registry.has_recipe(&"u".parse().unwrap()));
        let check =
            |name: &str, facts: &PackageFacts| name_registry.check(&name.parse().unwrap(), facts);
        assert!(check("b", &facts("b", &["x"])).is_err());
        assert!(check("u", &facts("u", &["z"])).is_err(), "nobody knows what it installs");
        assert!(check("a", &facts("a", &["x"])).is_ok(), "its own recipe");
    }
}
