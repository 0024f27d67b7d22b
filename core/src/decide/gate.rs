//! The gates: rules that can keep a working recipe from being merged.

use crate::{
    decide::{
        recipe::allowed_cells,
        system::{is_basic_command, is_project_script, is_system_command},
    },
    model::{Cell, CommandName, Executables, FailureKind, PackageFacts, Recipe},
};

/// A gate refuses the recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The failure to record.
    pub kind: FailureKind,
    /// Why, in one line.
    pub reason: String,
}

/// Refuses a `recipe` that runs a command of its own.
pub fn run_command(recipe: &Recipe) -> Result<(), Refusal> {
    match recipe.steps.iter().find(|step| step.action == "run_command") {
        None => Ok(()),
        Some(_) => Err(Refusal {
            kind: FailureKind::RunCommand,
            reason: "the recipe runs a command of its own".to_owned(),
        }),
    }
}

/// Refuses a `recipe` that is not for `cell`, where it would be installed.
pub fn cell(recipe: &Recipe, cell: Cell) -> Result<(), Refusal> {
    if allowed_cells(&recipe.metadata).contains(&cell) {
        return Ok(());
    }
    let reason = format!("the recipe is not for {cell}, where it would be installed");
    Err(Refusal { kind: FailureKind::NoBottle, reason })
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
    Err(Refusal {
        kind: FailureKind::UnsafeName,
        reason: format!(
            "{name} would install {names} on PATH, where people expect another command"
        ),
    })
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
