//! Makes a recipe from facts. Pure: equal facts give equal bytes.

use batch_core::{
    decide::recipe::{of_step, with_binaries},
    model::{
        ActionShape, Executables, FailureKind, PackageFacts, PackageKind, Parameter, Recipe,
        RecipeName, Verify, VersionSource, Versions,
    },
    plugin::Missing,
};

use crate::paths;

/// The parameter for the package of the command; present only if it is not the module itself.
pub(crate) const MODULE: &str = "module";
pub(crate) const EXECUTABLES: &str = "executables";
/// The step that installs a command.
pub(crate) const STEP: ActionShape = ActionShape::new("go_install", &[MODULE, EXECUTABLES])
    .over_network()
    .naming(MODULE)
    .with_implied_dependencies(&["go"])
    .versioned(Versions::Derived {
        source: "goproxy",
        from: MODULE,
        key: MODULE,
        derive: inferred_module,
    });

/// The module whose versions the package manager requests if a recipe has no `[version]`: the first
/// three elements of a path on GitHub, otherwise the part before `/cmd/`, otherwise the path.
fn inferred_module(path: &str) -> String {
    if path.starts_with("github.com/") {
        return path.split('/').take(3).collect::<Vec<_>>().join("/");
    }
    path.split_once("/cmd/").map_or(path, |(module, _)| module).to_owned()
}

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing::new(kind, reason));
    let (name, version) = (&facts.id.name, &facts.version);
    let commands = facts.commands()?;
    if facts.kind == PackageKind::Library || commands.is_empty() {
        let reason = format!("{name} {version} has no main package for users");
        return missing(FailureKind::LibraryOnly, reason);
    }
    if facts.artifacts.is_empty() {
        return missing(FailureKind::BuildFromSource, facts.notes.join("; "));
    }
    let [command] = commands else {
        let names = commands.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let reason =
            format!("{name} {version} has several commands, each with a path of its own: {names}");
        return missing(FailureKind::AmbiguousSource, reason);
    };
    let verify = Verify::of_version(command.as_str());
    let otherwise = format!("{}, a command written in Go", facts.id.name);
    let recipe = of_step(facts, &recipe_name(facts), otherwise, verify);
    Ok(Recipe { version: version_source(facts), ..with_binaries(recipe, facts) })
}

/// The name of the command: an import path is not a valid name, and its last element may be a
/// version.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    match &facts.executables {
        Executables::Known(names) if names.len() == 1 => RecipeName::nearest(names[0].as_str()),
        Executables::Known(_) | Executables::Unknown(_) => {
            RecipeName::nearest(paths::command(facts.id.name.as_str()))
        }
    }
}

/// The source of the newest version, if the package manager would otherwise ask for another module.
fn version_source(facts: &PackageFacts) -> Option<VersionSource> {
    let Parameter::Text(installed) = facts.install.parameters.get(MODULE)? else { return None };
    let Parameter::Text(module) = facts.plugin_data.get(MODULE)? else { return None };
    let is_inferred = paths::inferred_module(installed) == *module;
    (!is_inferred).then(|| VersionSource([(MODULE.to_owned(), module.clone().into())].into()))
}
