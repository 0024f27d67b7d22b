//! The strict reader accepts every recipe of the registry that it was made for. The test is
//! reported as ignored if that registry is not on this machine.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use batch_core::{
    decide::recipe,
    model::{ActionShape, Os, Versions},
};
use libtest_mimic::{Arguments, Failed, Trial};

const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/tsuku/recipes");

/// The steps of single ecosystems, which their plugins declare.
const OWN: &[ActionShape] = &[
    ActionShape::new("app_bundle", &["url", "checksum", "app_name"])
        .versioned(Versions::Named("cask"))
        .only_on(Os::Darwin),
    ActionShape::new("cargo_install", &["crate", "executables"])
        .versioned(Versions::Inferred("crates_io")),
    ActionShape::new("cpan_install", &["distribution", "executables"])
        .versioned(Versions::Inferred("metacpan")),
    ActionShape::new("gem_install", &["gem", "executables"])
        .versioned(Versions::Inferred("rubygems")),
    ActionShape::new("go_install", &["module", "executables"])
        .versioned(Versions::Inferred("goproxy")),
    ActionShape::new("homebrew", &["formula"]).versioned(Versions::Inferred("homebrew")),
    ActionShape::new("npm_install", &["package", "executables"])
        .versioned(Versions::Inferred("npm")),
    ActionShape::new("pipx_install", &["package", "executables"])
        .versioned(Versions::Inferred("pypi")),
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
    let text = read(path)?;
    recipe::read(&text, OWN).map_err(explain)?;
    recipe::parse(&text, OWN).map(drop).map_err(explain)
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
