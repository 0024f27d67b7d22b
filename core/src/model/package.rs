//! A package, from the answer of its registry to its installed files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    Cell, CommandName, Executables, ExecutablesFrom, FailureKind, PackageId, PackageName, Recipe,
    UnknownCommands,
};

/// The parameter of steps that lists all commands.
const EXECUTABLES: &str = "executables";
/// The note about commands that installations showed.
const DISCOVERED: &str =
    "the registry does not list its commands; two installations showed the same ones";

/// Everything from which a recipe is built, in the same form for every ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PackageFacts {
    /// The package.
    pub id: PackageId,
    /// The version that these facts describe, as the registry spells it. Installers ask for it.
    pub version: String,
    /// The version as the commands print it. Verification looks for it in their output. Absent when
    /// it is the same as `version`. Some registries add to the version of the author, for example
    /// the number of the packaging: the registry says `1.10-1`, and the command prints `1.10`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed_version: Option<String>,
    /// The commands that it installs on `PATH`.
    pub executables: Executables,
    /// Who told the commands.
    #[serde(default, skip_serializing_if = "ExecutablesFrom::is_registry")]
    pub executables_from: ExecutablesFrom,
    /// One line; empty where the registry has none.
    pub description: String,
    /// The homepage, or else the address of the source code. Only https addresses are kept.
    pub homepage: Option<String>,
    /// Tool or library.
    pub kind: PackageKind,
    /// Packages that it needs at run time, as the registry spells them.
    pub runtime_dependencies: Vec<PackageName>,
    /// The cells in which it declares to run. An empty list means every cell.
    pub platforms: Vec<Cell>,
    /// The files that are downloaded.
    pub artifacts: Vec<Artifact>,
    /// The recipe step that installs it.
    pub install: Action,
    /// What only the installer and the builder of the same plugin need, for example the path of an
    /// archive. It is in no recipe. Empty when name and version are enough.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub plugin_data: BTreeMap<String, Parameter>,
    /// What a person should know about the package, for example that it is deprecated or that it
    /// runs scripts when it is installed.
    pub notes: Vec<String>,
}

impl PackageFacts {
    /// Facts about `version` of `id`, whose registry lists `commands`, and which is installed by
    /// one step: `step` with the parameters `package` and `executables`. A package without commands
    /// is a library. If one command has an invalid name, all commands are unknown. All other fields
    /// are empty.
    pub fn of_commands(id: PackageId, version: String, step: &str, commands: &[String]) -> Self {
        let executables = Executables::named(commands);
        let install = Action::of_commands(step, "package", id.name.as_str(), &executables);
        Self {
            id,
            version,
            printed_version: None,
            kind: PackageKind::of(&executables),
            executables,
            executables_from: ExecutablesFrom::Registry,
            description: String::new(),
            homepage: None,
            runtime_dependencies: vec![],
            platforms: vec![],
            artifacts: vec![],
            install,
            plugin_data: BTreeMap::new(),
            notes: vec![],
        }
    }

    /// These facts with `names`, which installations showed. The commands are in this order: the one
    /// that has the name of the package, then the others as they are given. If the step lists all
    /// commands, its parameter is `executables`.
    #[must_use]
    pub fn discovered(self, names: impl IntoIterator<Item = CommandName>) -> Self {
        let package = self.id.name.as_str();
        let (mut commands, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| is_same_word(name.as_str(), package));
        commands.extend(others);
        let listed = commands.iter().map(ToString::to_string).collect();
        let mut install = self.install;
        if let Some(list) = install.parameters.get_mut(EXECUTABLES) {
            *list = Parameter::List(listed);
        }
        let executables = Executables::Known(commands);
        let mut notes = self.notes;
        notes.push(DISCOVERED.to_owned());
        Self {
            kind: PackageKind::of(&executables),
            executables,
            executables_from: ExecutablesFrom::Installation,
            install,
            notes,
            ..self
        }
    }

