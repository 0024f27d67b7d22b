//! Compares the strict reader with the verdicts of the package manager's own `validate --strict`.
//! Reported as ignored if the recipes are missing.

#![expect(clippy::disallowed_methods, reason = "a test that reads files beside the checkout")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use batch_core::{
    decide::recipe,
    model::{ActionShape, KnownRecipes},
};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases/recipes");
const REGISTRY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/tsuku/recipes");
/// The recipes of the package manager's registry that existed when the verdicts were made, as far
/// as these recipes need them.
const EXISTING: &[&str] = &["openssl", "wget"];
/// With fewer recipes, the folder is the wrong one.
const FEWEST: usize = 100;

/// Recipes that the package manager accepts and the reader refuses, with the reason.
const STRICTER: &[(&str, &str)] = &[
    ("executables-slash.toml", "a path with .. leads out of the installation"),
    ("install-binaries-dotdot.toml", "a path with .. leads out of the installation"),
];

fn main() -> ExitCode {
    let is_absent = !Path::new(RECIPES).is_dir();
    let is_without_registry = !Path::new(REGISTRY).is_dir();
    let trials = vec![
        Trial::test("every_recipe_of_the_registry_is_taken_with_its_dependencies", all_are_taken)
            .with_ignored_flag(is_without_registry),
        Trial::test("the_command_prints_what_is_wrong_and_ends_with_one", command),
        Trial::test("the_command_removes_what_is_redundant_and_nothing_else", fixing),
        Trial::test("the_reader_and_the_package_manager_agree", agree).with_ignored_flag(is_absent),
        Trial::test("every_problem_says_where_it_is_and_what_to_write", are_told)
            .with_ignored_flag(is_absent),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Every recipe with the reader's verdict.
fn judged() -> Result<BTreeMap<String, Vec<recipe::Problem>>, Failed> {
    let registry = orchestrator::plugins::registry()?;
    let actions: Vec<ActionShape> = registry.recipe_actions().collect();
    let mut known = KnownRecipes::default();
    for name in EXISTING {
        known.add_named(&name.parse()?, &BTreeMap::new());
    }
    let mut judged = BTreeMap::new();
    for entry in fs::read_dir(RECIPES)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)?;
            judged.insert(name, recipe::check(&text, &actions, Some(&known)));
        }
    }
    Ok(judged)
}

