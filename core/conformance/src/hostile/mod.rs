//! A registry that is broken, overloaded, replaced or malicious: a fixture that ends in a recipe,
//! with one thing wrong at a time. Each must end as its row says, and soon.

mod archives;
mod deep;
mod http;
mod json;
mod shared;
mod versions;

use std::time::Duration;

use super::{
    Harness, Outcome,
    fixture::{Case, ExpectedOutcome},
    guesses::only_command,
    harness::{End, Run, Subject},
    installer::obeyed,
    network::{NOTHING, ScriptedAnswer},
    recipes::{golden, listed},
};
use batch_core::{
    decide::recipe,
    model::{FailureKind, Recipe},
};

pub(super) use archives::archives_are_survived;
pub(super) use deep::nesting_is_survived;
pub(super) use http::answers_are_survived;
pub(super) use json::shapes_are_survived;
pub(super) use shared::{absences_are_told, shared};
pub(super) use versions::versions_are_survived;

/// How many cases there are.
pub(super) const N_ROWS: usize = archives::n_rows() + http::n_rows() + json::n_rows();

/// In virtual time: pauses of a host and tries included.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);
/// What a plugin may let a server send for one package.
const MAX_BYTES: usize = 300 << 20;

/// What may come of a case.
pub(super) enum Allowed {
    /// Exactly these kinds.
    Kinds(&'static [FailureKind]),
    /// The recipe of the fixture all the same, or these kinds.
    OrRecipe(&'static [FailureKind]),
    /// Anything that is a fact about the package or the answer.
    Anything,
    /// The same, but no recipe with a command that nobody said.
    Stated,
}

/// What says nothing, or blames machines and tools for what a registry said.
fn is_evasive(kind: FailureKind) -> bool {
    matches!(kind.row().category, "unknown" | "infrastructure" | "validation_failed")
}

/// A case that must be survived, and what came of it.
pub(super) struct HostileCase<'a> {
    pub(super) subject: &'a Subject,
    pub(super) case: &'a Case,
    pub(super) what: String,
    pub(super) allowed: &'a Allowed,
}

impl HostileCase<'_> {
    pub(super) fn ask(&self, scripted: Vec<ScriptedAnswer>) -> Option<String> {
        let texts: Vec<String> = scripted
            .iter()
            .map(|it| String::from_utf8_lossy(&it.answer.body).into_owned())
            .collect();
        let run = self.subject.ask(self.case.asked(), scripted, NOTHING);
        let what = &self.what;
        let problem = |why: String| Some(format!("{what}: {why}"));
        let fits = match (&run.end, self.allowed) {
            (End::GuardError(stuck), _) => return problem(stuck.to_string()),
            (End::Failure(kind), Allowed::Kinds(kinds) | Allowed::OrRecipe(kinds)) => {
                kinds.contains(kind)
            }
            (End::Failure(kind), Allowed::Anything | Allowed::Stated) => !is_evasive(*kind),
            (End::Recipe, Allowed::OrRecipe(_)) => is_golden(self.case, &run),
            (End::Recipe, Allowed::Kinds(_))
            | (End::Absent, Allowed::Kinds(_) | Allowed::OrRecipe(_)) => false,
            (End::Recipe | End::Absent, Allowed::Anything | Allowed::Stated) => true,
        };
        if !fits {
            let said = if run.said.is_empty() { String::new() } else { format!(" ({})", run.said) };
            return problem(format!("it ends in {}{said}; {}", run.end, self.advice()));
        }
        if let Some(recipe) = &run.recipe
            && let Err(error) = recipe::parse(&recipe.to_toml(), self.subject.plugin.recipe_actions)
        {
            return problem(format!("the recipe is refused: {error}"));
        }
        if let Some(why) = obeyed(self.subject, &run) {
            return problem(why);
        }
        if matches!(self.allowed, Allowed::Stated)
            && let Some(guess) = self.guess(&run, &texts)
        {
            return problem(format!(
                "it ends in a recipe with the command {guess:?}, which nobody said; say Unknown"
            ));
        }
        let n_bytes: usize = run.sent.values().sum();
        if LONGEST < run.took || MAX_BYTES < n_bytes {
            let secs = run.took.as_secs();
            return problem(format!(
                "it took {secs} s and {n_bytes} bytes; set Request::max_bytes"
            ));
        }
        None
    }