    /// Whether only an installation shows the commands.
    pub fn needs_discovery(&self) -> bool {
        matches!(&self.executables, Executables::Unknown(unknown) if unknown.is_discoverable)
    }

    /// The version as the commands print it.
    pub fn printed_version(&self) -> &str {
        self.printed_version.as_ref().unwrap_or(&self.version)
    }

    /// The commands. An empty list means a library. The error says why the commands are not known,
    /// in which case there is no recipe.
    pub fn commands(&self) -> Result<&[CommandName], Missing> {
        match &self.executables {
            Executables::Known(names) => Ok(names),
            Executables::Unknown(UnknownCommands { kind, reason, .. }) => {
                Err(Missing::new(*kind, reason.clone()))
            }
        }
    }
}

/// A recipe cannot be built from the facts.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Missing {
    /// What is missing, in words, without full stop.
    pub reason: String,
    /// The failure to record.
    pub kind: FailureKind,
    /// The packages whose recipes are missing, as the registry spells them. Empty unless the kind
    /// is [`FailureKind::RecipeMissing`].
    pub blocked_by: Vec<PackageName>,
    /// The recipe that will be made as soon as those recipes exist, so that a person can look at
    /// it.
    pub draft: Option<Box<Recipe>>,
}

impl Missing {
    /// A failure without dependencies. `reason` has no full stop.
    pub fn new(kind: FailureKind, reason: String) -> Self {
        Self { reason, kind, blocked_by: vec![], draft: None }
    }

    /// The failure of a recipe `draft` that needs recipes for `blocked_by`, which do not exist.
    pub fn recipes(facts: &PackageFacts, blocked_by: Vec<PackageName>, draft: Recipe) -> Self {
        let PackageFacts { id, version, .. } = facts;
        let names: Vec<&str> = blocked_by.iter().map(PackageName::as_str).collect();
        let names = names.join(", ");
        let reason = format!("{} {version} needs recipes that do not exist: {names}", id.name);
        let (kind, draft) = (FailureKind::RecipeMissing, Some(Box::new(draft)));
        Self { reason, kind, blocked_by, draft }
    }
}

/// What a package is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    /// A package whose commands people run.
    Tool,
    /// A package that other code links or imports.
    Library,
}

impl PackageKind {
    /// A package that is known to have no command is a library.
    pub fn of(executables: &Executables) -> Self {
        match executables {
            Executables::Known(names) if names.is_empty() => Self::Library,
            Executables::Known(_) | Executables::Unknown(_) => Self::Tool,
        }
    }
}

/// A file that is downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// The cells in which it runs. An empty list means every cell.
    pub cells: Vec<Cell>,
    /// Its address on the registry's own host.
    pub url: String,
    /// `<algorithm>-<digest>` as the registry publishes it; empty when it publishes none.
    pub digest: String,
    /// `true` when the whole file was read for these facts and has this digest. `false` when only
    /// parts were read or there is no digest, so that the installer is the first to compare it.
    /// Absent when nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_verified: Option<bool>,
}

impl Artifact {
    /// An artifact of which nothing has been read.
    pub fn unread(cells: Vec<Cell>, url: String, digest: String) -> Self {
        Self { cells, url, digest, digest_verified: None }
    }
}

/// A recipe step that installs a package. Its parameters are sorted, so that equal facts produce
/// equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Action {
    /// The name of the step in recipes.
    pub name: String,
    /// The parameters as recipes write them.
    pub parameters: BTreeMap<String, Parameter>,
}

impl Action {
    /// The step `step` that installs `package` (parameter `key`) with all its commands (parameter
    /// `executables`). Unknown commands are left out.
    pub fn of_commands(step: &str, key: &str, package: &str, commands: &Executables) -> Self {
        let names = match commands {
            Executables::Known(names) => names.iter().map(ToString::to_string).collect(),
            Executables::Unknown(_) => vec![],
        };
        let parameters = BTreeMap::from([
            (key.to_owned(), Parameter::Text(package.to_owned())),
            (EXECUTABLES.to_owned(), Parameter::List(names)),
        ]);
        Self { name: step.to_owned(), parameters }
    }
}

