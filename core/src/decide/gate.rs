//! The gates: rules that can keep a working recipe from being merged.

use std::collections::BTreeSet;

use crate::{
    decide::{
        merge_policy::NetworkGate,
        recipe::allowed_cells,
        system::{is_basic_command, is_project_script, is_system_command},
    },
    model::{
        ActionShape, Cell, CommandName, Executables, FailureKind, KnownRecipes, PackageFacts,
        PackageName, Recipe, RecipeName,
    },
};

/// A gate refuses the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The failure to record.
    pub kind: FailureKind,
    /// Why, in one line.
    pub reason: String,
    /// The packages whose recipes are missing; empty unless the kind says so.
    pub blocked_by: Vec<PackageName>,
}

impl Refusal {
    fn new(kind: FailureKind, reason: String) -> Self {
        Self { kind, reason, blocked_by: vec![] }
    }
}

/// Refuses a `recipe` that is not the one of the file called `name`.
pub fn name(recipe: &Recipe, name: &RecipeName) -> Result<(), Refusal> {
    let own = &recipe.metadata.name;
    if own == name.as_str() {
        return Ok(());
    }
    let reason = format!("the file is called {name}, and the recipe in it {own:?}");
    Err(Refusal::new(FailureKind::SchemaInvalid, reason))
}

/// Refuses a `recipe` whose tool downloads something while it installs, unless `gate` allows that.
/// `actions` are the steps that only some recipes may use.
pub fn network(recipe: &Recipe, actions: &[ActionShape], gate: NetworkGate) -> Result<(), Refusal> {
    let needs_network =
        |name: &str| actions.iter().any(|action| action.name == name && action.needs_network);
    let found = recipe.steps.iter().find(|step| needs_network(&step.action));
    match (gate, found) {
        (NetworkGate::Allow, _) | (NetworkGate::Review, None) => Ok(()),
        (NetworkGate::Review, Some(step)) => {
            let reason = format!(
                "{} downloads while it installs, and [merge] network_gate asks for a review",
                step.action
            );
            Err(Refusal::new(FailureKind::NetworkRequired, reason))
        }
    }
}

/// Refuses a `recipe` with a dependency that has no recipe among `known`.
pub fn dependencies(recipe: &Recipe, known: &KnownRecipes) -> Result<(), Refusal> {
    let missing: BTreeSet<&str> =
        recipe.dependencies().filter(|dependency| !known.contains(dependency)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().copied().collect();
    let reason = format!("the recipe needs recipes that do not exist: {}", names.join(", "));
    let blocked_by = names.iter().filter_map(|name| name.parse().ok()).collect();
    Err(Refusal { kind: FailureKind::RecipeMissing, reason, blocked_by })
}

/// Refuses a `recipe` called `name` that says of a package that it satisfies it if another recipe of
/// `known` says the same.
pub fn satisfies(recipe: &Recipe, name: &RecipeName, known: &KnownRecipes) -> Result<(), Refusal> {
    let named = recipe.metadata.satisfies.iter().flat_map(|(ecosystem, packages)| {
        packages.iter().map(move |package| (ecosystem.as_str(), package.as_str()))
    });
    for (ecosystem, package) in named {
        if let Some(other) = known.satisfied_by(ecosystem, package).filter(|other| *other != name) {
            let reason = format!("recipe {other} satisfies {ecosystem}:{package} already");
            return Err(Refusal::new(FailureKind::RecipeExists, reason));
        }
    }
    Ok(())
}

/// Refuses a `recipe` that runs a command of its own: as a step, or in a table or list at any
/// depth of a step.
pub fn run_command(recipe: &Recipe) -> Result<(), Refusal> {
    let in_steps = recipe.steps.iter().any(|step| {
        step.action == RUN_COMMAND || step.params.iter().any(|(key, value)| mentions(key, value))
    });
    if !in_steps {
        return Ok(());
    }
    let reason = "the recipe runs a command of its own".to_owned();
    Err(Refusal::new(FailureKind::RunCommand, reason))
}

/// The step that runs a command.
const RUN_COMMAND: &str = "run_command";

/// Whether a table in `value`, which stands at `key`, names the step that runs a command, as a key or
/// as its action.
fn mentions(key: &str, value: &toml::Value) -> bool {
    let names = |key: &str, value: &toml::Value| {
        key == RUN_COMMAND || key == "action" && value.as_str() == Some(RUN_COMMAND)
    };
    names(key, value)
        || match value {
            toml::Value::Table(table) => table.iter().any(|(key, value)| mentions(key, value)),
            toml::Value::Array(items) => items.iter().any(|item| mentions("", item)),
            toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_) => false,
        }
}

