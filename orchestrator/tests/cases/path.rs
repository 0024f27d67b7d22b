//! Which commands of a recipe are on `PATH`, by the rules of the package manager.

use std::{collections::BTreeSet, fs, path::Path};

use batch_core::{decide::recipe, model::Recipe};
use libtest_mimic::{Failed, Trial};
use orchestrator::plugins;

/// How an action puts commands on `PATH`.
#[derive(Clone, Copy, PartialEq)]
enum Exposes {
    /// It puts none there; another step does.
    Nothing,
    /// All commands in the list with this key.
    All(&'static str),
    /// Only a command with the recipe's name; others must be listed in `metadata.binaries`.
    NamedLikeRecipe(&'static str),
}

/// The table in docs/recipes.md.
const ACTIONS: &[(&str, Exposes)] = &[
    ("app_bundle", Exposes::All("binaries")),
    ("cargo_install", Exposes::All("executables")),
    ("cpan_install", Exposes::NamedLikeRecipe("executables")),
    ("gem_install", Exposes::All("executables")),
    ("go_install", Exposes::NamedLikeRecipe("executables")),
    ("homebrew", Exposes::Nothing),
    ("install_binaries", Exposes::All("binaries")),
    ("npm_install", Exposes::All("executables")),
    ("pipx_install", Exposes::NamedLikeRecipe("executables")),
];

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recipes.md");
const ECOSYSTEMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecosystems");

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("every_command_of_every_fixture_reaches_path", fixtures),
        Trial::test("the_table_of_actions_is_the_documented_one", documented),
        Trial::test("a_command_that_does_not_reach_path_is_noticed", noticed),
    ]
}

/// Reads the recipe `text`.
pub(crate) fn read(text: &str) -> Recipe {
    let actions: Vec<_> = plugins::registry().unwrap().recipe_actions().collect();
    recipe::parse(text, &actions).unwrap()
}

/// A sentence that names the commands of `recipe` that are not on `PATH`; `None` if there are none.
pub(crate) fn missing(recipe: &Recipe) -> Option<String> {
    let file_name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut promised = BTreeSet::new();
    let mut exposed: BTreeSet<String> =
        recipe.metadata.binaries.iter().map(|path| file_name(path)).collect();
    for step in &recipe.steps {
        let Some((_, how)) = ACTIONS.iter().find(|(action, _)| *action == step.action) else {
            continue;
        };
        let (Exposes::All(key) | Exposes::NamedLikeRecipe(key)) = how else { continue };
        let names = step.params.get(*key).and_then(|value| value.as_array()).into_iter().flatten();
        let names: BTreeSet<String> =
            names.filter_map(|it| Some(file_name(it.as_str()?))).collect();
        if matches!(how, Exposes::All(_)) {
            exposed.extend(names.iter().cloned());
        } else if recipe.metadata.binaries.is_empty() {
            exposed.insert(recipe.metadata.name.clone());
        }
        promised.extend(names);
    }
    let missing: Vec<String> = promised.difference(&exposed).cloned().collect();
    (!missing.is_empty()).then(|| format!("{} never reach PATH", missing.join(", ")))
}

/// The recipes that plugins make from their fixtures.
fn fixtures() -> Result<(), Failed> {
    let (mut n_recipes, mut wrong) = (0, vec![]);
    for ecosystem in fs::read_dir(ECOSYSTEMS)? {
        let Ok(cases) = fs::read_dir(ecosystem?.path().join("fixtures")) else { continue };
        for case in cases {
            let file = case?.path().join("recipe.toml");
            let Ok(text) = fs::read_to_string(&file) else { continue };
            n_recipes += 1;
            let recipe = read(&text);
            let is_known = |action: &str| {
                recipe::is_generic_step(action) || ACTIONS.iter().any(|(known, _)| *known == action)
            };
            let unknown = recipe.steps.iter().find(|step| !is_known(&step.action));
            let unknown = unknown.map(|step| {
                format!("nobody says how {} puts commands on PATH: complete the table", step.action)
            });
            wrong.extend(
                unknown.or(missing(&recipe)).map(|why| format!("{}: {why}", file.display())),
            );
        }
    }
    if 8 <= n_recipes && wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{n_recipes} recipes; {}", wrong.join("\n")).into())
    }
}

fn documented() -> Result<(), Failed> {
    let document = fs::read_to_string(Path::new(DOCUMENT))?;
    let row = |&(action, how): &(&str, Exposes)| match how {
        Exposes::Nothing => format!("| `{action}` | nowhere | none"),
        Exposes::All(key) => format!("| `{action}` | `{key}` | all"),
        Exposes::NamedLikeRecipe(key) => format!("| `{action}` | `{key}` | only one"),
    };
    match ACTIONS.iter().map(row).find(|row| !document.contains(row)) {
        Some(row) => Err(format!("{row:?} is not in {DOCUMENT}").into()),
        None => Ok(()),
    }
}

fn noticed() -> Result<(), Failed> {
    let summary = |binaries: &str, action: &str, key: &str| {
        let package = if action == "cpan_install" { "distribution" } else { "package" };
        missing(&read(&format!(
            "[metadata]\nname = \"x\"\ndescription = \"d\"\n{binaries}\n[[steps]]\naction = \"{action}\"\n\
             {package} = \"x\"\n{key} = [\"x\", \"y\"]\n[verify]\ncommand = \"x --version\"\n\
             pattern = \"{{version}}\"\n"
        )))
    };
    for action in ["pipx_install", "cpan_install"] {
        let without = summary("", action, "executables");
        if without.as_deref() != Some("y never reach PATH") {
            return Err(format!("{action}: {without:?}").into());
        }
        let partly = summary("binaries = [\"bin/y\"]", action, "executables");
        if partly.as_deref() != Some("x never reach PATH") {
            return Err(format!("{action}: {partly:?}").into());
        }
        if let Some(wrong) = summary("binaries = [\"bin/x\", \"bin/y\"]", action, "executables") {
            return Err(format!("{action}: {wrong}").into());
        }
    }
    summary("", "npm_install", "executables").map_or(Ok(()), |wrong| Err(wrong.into()))
}
