//! From facts to a recipe: pure, so that equal facts make equal bytes.

use batch_core::{
    decide::recipe::{of_step, with_binaries},
    model::{
        ActionShape, Executables, FailureKind, PackageFacts, PackageKind, Parameter, Recipe,
        RecipeName, Verify, VersionSource, Versions,
    },
    plugin::Missing,
};

use crate::paths;

/// The package of the command, where it is not the module itself.
pub(crate) const MODULE: &str = "module";
pub(crate) const EXECUTABLES: &str = "executables";
/// The one step that installs a command.
pub(crate) const STEP: ActionShape =
    ActionShape::new("go_install", &[MODULE, EXECUTABLES]).bringing(&["go"]).versioned(
        Versions::Derived { source: "goproxy", from: MODULE, key: MODULE, derive: inferred_module },
    );

/// The module whose versions the package manager asks for where a recipe has no `[version]`: the
/// first three elements of a path on GitHub, else what stands before `/cmd/`, else the path.
fn inferred_module(path: &str) -> String {
    if path.starts_with("github.com/") {
        return path.split('/').take(3).collect::<Vec<_>>().join("/");
    }
    path.split_once("/cmd/").map_or(path, |(module, _)| module).to_owned()
}

/// How the reason begins where the go command finds no version to install.
pub(crate) const WITHDRAWN: &str = "its author has taken back every version";

/// The recipe that follows from `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let missing = |kind, reason: String| Err(Missing::new(kind, reason));
    let (name, version) = (&facts.id.name, &facts.version);
    let commands = match &facts.executables {
        Executables::Unknown(why) if why.starts_with(WITHDRAWN) => {
            let reasons = [why].into_iter().chain(&facts.notes).map(String::as_str);
            let reason = format!("{name}: {}", reasons.collect::<Vec<_>>().join("; "));
            return missing(FailureKind::PackageNotFound, reason);
        }
        Executables::Unknown(why) => {
            return missing(FailureKind::BinaryDiscoveryFailed, why.clone());
        }
        Executables::Known(names) => names,
    };
    if facts.kind == PackageKind::Library || commands.is_empty() {
        let reason = format!("{name} {version} has no main package for users");
        return missing(FailureKind::LibraryOnly, reason);
    }
    if facts.artifacts.is_empty() {
        return missing(FailureKind::BuildFromSource, facts.notes.join("; "));
    }
    let [command] = commands.as_slice() else {
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

/// What the command is called: an import path is no name, and its last element may be a version.
pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    match &facts.executables {
        Executables::Known(names) if names.len() == 1 => RecipeName::nearest(names[0].as_str()),
        Executables::Known(_) | Executables::Unknown(_) => {
            RecipeName::nearest(paths::command(facts.id.name.as_str()))
        }
    }
}

/// Where the newest version is asked for, if the package manager would ask for another module.
fn version_source(facts: &PackageFacts) -> Option<VersionSource> {
    let Parameter::Text(installed) = facts.install.parameters.get(MODULE)? else { return None };
    let module = facts.artifacts.first().and_then(|zip| module_of(&zip.url))?;
    let is_inferred = paths::inferred_module(installed) == module;
    (!is_inferred).then(|| VersionSource([(MODULE.to_owned(), module.into())].into()))
}

/// The module whose zip lies at `url`.
fn module_of(url: &str) -> Option<String> {
    let path = url.strip_prefix(crate::registry::ORIGIN)?.strip_prefix('/')?;
    let escaped = path.split_once("/@v/")?.0;
    let mut module = String::new();
    let mut is_capital = false;
    for c in escaped.chars() {
        if c == '!' {
            is_capital = true;
        } else {
            module.push(if is_capital { c.to_ascii_uppercase() } else { c });
            is_capital = false;
        }
    }
    Some(module)
}