/// Refuses a `recipe` that is not for `cell`, where it would be installed.
pub fn cell(recipe: &Recipe, cell: Cell) -> Result<(), Refusal> {
    if allowed_cells(&recipe.metadata).contains(&cell) {
        return Ok(());
    }
    let reason = format!("the recipe is not for {cell}, where it would be installed");
    Err(Refusal::new(FailureKind::NoBottle, reason))
}

/// Refuses a command of `facts` whose name scripts and people use for something else: a command of
/// the system, or a word that many projects use for a script of their own. Whoever installed the
/// recipe would run it without noticing, so a person has to look first.
///
/// If people review what the registry accepts (`is_reviewed`), a package may have the command that
/// has its own name, because nobody expects a different `wget` from it. It may also have commands
/// of the system that few scripts use: Python installs `python3`.
pub fn commands(facts: &PackageFacts, is_reviewed: bool) -> Result<(), Refusal> {
    let Executables::Known(commands) = &facts.executables else { return Ok(()) };
    let name = facts.id.name.as_str();
    // A version in the name is not a part of the command's name.
    let plain = name.split('@').next().unwrap_or(name);
    let is_unsafe = |command: &&CommandName| {
        let command = command.as_str();
        let is_taken = if is_reviewed {
            command != plain && is_basic_command(command)
        } else {
            is_system_command(command)
        };
        is_taken || is_project_script(command)
    };
    let found: Vec<&str> = commands.iter().filter(is_unsafe).map(CommandName::as_str).collect();
    if found.is_empty() {
        return Ok(());
    }
    let names = found.join(", ");
    let reason =
        format!("{name} would install {names} on PATH, where people expect another command");
    Err(Refusal::new(FailureKind::UnsafeName, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, RecipeStep};

    #[test]
    fn a_recipe_is_for_the_cells_that_its_constraints_permit() {
        let metadata = Metadata { supported_os: vec!["darwin".to_owned()], ..Metadata::default() };
        let recipe = Recipe { metadata, version: None, steps: vec![], verify: None };
        assert_eq!(cell(&recipe, Cell::DarwinArm), Ok(()));
        let refusal = cell(&recipe, Cell::LinuxGlibcX86).unwrap_err();
        assert_eq!(refusal.kind, FailureKind::NoBottle);
    }

    #[test]
    fn a_command_that_hides_a_well_known_one_needs_a_review() {
        let evaluate = |package: &str, names: &[&str], is_reviewed| {
            let id = format!("zoo:{package}").parse().unwrap();
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let facts = PackageFacts::of_commands(id, "1".to_owned(), "zoo_install", &names);
            commands(&facts, is_reviewed).map_err(|refusal| refusal.reason)
        };
        for name in ["sh", "env", "perl", "ls", "sudo"] {
            let reason =
                format!("lion would install {name} on PATH, where people expect another command");
            assert_eq!(evaluate("lion", &["roar", name], false), Err(reason.clone()));
            assert_eq!(evaluate("lion", &["roar", name], true), Err(reason));
            assert!(evaluate(name, &[name], false).is_err(), "anybody may publish {name}");
            assert_eq!(evaluate(name, &[name, "roar"], true), Ok(()));
        }
        for name in ["setup", "console"] {
            assert!(evaluate("lion", &["roar", name], false).is_err(), "{name}");
            assert!(evaluate(name, &[name], true).is_err(), "{name}");
        }
        assert_eq!(evaluate("m4@1", &["m4"], true), Ok(()), "a version is none of the command's");
        assert_eq!(evaluate("python@3", &["python3", "pip3"], true), Ok(()));
        assert!(evaluate("python", &["python3"], false).is_err());
        assert_eq!(evaluate("lion", &["roar", "lsx", "perlcritic"], false), Ok(()));
    }

    #[test]
    fn a_shell_command_anywhere_in_a_recipe_needs_a_review() {
        let step = |action: &str| RecipeStep { action: action.to_owned(), ..Default::default() };
        let recipe =
            |steps| Recipe { metadata: Metadata::default(), version: None, steps, verify: None };
        assert!(run_command(&recipe(vec![step("download"), step("extract")])).is_ok());
        let refusal = run_command(&recipe(vec![step("download"), step("run_command")]));
        assert_eq!(refusal.unwrap_err().kind, FailureKind::RunCommand);
    }
}
