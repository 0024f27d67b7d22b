//! What keeps a recipe that works from being merged.

use crate::{
    decide::{
        recipe::allowed_cells,
        system::{is_basic_command, is_project_script, is_system_command},
    },
    model::{Cell, CommandName, Executables, FailureKind, PackageFacts, Recipe},
};

/// A gate that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The failure to record.
    pub kind: FailureKind,
    /// Why, in one line.
    pub reason: String,
}

/// Whether `recipe` runs a command of its own.
pub fn run_command(recipe: &Recipe) -> Result<(), Refusal> {
    match recipe.steps.iter().find(|step| step.action == "run_command") {
        None => Ok(()),
        Some(_) => Err(Refusal {
            kind: FailureKind::RunCommand,
            reason: "the recipe runs a command of its own".to_owned(),
        }),
    }
}

/// Whether `recipe` is for `cell`, where it would be installed.
pub fn cell(recipe: &Recipe, cell: Cell) -> Result<(), Refusal> {
    if allowed_cells(&recipe.metadata).contains(&cell) {
        return Ok(());
    }
    let reason = format!("the recipe is not for {cell}, where it would be installed");
    Err(Refusal { kind: FailureKind::NoBottle, reason })
}

/// Whether a command of `facts` has a name by which scripts and people call something else: a
/// command of the system, or what many projects call a script of their own. Whoever installed the
/// recipe would run it unawares, so a person looks first.
///
/// Where people review what the registry takes in (`is_reviewed`), a package may have the command
/// that it is called by, for nobody expects another `wget` of it, and commands of the system that
/// not every script uses: `python3` is brought by Python.
pub fn commands(facts: &PackageFacts, is_reviewed: bool) -> Result<(), Refusal> {
    let Executables::Known(commands) = &facts.executables else { return Ok(()) };
    let name = facts.id.name.as_str();
    // A version in the name is none of the command's.
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
        reason: format!("{name} would put {names} on PATH, where people expect another command"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metadata, RecipeStep};

    #[test]
    fn a_recipe_is_for_the_cells_that_its_constraints_leave() {
        let metadata = Metadata { supported_os: vec!["darwin".to_owned()], ..Metadata::default() };
        let recipe = Recipe { metadata, version: None, steps: vec![], verify: None };
        assert_eq!(cell(&recipe, Cell::DarwinArm), Ok(()));
        let refusal = cell(&recipe, Cell::LinuxGlibcX86).unwrap_err();
        assert_eq!(refusal.kind, FailureKind::NoBottle);
    }

    #[test]
    fn a_command_that_people_take_for_another_wants_a_person() {
        let judge = |package: &str, names: &[&str], is_reviewed| {
            let id = format!("zoo:{package}").parse().unwrap();
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let facts = PackageFacts::of_commands(id, "1".to_owned(), "zoo_install", &names);
            commands(&facts, is_reviewed).map_err(|refusal| refusal.reason)
        };
        for name in ["sh", "env", "perl", "ls", "sudo"] {
            let reason =
                format!("lion would put {name} on PATH, where people expect another command");
            assert_eq!(judge("lion", &["roar", name], false), Err(reason.clone()));
            assert_eq!(judge("lion", &["roar", name], true), Err(reason));
            assert!(judge(name, &[name], false).is_err(), "anybody may publish {name}");
            assert_eq!(judge(name, &[name, "roar"], true), Ok(()));
        }
        for name in ["setup", "console"] {
            assert!(judge("lion", &["roar", name], false).is_err(), "{name}");
            assert!(judge(name, &[name], true).is_err(), "{name}");
        }
        assert_eq!(judge("m4@1", &["m4"], true), Ok(()), "a version is none of the command's");
        assert_eq!(judge("python@3", &["python3", "pip3"], true), Ok(()));
        assert!(judge("python", &["python3"], false).is_err());
        assert_eq!(judge("lion", &["roar", "lsx", "perlcritic"], false), Ok(()));
    }

    #[test]
    fn a_command_of_its_own_anywhere_in_a_recipe_wants_a_person() {
        let step = |action: &str| RecipeStep { action: action.to_owned(), ..Default::default() };
        let recipe =
            |steps| Recipe { metadata: Metadata::default(), version: None, steps, verify: None };
        assert!(run_command(&recipe(vec![step("download"), step("extract")])).is_ok());
        let refusal = run_command(&recipe(vec![step("download"), step("run_command")]));
        assert_eq!(refusal.unwrap_err().kind, FailureKind::RunCommand);
    }
}
