//! Which recipes there are, and which commands they provide: two recipes may share neither.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Executables, FailureKind, PackageFacts, PackageName, Parameter, Recipe, RecipeName,
};

/// What the recipes of a root claim. Built once a run, in one pass over them.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    recipes: BTreeMap<RecipeName, Vec<Installs>>,
    commands: BTreeMap<String, RecipeName>,
    /// Claimed by this run: whether they work is not known yet.
    under_way: BTreeSet<RecipeName>,
    /// Those that say nothing about what they install.
    unreadable: BTreeSet<RecipeName>,
}

/// A step of a recipe, by what tells packages apart: the action and its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Installs {
    action: String,
    texts: BTreeMap<String, String>,
}

/// A claim that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The failure to record.
    pub kind: FailureKind,
    /// By whom, in one line.
    pub reason: String,
    /// Whether a recipe that is there has it. Else one of this run has, which may fail yet: nothing
    /// can be said before the next run.
    pub is_settled: bool,
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

    /// Claims `name` and the commands of `facts`, unless another recipe has one of them. A recipe
    /// of the same package may be replaced.
    pub fn claim(&mut self, name: &RecipeName, facts: &PackageFacts) -> Result<(), Taken> {
        let taken = |by: &RecipeName, reason| {
            let is_settled = !self.under_way.contains(by);
            Err(Taken { kind: FailureKind::RecipeExists, reason, is_settled })
        };
        if self.unreadable.contains(name) {
            return taken(name, format!("name_taken: recipe {name} is there and cannot be read"));
        }
        if self.recipes.get(name).is_some_and(|steps| !steps.iter().any(|s| s.is_of(facts))) {
            return taken(name, format!("name_taken: recipe {name} installs something else"));
        }
        let commands = match &facts.executables {
            Executables::Known(commands) => &**commands,
            Executables::Unknown(_) => &[],
        };
        for command in commands {
            if let Some(other) = self.commands.get(command.as_str()).filter(|other| *other != name)
            {
                return taken(other, format!("command_taken: recipe {other} provides {command}"));
            }
        }
        // A recipe that was there before stays there, whatever becomes of its new version.
        if self.recipes.insert(name.clone(), vec![Installs::of(facts)]).is_none() {
            self.under_way.insert(name.clone());
        }
        for command in commands {
            self.commands.insert(command.to_string(), name.clone());
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
        let mut claim = |name: &str, facts: &PackageFacts| {
            claims.claim(&name.parse().unwrap(), facts).map_err(|taken| taken.reason)
        };
        assert_eq!(claim("a", &facts("a", &["x"])), Ok(()));
        assert_eq!(claim("a", &facts("a", &["x", "y"])), Ok(()), "its own recipe");
        assert!(claim("a", &facts("b", &["z"])).unwrap_err().starts_with("name_taken"));
        assert!(claim("c", &facts("c", &["y"])).unwrap_err().starts_with("command_taken"));
    }

    #[test]
    fn only_a_recipe_that_is_there_decides_for_good() {
        let mut claims = Claims::default();
        claims.add(&"a".parse().unwrap(), &recipe("a", "x"));
        claims.add_unreadable("u".parse().unwrap());
        let mut claim = |name: &str, facts: &PackageFacts| {
            claims.claim(&name.parse().unwrap(), facts).map_err(|taken| taken.is_settled)
        };
        assert_eq!(claim("b", &facts("b", &["y"])), Ok(()));
        assert_eq!(claim("c", &facts("c", &["y"])), Err(false), "b may fail yet");
        assert_eq!(claim("b", &facts("c", &["z"])), Err(false), "b may fail yet");
        assert_eq!(claim("c", &facts("c", &["x"])), Err(true));
        assert_eq!(claim("a", &facts("c", &["z"])), Err(true));
        assert_eq!(claim("u", &facts("u", &["z"])), Err(true));
        assert_eq!(claim("a", &facts("a", &["x"])), Ok(()), "its own recipe");
        assert_eq!(claim("c", &facts("c", &["x"])), Err(true), "it stays, new version or not");
    }

    #[test]
    fn recipes_on_disk_claim_what_their_steps_say() {
        let mut claims = Claims::default();
        claims.add(&"a".parse().unwrap(), &recipe("a", "x"));
        assert_eq!(claims.installed(&[("eco_install", "package")]), ["a".parse().unwrap()]);
        assert!(claims.claim(&"b".parse().unwrap(), &facts("b", &["x"])).is_err());
        assert!(claims.claim(&"a".parse().unwrap(), &facts("a", &["x"])).is_ok());
    }
}
