//! A package on its way from registry answer to installed files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Cell, CommandName, FailureKind, PackageId, PackageName, Recipe};

/// All that a recipe is built from, in one shape for every ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageFacts {
    /// What it is.
    pub id: PackageId,
    /// The version these facts are about, as the registry spells it.
    pub version: String,
    /// What it puts on `PATH`.
    pub executables: Executables,
    /// One line; empty where the registry has none.
    pub description: String,
    /// Where people are sent: its homepage, or else where its source lies. https only; anything
    /// else is left out.
    pub homepage: Option<String>,
    /// Tool or library.
    pub kind: PackageKind,
    /// Packages it needs while it runs, as the registry spells them.
    pub runtime_dependencies: Vec<PackageName>,
    /// The cells it declares to run in; empty means any.
    pub platforms: Vec<Cell>,
    /// What is downloaded.
    pub artifacts: Vec<Artifact>,
    /// How it is installed.
    pub install: Action,
    /// What a person should know: deprecated, scripts at install.
    pub notes: Vec<String>,
}

impl PackageFacts {
    /// Facts about `version` of `id`, which puts `commands` on `PATH` as its registry says, and is
    /// installed by one step: `step` with the parameters `package` and `executables`. Without a
    /// command it is a library; a command that cannot be one makes all of them unknown. What else
    /// there is to say is empty.
    pub fn of_commands(id: PackageId, version: String, step: &str, commands: &[String]) -> Self {
        let odd = |command: &&String| command.parse::<CommandName>().is_err();
        let executables = match commands.iter().find(odd) {
            Some(odd) => Executables::Unknown(format!("a command is called {odd:?}")),
            None => Executables::Known(commands.iter().filter_map(|it| it.parse().ok()).collect()),
        };
        let install = Action::of_commands(step, "package", id.name.as_str(), &executables);
        Self {
            id,
            version,
            executables,
            description: String::new(),
            homepage: None,
            kind: if commands.is_empty() { PackageKind::Library } else { PackageKind::Tool },
            runtime_dependencies: vec![],
            platforms: vec![],
            artifacts: vec![],
            install,
            notes: vec![],
        }
    }
}

/// A recipe cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Missing {
    /// What is missing, as a sentence without full stop.
    pub reason: String,
    /// The failure to record.
    pub kind: FailureKind,
    /// The packages whose recipes are missing, as the registry spells them; empty unless the kind
    /// is [`FailureKind::RecipeMissing`].
    pub blocked_by: Vec<PackageName>,
    /// What the recipe will be as soon as those recipes are there, for people to look at.
    pub draft: Option<Box<Recipe>>,
}

impl Missing {
    /// For `reason`, a sentence without full stop.
    pub fn new(kind: FailureKind, reason: String) -> Self {
        Self { reason, kind, blocked_by: vec![], draft: None }
    }

    /// `facts` give the recipe `draft`, which needs recipes for `blocked_by` that do not exist.
    pub fn recipes(facts: &PackageFacts, blocked_by: Vec<PackageName>, draft: Recipe) -> Self {
        let PackageFacts { id, version, .. } = facts;
        let names: Vec<&str> = blocked_by.iter().map(PackageName::as_str).collect();
        let names = names.join(", ");
        let reason = format!("{} {version} needs recipes that do not exist: {names}", id.name);
        let (kind, draft) = (FailureKind::RecipeMissing, Some(Box::new(draft)));
        Self { reason, kind, blocked_by, draft }
    }
}

/// What a package puts on `PATH`. Never guessed from its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Executables {
    /// In a fixed order; the first is the one to verify. Empty for a library.
    Known(Vec<CommandName>),
    /// Why they are not known.
    Unknown(String),
}

/// What a package is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    /// To be run.
    Tool,
    /// To be linked or imported.
    Library,
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// Where it runs; empty means anywhere.
    pub cells: Vec<Cell>,
    /// On the registry's own host.
    pub url: String,
    /// `<algorithm>-<digest>`, as the registry gives it; empty where it gives none.
    pub digest: String,
    /// Whether all of it was read for these facts and has that digest; false where only parts were
    /// read, or there is none: then the installer is the first to compare. Absent where nothing of
    /// it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_verified: Option<bool>,
}

impl Artifact {
    /// Of which nothing has been read.
    pub fn unread(cells: Vec<Cell>, url: String, digest: String) -> Self {
        Self { cells, url, digest, digest_verified: None }
    }
}

/// A recipe step that installs, with sorted parameters, so that equal facts make equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// As recipes call it.
    pub name: String,
    /// As recipes write them.
    pub parameters: BTreeMap<String, Parameter>,
}

impl Action {
    /// The step `step` that installs `package`, its parameter `key`, with all its commands, the
    /// parameter `executables`: none while they are unknown.
    pub fn of_commands(step: &str, key: &str, package: &str, commands: &Executables) -> Self {
        let names = match commands {
            Executables::Known(names) => names.iter().map(ToString::to_string).collect(),
            Executables::Unknown(_) => vec![],
        };
        let parameters = BTreeMap::from([
            (key.to_owned(), Parameter::Text(package.to_owned())),
            ("executables".to_owned(), Parameter::List(names)),
        ]);
        Self { name: step.to_owned(), parameters }
    }
}

/// A parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the shapes that recipes use")]
pub enum Parameter {
    Text(String),
    List(Vec<String>),
    Flag(bool),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(commands: &[&str]) -> PackageFacts {
        let id = PackageId { ecosystem: "zoo".parse().unwrap(), name: "lion".parse().unwrap() };
        let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
        PackageFacts::of_commands(id, "1.0".to_owned(), "zoo_install", &commands)
    }

    #[test]
    fn commands_are_known_all_or_not_at_all() {
        let known = |names: &[&str]| {
            Executables::Known(names.iter().map(|name| name.parse().unwrap()).collect())
        };
        assert_eq!(of(&["roar", "purr"]).executables, known(&["roar", "purr"]));
        assert_eq!(of(&["roar", "purr"]).kind, PackageKind::Tool);
        assert_eq!(of(&[]).executables, known(&[]));
        assert_eq!(of(&[]).kind, PackageKind::Library);
        for odd in ["../roar", "", "-rf", "a b", "a\n"] {
            assert!(matches!(of(&["roar", odd]).executables, Executables::Unknown(_)), "{odd:?}");
        }
    }

    #[test]
    fn the_step_names_package_and_commands() {
        let Action { name, parameters } = of(&["roar"]).install;
        assert_eq!(name, "zoo_install");
        assert_eq!(parameters["package"], Parameter::Text("lion".to_owned()));
        assert_eq!(parameters["executables"], Parameter::List(vec!["roar".to_owned()]));
    }
}
