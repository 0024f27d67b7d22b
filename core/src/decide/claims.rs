//! Which recipes there are, and which commands they provide: two recipes may share neither.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    CommandName, Executables, FailureKind, PackageFacts, PackageName, Parameter, Recipe, RecipeName,
};

/// What recipes claim: those of a root, built once a run in one pass over them, or those of a
/// batch.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    recipes: BTreeMap<RecipeName, Vec<Installs>>,
    commands: BTreeMap<String, RecipeName>,
    /// Those that say nothing about what they install.
    unreadable: BTreeSet<RecipeName>,
}

/// A step of a recipe, by what tells packages apart: the action and its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Installs {
    action: String,
    texts: BTreeMap<String, String>,
}

/// A name or a command that another recipe has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The failure to record.
    pub kind: FailureKind,
    /// By whom, in one line.
    pub reason: String,
}

impl Claims {
    /// Adds the recipe called `name`.
    pub fn add(&mut self, name: &RecipeName, recipe: &Recipe) {
        let text =
            |(key, value): (&String, &toml::Value)| Some((key.clone(), value.as_str()?.to_owned()));
        let installs = recipe.steps.iter().map(|step| Installs {
            action: step.action.clone(),
            texts: step.params.iter().filter_map(text).collect(),
        });
        self.recipes.insert(name.clone(), installs.collect());
        for command in commands(recipe) {
            self.commands.entry(command).or_insert_with(|| name.clone());
        }
    }

    /// Adds a recipe that cannot be read: nothing else may have its name.
    pub fn add_unreadable(&mut self, name: RecipeName) {
        self.unreadable.insert(name.clone());
        self.recipes.insert(name, vec![]);
    }

    /// Adds the recipe called `name` that was made from `facts`.
    pub fn add_generated(&mut self, name: &RecipeName, facts: &PackageFacts) {
        self.recipes.insert(name.clone(), vec![Installs::of(facts)]);
        for command in known_commands(facts) {
            self.commands.insert(command.to_string(), name.clone());
        }
    }

    /// Whether a recipe called `name`, made from `facts`, may be added: no other recipe has its
    /// name or one of its commands. A recipe of the same package may be replaced.
    pub fn check(&self, name: &RecipeName, facts: &PackageFacts) -> Result<(), Taken> {
        let taken = |reason| Err(Taken { kind: FailureKind::RecipeExists, reason });
        if self.unreadable.contains(name) {
            return taken(format!("name_taken: recipe {name} is there and cannot be read"));
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

    /// The packages of `ecosystem` that a recipe installs by `actions`, each a pair of action and
    /// the parameter that names the package there.
    pub fn installed(&self, actions: &[(&str, &str)]) -> Vec<PackageName> {
        let named = |installs: &Installs| {
            let (_, parameter) = actions.iter().find(|(action, _)| *action == installs.action)?;
            installs.texts.get(*parameter)?.parse().ok()
        };
        self.recipes.values().flatten().filter_map(named).collect()
    }
}

impl Installs {
    fn of(facts: &PackageFacts) -> Self {
        let text = |(key, parameter): (&String, &Parameter)| match parameter {
            Parameter::Text(text) => Some((key.clone(), text.clone())),
            Parameter::List(_) | Parameter::Flag(_) => None,
        };
        let texts = facts.install.parameters.iter().filter_map(text).collect();
        Self { action: facts.install.name.clone(), texts }
    }

    /// Same action and same texts; what else a step says may have changed.
    fn is_of(&self, facts: &PackageFacts) -> bool {
        let own = Self::of(facts);
        let is_same = |(key, text): (&String, &String)| self.texts.get(key) == Some(text);
        self.action == own.action && own.texts.iter().all(is_same)
    }
}

fn known_commands(facts: &PackageFacts) -> &[CommandName] {
    match &facts.executables {
        Executables::Known(commands) => commands,
        Executables::Unknown(_) => &[],
    }
}

/// The commands that `recipe` puts on `PATH`, as far as it says.
fn commands(recipe: &Recipe) -> Vec<String> {
    let listed = recipe.steps.iter().flat_map(|step| {
        ["executables", "binaries"].iter().filter_map(|key| step.params.get(*key)?.as_array())
    });
    let texts = listed.flatten().filter_map(toml::Value::as_str);
    let bin = |path: &str| path.strip_prefix("bin/").unwrap_or(path).to_owned();
    texts.map(bin).filter(|command| !command.contains('/')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Metadata, PackageKind, RecipeStep};

    fn facts(package: &str, commands: &[&str]) -> PackageFacts {
        let parameters = [("package".to_owned(), Parameter::Text(package.to_owned()))].into();
        PackageFacts {
            id: format!("eco:{package}").parse().unwrap(),
            version: "1".to_owned(),
            executables: Executables::Known(commands.iter().map(|c| c.parse().unwrap()).collect()),
            description: String::new(),
            homepage: None,
            kind: PackageKind::Tool,
            runtime_dependencies: vec![],
            platforms: vec![],
            artifacts: vec![],
            install: Action { name: "eco_install".to_owned(), parameters },
            notes: vec![],
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
        let mut claims = Claims::default();
        claims.add_generated(&"a".parse().unwrap(), &facts("a", &["x"]));
        let check = |name: &str, facts: &PackageFacts| {
            claims.check(&name.parse().unwrap(), facts).map_err(|taken| taken.reason)
        };
        assert_eq!(check("a", &facts("a", &["x", "y"])), Ok(()), "its own recipe");
        assert_eq!(check("b", &facts("b", &["y"])), Ok(()));
        assert!(check("a", &facts("b", &["z"])).unwrap_err().starts_with("name_taken"));
        assert!(check("c", &facts("c", &["x"])).unwrap_err().starts_with("command_taken"));
    }

    #[test]
    fn recipes_on_disk_claim_what_their_steps_say() {
        let mut claims = Claims::default();
        claims.add(&"a".parse().unwrap(), &recipe("a", "x"));
        claims.add_unreadable("u".parse().unwrap());
        assert_eq!(claims.installed(&[("eco_install", "package")]), ["a".parse().unwrap()]);
        let check = |name: &str, facts: &PackageFacts| claims.check(&name.parse().unwrap(), facts);
        assert!(check("b", &facts("b", &["x"])).is_err());
        assert!(check("u", &facts("u", &["z"])).is_err(), "nobody knows what it installs");
        assert!(check("a", &facts("a", &["x"])).is_ok(), "its own recipe");
    }
}