fn agree() -> Result<(), Failed> {
    let verdicts = fs::read_to_string(Path::new(RECIPES).join("verdicts.tsv"))?;
    let mut judged = judged()?;
    let mut wrong = vec![];
    let (mut n_tried, mut n_stricter) = (0, 0);
    for line in verdicts.lines() {
        let mut columns = line.split('\t');
        let (Some(name), Some(verdict)) = (columns.next(), columns.next()) else { continue };
        let problems = judged.remove(name).ok_or_else(|| format!("{name} is not there"))?;
        n_tried += 1;
        let is_stricter = STRICTER.iter().any(|(stricter, _)| *stricter == name);
        n_stricter += usize::from(is_stricter);
        if problems.is_empty() != (verdict == "valid" && !is_stricter) {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            wrong.push(format!("{name} is {verdict}, and the reader says {told:?}"));
        }
    }
    if n_tried < FEWEST || n_stricter != STRICTER.len() || !judged.is_empty() {
        return Err(format!("{n_tried} verdicts, {n_stricter} stricter, left {judged:?}").into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn all_are_taken() -> Result<(), Failed> {
    let registry = orchestrator::plugins::registry()?;
    let actions: Vec<ActionShape> = registry.recipe_actions().collect();
    let mut paths = vec![];
    for folder in fs::read_dir(REGISTRY)? {
        let folder = folder?.path();
        if folder.is_dir() {
            let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
            paths.extend(entries.into_iter().map(|entry| entry.path()));
        }
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut known = orchestrator::bundled::recipes();
    for path in &paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().parse()?;
        known.add_named(&name, &BTreeMap::new());
    }
    let mut wrong = vec![];
    for path in &paths {
        for problem in recipe::check(&fs::read_to_string(path)?, &actions, Some(&known)) {
            wrong.push(format!("{}: {problem}", path.display()));
        }
    }
    if paths.len() < 1_000 {
        return Err(format!("only {} recipes", paths.len()).into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn are_told() -> Result<(), Failed> {
    let mut odd = vec![];
    for (name, problems) in judged()? {
        for problem in problems {
            let is_placed = problem.line.is_some() == problem.column.is_some();
            if problem.fix.is_empty() || problem.message.is_empty() || !is_placed {
                odd.push(format!("{name}: {problem:?}"));
            }
        }
    }
    if odd.is_empty() { Ok(()) } else { Err(odd.join("\n").into()) }
}

const VALID: &str = "# about x\n[metadata]\nname = \"x\"\ndescription = \"Does it\"\n\n\
    [[steps]]\naction = \"npm_install\"\npackage = \"x\"\nexecutables = [\"x\"]\n\n\
    [verify]\ncommand = \"x --version\"\npattern = \"{version}\"\n";

/// The output of `recipe check --json` for a file with `text`, the exit code, and the file
/// afterwards.
fn checked(text: &str, more: &[&str]) -> Result<(Value, Option<i32>, String), Failed> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("x.toml");
    fs::write(&path, text)?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    program.current_dir(dir.path()).args(["recipe", "check", "x.toml", "--json"]).args(more);
    let output = program.output()?;
    let report = serde_json::from_slice(&output.stdout)?;
    Ok((report, output.status.code(), fs::read_to_string(&path)?))
}

fn command() -> Result<(), Failed> {
    assert_eq!(
        checked(VALID, &[])?,
        (json!([{ "file": "x.toml", "valid": true, "errors": [] }]), Some(0), VALID.to_owned())
    );
    let wrong = VALID.replace("\"x\"\ndesc", "\"X\"\ndesc").replace("npm_install", "npm_instal");
    let (report, code, _) = checked(&wrong, &[])?;
    assert_eq!(code, Some(1));
    let errors = report[0]["errors"].as_array().ok_or("no errors")?;
    let told: Vec<(&Value, &Value, &Value, &Value)> = errors
        .iter()
        .map(|error| (&error["line"], &error["column"], &error["field"], &error["fix"]))
        .collect();
    let expected = [
        (&json!(3), &json!(1), &json!("metadata.name"), &json!("write \"x\"")),
        (&json!(7), &json!(1), &json!("steps[0].action"), &json!("write \"npm_install\"")),
    ];
    assert_eq!(told, expected);
    let schema =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../data/schemas/output-recipe-check.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(schema)?)?;
    let validator = jsonschema::validator_for(&schema)?;
    assert!(validator.is_valid(&report), "{report:#}");
    // A missing file is reported like an invalid recipe.
    let (report, code, _) = checked(VALID, &["missing.toml"])?;
    assert_eq!(
        (code, &report[0]["valid"], &report[1]["valid"]),
        (Some(1), &json!(true), &json!(false))
    );
    Ok(())
}

fn fixing() -> Result<(), Failed> {
    let redundant = VALID
        .replace("\"Does it\"\n", "\"Does it\"\nruntime_dependencies = [\"nodejs\"]\n")
        .replace("[[steps]]", "[version]\nsource = \"npm\"\n\n[[steps]]");
    let (report, code, text) = checked(&redundant, &[])?;
    assert_eq!((code, report[0]["errors"].as_array().map(Vec::len)), (Some(1), Some(2)));
    assert_eq!(text, redundant, "only asked");
    let (_, code, text) = checked(&redundant, &["--fix"])?;
    assert_eq!((code, &*text), (Some(0), VALID));
    Ok(())
}
