//! The strict reader against every recipe of the registry that it was made for. Reported as
//! ignored where that registry is not at hand.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use batch_core::{decide::recipe, model::ActionShape};
use libtest_mimic::{Arguments, Failed, Trial};

const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/tsuku/recipes");

/// The steps of single ecosystems, which their plugins state.
const OWN: &[ActionShape] = &[
    ActionShape { name: "app_bundle", required: &["url", "checksum", "app_name"] },
    ActionShape { name: "cargo_install", required: &["crate", "executables"] },
    ActionShape { name: "cpan_install", required: &["distribution", "executables"] },
    ActionShape { name: "gem_install", required: &["gem", "executables"] },
    ActionShape { name: "go_install", required: &["module", "executables"] },
    ActionShape { name: "homebrew", required: &["formula"] },
    ActionShape { name: "npm_install", required: &["package", "executables"] },
    ActionShape { name: "pipx_install", required: &["package", "executables"] },
];

fn main() -> ExitCode {
    let is_absent = !Path::new(RECIPES).is_dir();
    let trial = |name: &'static str, check: fn(&Path) -> Result<(), String>| {
        Trial::test(name, move || check_all(check)).with_ignored_flag(is_absent)
    };
    let trials = vec![
        trial("every_recipe_of_the_registry_is_accepted", is_accepted),
        trial("every_recipe_of_the_registry_survives_being_written", survives_being_written),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check_all(check: fn(&Path) -> Result<(), String>) -> Result<(), Failed> {
    let mut recipes = vec![];
    find(Path::new(RECIPES), &mut recipes)?;
    if recipes.len() < 1_000 {
        return Err(format!("only {} recipes in the corpus", recipes.len()).into());
    }
    let faults: Vec<String> = recipes.iter().filter_map(|path| check(path).err()).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

fn find(folder: &Path, recipes: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, recipes)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            recipes.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn is_accepted(path: &Path) -> Result<(), String> {
    let explain = |error: recipe::RecipeError| {
        let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
        format!("{}: {}", path.display(), problems.join("; "))
    };
    recipe::parse(&read(path)?, OWN).map(drop).map_err(explain)
}

fn survives_being_written(path: &Path) -> Result<(), String> {
    let Ok(first) = recipe::parse(&read(path)?, OWN) else { return Ok(()) };
    let written = first.to_toml();
    let second =
        recipe::parse(&written, OWN).map_err(|error| format!("{}: {error}", path.display()))?;
    if first == second && second.to_toml() == written {
        return Ok(());
    }
    Err(format!("{} says something else when it is written", path.display()))
}
