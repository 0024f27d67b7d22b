//! `recipe check`: runs the strict reader on any recipe file, for contributors and for CI.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use batch_core::{
    decide::recipe,
    io::{FsState, StateError, StateErrorKind, read_within},
    model::{ActionShape, KnownRecipes},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, files::FileArgs};
use crate::cli::annotation::Annotation;
use crate::{bundled, env::Root, exit::Exit, stage::preflight};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    files: FileArgs,
    /// Remove redundant fields from the files before they are checked
    #[arg(long)]
    fix: bool,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let files = args.files.read(cx).await?;
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    let known = known(&files, cx)?;
    let mut report = CheckReport(vec![]);
    for path in &files {
        let file = path.display().to_string();
        let errors = match text(path) {
            Err(problem) => vec![problem],
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
    cx.out.annotate(report.annotations())?;
    let are_valid = report.0.iter().all(|recipe| recipe.valid);
    Ok(if are_valid { Exit::Ok } else { Exit::Unexpected })
}

/// The recipes that a dependency may name. `None` outside of a root, and in a root without recipes,
/// because then they are not known.
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

/// The largest recipe file in bytes that is read.
const MAX_RECIPE: u64 = 16 << 20;

/// The content of the file at `path`, which may be a link, or why it cannot be read.
pub(super) fn text(path: &Path) -> Result<String, RecipeProblem> {
    let other = "name a recipe file";
    let unreadable = RecipeProblem::unreadable;
    let file = fs::canonicalize(path).map_err(|error| unreadable(&error, other))?;
    let content = match read_within(&file, MAX_RECIPE) {
        Ok(Some(content)) => content,
        Ok(None) => return Err(unreadable(&"it was removed", other)),
        Err(StateError { kind: StateErrorKind::NotAFile { found }, .. }) => {
            return Err(unreadable(&format_args!("it is {found}"), other));
        }
        Err(StateError { kind: StateErrorKind::TooLarge { bytes, limit }, .. }) => {
            let why = format_args!("it has {bytes} bytes, and the limit is {limit}");
            return Err(unreadable(&why, other));
        }
        Err(StateError { kind: StateErrorKind::Denied, .. }) => {
            return Err(unreadable(&"permission denied", "give this user access to it"));
        }
        // The text of the others contains the remedy.
        Err(StateError { kind, .. }) => return Err(unreadable(&kind, "")),
    };
    String::from_utf8(content).map_err(|_| unreadable(&"it is not UTF-8", other))
}

#[expect(clippy::disallowed_methods, reason = "a file that a person names, no state")]
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

/// What `recipe check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(in crate::cli) struct CheckReport(Vec<CheckedRecipe>);

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
struct CheckedRecipe {
    /// The path as it was given.
    file: String,
    /// Whether the package manager accepts it.
    valid: bool,
    /// All problems, in the order of the lines.
    errors: Vec<RecipeProblem>,
}

/// One problem of a recipe.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RecipeProblem {
    /// The line, counted from 1; null for a field that does not exist.
    line: Option<usize>,
    /// The column in characters, counted from 1; null together with the line.
    column: Option<usize>,
    /// The path of the field, for example `steps[0].when.os`; empty for the whole file.
    field: String,
    /// What is wrong.
    message: String,
    /// What to do about it; empty when the message says it.
    fix: String,
}

impl RecipeProblem {
    fn unreadable(why: &dyn fmt::Display, fix: &str) -> Self {
        let (message, fix) = (format!("cannot be read: {why}"), fix.to_owned());
        Self { line: None, column: None, field: String::new(), message, fix }
    }
}

impl fmt::Display for RecipeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, message, fix, .. } = self;
        let field = if field.is_empty() { "the file" } else { field };
        let colon = if fix.is_empty() { "" } else { ": " };
        write!(f, "{field} {message}{colon}{fix}")
    }
}

impl From<recipe::Problem> for RecipeProblem {
    fn from(problem: recipe::Problem) -> Self {
        let recipe::Problem { line, column, field, message, fix, .. } = problem;
        Self { line, column, field, message, fix }
    }
}

impl CheckReport {
    fn annotations(&self) -> impl Iterator<Item = Annotation> {
        let problems =
            self.0.iter().flat_map(|recipe| recipe.errors.iter().map(|it| (&recipe.file, it)));
        problems.map(|(file, RecipeProblem { line, column, field, message, fix })| {
            let subject = if field.is_empty() { "the file" } else { field };
            let message = [message.as_str(), fix].join(": ");
            let message = message.trim_end_matches(": ");
            Annotation::error(subject, &format!("{subject} {message}")).at(file, *line, *column)
        })
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for CheckedRecipe { file, errors, .. } in &self.0 {
            for problem in errors {
                write!(f, "{file}")?;
                for number in [problem.line, problem.column].into_iter().flatten() {
                    write!(f, ":{number}")?;
                }
                writeln!(f, ": {problem}")?;
            }
        }
        let n_valid = self.0.iter().filter(|recipe| recipe.valid).count();
        writeln!(f, "{n_valid} of {} valid", self.0.len())
    }
}