    /// A command that is neither one of the fixture's recipe nor in the answers. That the package
    /// is called so says nothing.
    fn guess(&self, run: &Run, texts: &[String]) -> Option<String> {
        let listed = run.recipe.as_ref().map(listed).unwrap_or_default();
        let package = run.facts.as_ref().map_or("", |facts| facts.id.name.as_str());
        let is_name = |name: &str| package.rsplit('/').next() == Some(name);
        let is_said = |name: &str| {
            let is_in_answers = texts.iter().any(|text| text.contains(name));
            !is_name(name) && (is_in_answers || self.case.archives_mention(name))
        };
        let golden = golden(self.case);
        listed.into_iter().find(|name| !is_said(name) && !golden.contains(name))
    }

    fn advice(&self) -> String {
        let words = |kinds: &[FailureKind]| {
            kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        };
        match self.allowed {
            Allowed::Kinds(kinds) => format!("it must be {}", words(kinds)),
            Allowed::OrRecipe([]) => "it must be the same recipe".to_owned(),
            Allowed::OrRecipe(kinds) => format!("it must be the same recipe or {}", words(kinds)),
            Allowed::Anything | Allowed::Stated => {
                "it must be a kind that says what is wrong with the answer".into()
            }
        }
    }
}

fn is_golden(case: &Case, run: &Run) -> bool {
    let text = run.recipe.as_ref().map(Recipe::to_toml);
    matches!(&case.ends, ExpectedOutcome::Recipe(golden) if text.as_ref() == Some(golden))
}

/// The fixture to begin with: its recipe is as it should be, and it reads an archive where one does.
/// The error is what to say without any.
fn base(harness: &Harness) -> Result<&Case, Outcome> {
    bases(harness).map(|cases| cases[0])
}

/// The same, and one whose only command is called otherwise than the package, in which a guess is
/// seen; both may be one. Never empty.
fn bases(harness: &Harness) -> Result<Vec<&Case>, Outcome> {
    if harness.subject.plugin.recipe_builder.is_none() {
        return Err(Outcome::no_builder());
    }
    let is_whole = |(case, run): &&(Case, Run)| {
        matches!(case.ends, ExpectedOutcome::Recipe(_))
            && run.end == End::Recipe
            && is_golden(case, run)
    };
    let whole: Vec<&Case> = harness.runs.iter().filter(is_whole).map(|(case, _)| case).collect();
    let has_archive = |case: &&&Case| asked(harness, case).iter().any(|&i| case.is_archive(i));
    let first = whole.iter().find(has_archive).or(whole.first());
    let first = *first.ok_or_else(Outcome::no_recipe)?;
    let tells = whole.iter().copied().filter(|case| only_command(case).is_some());
    let is_first = |case: &&Case| case.name == first.name;
    let second = tells.filter(|case| !is_first(case) && only_command(first).is_none()).take(1);
    Ok([first].into_iter().chain(second).collect())
}

/// The answers of `case` that its plugin really asks for, by place.
fn asked(harness: &Harness, case: &Case) -> Vec<usize> {
    let run = harness.runs.iter().find(|(other, _)| other.name == case.name).map(|(_, run)| run);
    let answers = case.packed().unwrap_or_default();
    let is_asked = |url: &str| {
        let url = url::Url::parse(url).ok();
        run.is_some_and(|run| run.asked.iter().any(|asked| Some(asked) == url.as_ref()))
    };
    (0..answers.len()).filter(|&i| is_asked(&answers[i].url)).collect()
}

fn scripted(case: &Case) -> Vec<ScriptedAnswer> {
    case.packed().unwrap_or_default().into_iter().map(ScriptedAnswer::from).collect()
}
