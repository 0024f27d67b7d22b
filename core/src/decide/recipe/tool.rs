//! The recipe of most packages: one step, and one command that prints its version.

use super::constrain;
use crate::model::{
    Executables, FailureKind, Metadata, Missing, PackageFacts, Recipe, RecipeName, RecipeStep,
    UnknownCommands, Verify,
};

/// The recipe called `name` that installs a tool by the one step of `facts`, and verifies that its
/// first command prints the version. A library, and a package whose commands are unknown, have no
/// such recipe.
pub fn of_tool(facts: &PackageFacts, name: &RecipeName) -> Result<Recipe, Missing> {
    let package = &facts.id.name;
    let missing =
        |kind, what: &str| Err(Missing::new(kind, format!("{package} {}: {what}", facts.version)));
    let commands = match &facts.executables {
        Executables::Unknown(UnknownCommands { kind, reason, .. }) => {
            return missing(*kind, reason);
        }
        Executables::Known(names) => names,
    };
    let Some(first) = commands.first() else {
        return missing(FailureKind::LibraryOnly, "it has no command");
    };
    let otherwise = format!("{package} from {}", facts.id.ecosystem);
    Ok(of_step(facts, name, otherwise, Verify::of_version(first.as_str())))
}

/// The recipe called `name` that installs by the one step of `facts` and is verified by `verify`.
/// Recipes must have a description; a package without one gets the description `otherwise`.
pub fn of_step(
    facts: &PackageFacts,
    name: &RecipeName,
    otherwise: String,
    verify: Verify,
) -> Recipe {
    let said = Some(facts.description.clone()).filter(|said| !said.is_empty());
    let mut metadata = Metadata {
        name: name.to_string(),
        description: said.unwrap_or(otherwise),
        homepage: facts.homepage.clone().unwrap_or_default(),
        // The value that the package manager uses for recipes that no language model has checked.
        llm_validation: "skipped".to_owned(),
        ..Metadata::default()
    };
    constrain(&mut metadata, &facts.platforms);
    let steps = vec![RecipeStep::from(&facts.install)];
    Recipe { metadata, version: None, steps, verify: Some(verify) }
}

/// `recipe` with all commands of `facts` in `metadata.binaries`. It is needed if the step by itself
/// exposes only a command that has the name of the recipe, because the package manager exposes
/// everything in that list. The step must install the commands into the folder `bin`.
pub fn with_binaries(mut recipe: Recipe, facts: &PackageFacts) -> Recipe {
    if let Executables::Known(names) = &facts.executables {
        recipe.metadata.binaries = names.iter().map(|name| format!("bin/{name}")).collect();
    }
    recipe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decide::recipe::parse,
        model::{ActionShape, Cell, PackageId},
    };

    const STEP: ActionShape = ActionShape::of_commands("zoo_install");

    fn facts(commands: &[&str]) -> PackageFacts {
        let id = PackageId { ecosystem: "zoo".parse().unwrap(), name: "lion".parse().unwrap() };
        let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
        PackageFacts::of_commands(id, "1.0".to_owned(), STEP.name, &commands)
    }

    fn built(facts: &PackageFacts) -> Result<Recipe, Missing> {
        of_tool(facts, &RecipeName::nearest(facts.id.name.as_str()))
    }

    #[test]
    fn the_strict_reader_accepts_it_and_the_first_command_is_verified() {
        let facts =
            PackageFacts { platforms: vec![Cell::LinuxGlibcX86], ..facts(&["roar", "purr"]) };
        let recipe = built(&facts).unwrap();
        assert_eq!(parse(&recipe.to_toml(), &[STEP]).unwrap(), recipe);
        assert_eq!(recipe.verify.unwrap().command, "roar --version");
        assert_eq!(recipe.metadata.description, "lion from zoo");
        assert_eq!(recipe.metadata.supported_os, ["linux"]);
    }

    #[test]
    fn all_commands_are_named_as_binaries_where_the_step_does_not_expose_them() {
        let facts = facts(&["roar", "purr"]);
        let recipe = with_binaries(built(&facts).unwrap(), &facts);
        assert_eq!(recipe.metadata.binaries, ["bin/roar", "bin/purr"]);
        assert_eq!(parse(&recipe.to_toml(), &[STEP]).unwrap(), recipe);
    }

    #[test]
    fn a_library_and_unknown_commands_state_why_there_is_no_recipe() {
        let kind = |facts: &PackageFacts| built(facts).map_err(|missing| missing.kind);
        assert_eq!(kind(&facts(&[])), Err(FailureKind::LibraryOnly));
        assert_eq!(kind(&facts(&["../x"])), Err(FailureKind::UnsafeName));
        let why = built(&facts(&["../x"])).unwrap_err().reason;
        assert!(why.starts_with("lion 1.0: invalid command name"), "{why}");
    }
}