/// A parameter of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the shapes that recipes use")]
pub enum Parameter {
    Text(String),
    List(Vec<String>),
    Flag(bool),
}

/// Whether two names differ only in case and in the signs between their words.
fn is_same_word(one: &str, other: &str) -> bool {
    let letters = |name: &str| -> Vec<char> {
        let is_sign = |c: &char| matches!(c, '-' | '_' | '.');
        name.chars().filter(|c| !is_sign(c)).flat_map(char::to_lowercase).collect()
    };
    letters(one) == letters(other)
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
    fn either_all_commands_are_known_or_none() {
        let known = |names: &[&str]| {
            Executables::Known(names.iter().map(|name| name.parse().unwrap()).collect())
        };
        assert_eq!(of(&["roar", "purr"]).executables, known(&["roar", "purr"]));
        assert_eq!(of(&["roar", "purr"]).kind, PackageKind::Tool);
        assert_eq!(of(&[]).executables, known(&[]));
        assert_eq!(of(&[]).kind, PackageKind::Library);
        for odd in ["../roar", "", "-rf", "a b", "a\n"] {
            let missing = of(&["roar", odd]).commands().unwrap_err();
            assert_eq!(missing.kind, FailureKind::UnsafeName, "{odd:?}");
        }
    }

    #[test]
    fn a_version_is_printed_as_the_registry_spells_it_unless_facts_say_otherwise() {
        let facts = PackageFacts { version: "1.10-1".to_owned(), ..of(&["roar"]) };
        assert_eq!(facts.printed_version(), "1.10-1");
        let facts = PackageFacts { printed_version: Some("1.10".to_owned()), ..facts };
        assert_eq!((&*facts.version, facts.printed_version()), ("1.10-1", "1.10"));
    }

    #[test]
    fn discovered_commands_are_marked_and_the_packages_own_comes_first() {
        let unknown = Executables::undiscovered(FailureKind::BuildFromSource, "only a source");
        let facts = PackageFacts { executables: unknown, ..of(&[]) };
        assert!(facts.needs_discovery());
        let names = |words: &str| -> Vec<CommandName> {
            words.split_whitespace().map(|name| name.parse().unwrap()).collect()
        };
        let found = facts.clone().discovered(names("Cub L-ion purr"));
        assert_eq!(found.executables, Executables::Known(names("L-ion Cub purr")));
        assert_eq!(found.executables_from, ExecutablesFrom::Installation);
        assert!(!found.needs_discovery());
        let listed = ["L-ion", "Cub", "purr"].map(str::to_owned).to_vec();
        assert_eq!(found.install.parameters["executables"], Parameter::List(listed));
        assert_eq!((found.kind, &*found.notes), (PackageKind::Tool, &[DISCOVERED.to_owned()][..]));
        assert_eq!(facts.discovered([]).kind, PackageKind::Library);
    }

    #[test]
    fn facts_without_a_word_about_it_were_told_by_the_registry() {
        let text = serde_json::to_string(&of(&["roar"])).unwrap();
        assert!(!text.contains("executables_from") && !text.contains("is_discoverable"), "{text}");
        let facts: PackageFacts = serde_json::from_str(&text).unwrap();
        assert_eq!(facts.executables_from, ExecutablesFrom::Registry);
    }

    #[test]
    fn the_step_names_package_and_commands() {
        let Action { name, parameters } = of(&["roar"]).install;
        assert_eq!(name, "zoo_install");
        assert_eq!(parameters["package"], Parameter::Text("lion".to_owned()));
        assert_eq!(parameters["executables"], Parameter::List(vec!["roar".to_owned()]));
    }
}
