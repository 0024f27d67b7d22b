//! `recipe check`: the strict reader on any file, for contributors and for CI.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use batch_core::{
    decide::recipe,
    io::{FsState, StateError, StateErrorKind},
    model::{ActionShape, KnownRecipes},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::{bundled, env::Root, exit::Exit, stage::preflight};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Say everything that the package manager would refuse in recipes; ends with 1 if there is any
    ///
    /// Dependencies are looked for among the recipes of the root, where it has any, and among those
    /// that are checked.
    Check(Args),
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Recipes: TOML files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Remove what is redundant from the files before they are checked
    #[arg(long)]
    fix: bool,
}

pub(super) fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    match command {
        Command::Check(args) => check(args, cx),
    }
}

fn check(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    let known = known(&args.files, cx)?;
    let mut report = CheckReport(vec![]);
    for path in &args.files {
        let file = path.display().to_string();
        let errors = match text(path) {
            Err(why) => vec![RecipeProblem::of_file(why)],
            Ok(text) => {
                let fixed = args.fix.then(|| recipe::without_redundant(&text, &actions)).flatten();
                if let Some(fixed) = &fixed {
                    write(path, fixed).with_context(|| format!("cannot write {file}"))?;
                }
                let text = fixed.unwrap_or(text);
                let problems = recipe::check(&text, &actions, known.as_ref());
                problems.into_iter().map(RecipeProblem::from).collect()
            }
        };
        report.0.push(CheckedRecipe { file, valid: errors.is_empty(), errors });
    }
    cx.out.show(&report)?;
    let are_valid = report.0.iter().all(|recipe| recipe.valid);
    Ok(if are_valid { Exit::Ok } else { Exit::Unexpected })
}

/// The recipes that a dependency may name; `None` outside of a root and in one without recipes:
/// then nobody can say.
fn known(files: &[PathBuf], cx: &Context) -> anyhow::Result<Option<KnownRecipes>> {
    let root = match FsState::open(&cx.root) {
        Ok(state) => Root::of(state)?,
        Err(StateError { kind: StateErrorKind::NotRoot, .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    let mut known =
        preflight::recipes(&actions, &root.settings.bundled_recipes, &root.state)?.known;
    if known.is_empty() {
        return Ok(None);
    }
    known.extend(&bundled::recipes());
    for name in files.iter().filter_map(|path| path.file_stem()?.to_str()?.parse().ok()) {
        known.add_named(&name, &BTreeMap::new());
    }
    Ok(Some(known))
}

/// What stands in the file at `path`, or why that cannot be told.
#[expect(clippy::disallowed_methods, reason = "a file that a person names, no state")]
fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "a file that a person names, no state")]
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

/// What `recipe check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct CheckReport(Vec<CheckedRecipe>);

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
struct CheckedRecipe {
    /// As it was named.
    file: String,
    /// Whether the package manager takes it.
    valid: bool,
    /// Everything that is wrong, in the order of the lines.
    errors: Vec<RecipeProblem>,
}

/// One thing that is wrong with a recipe.
#[derive(Debug, Serialize, JsonSchema)]
struct RecipeProblem {
    /// Where it stands, counted from 1; null for what is not there.
    line: Option<usize>,
    /// In characters, counted from 1; null with the line.
    column: Option<usize>,
    /// Path of the field, such as `steps[0].when.os`; empty for the file as a whole.
    field: String,
    /// What is wrong.
    message: String,
    /// What to do about it.
    fix: String,
}

impl RecipeProblem {
    fn of_file(message: String) -> Self {
        let fix = "name a file that is a recipe".to_owned();
        Self { line: None, column: None, field: String::new(), message, fix }
    }
}

impl From<recipe::Problem> for RecipeProblem {
    fn from(problem: recipe::Problem) -> Self {
        let recipe::Problem { line, column, field, message, fix, .. } = problem;
        Self { line, column, field, message, fix }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CheckedRecipe { file, errors, .. } in &self.0 {
            for RecipeProblem { line, column, field, message, fix } in errors {
                write!(f, "{file}")?;
                for number in [line, column].into_iter().flatten() {
                    write!(f, ":{number}")?;
                }
                let field = if field.is_empty() { "the file" } else { field };
                writeln!(f, ": {field} {message}: {fix}")?;
            }
        }
        let n_valid = self.0.iter().filter(|recipe| recipe.valid).count();
        writeln!(f, "{n_valid} of {} valid", self.0.len())
    }
}
