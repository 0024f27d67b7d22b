//! The result of a call, from its exit code, standard output and standard error.

use std::collections::BTreeSet;

use super::{
    PROGRAM, Subcommand,
    answer::{OfPlan, find},
    by_exit_code,
};
use crate::{
    decide::{classify, evidence},
    model::{Confidence, Evidence, FailureKind, Fault, Finding, PackageName, Stage},
};

/// Names of missing recipes that are kept.
const MAX_BLOCKERS: usize = 100;

/// The first words of lines that occur in most outputs and state no cause.
const BANNERS: &[&str] = &[
    "Warning: Skipping recipe review (--yes)",
    "WARNING: Recipe was NOT tested in a sandbox container.",
    "The recipe may have errors. Review before installing.",
    "Warning: local recipe '",
];

/// The program's warning that it found no command and used the name of the package instead.
const GUESSED: &str = "using package name as executable";
/// Messages of this program that state a cause, in lower case.
const CAUSES: &[(&str, FailureKind)] = &[
    // The program does not know these arguments. Its version is not supported here.
    ("error: unknown flag: ", FailureKind::ToolCrashed),
    ("error: unknown command ", FailureKind::ToolCrashed),
];

/// The output of a call that has ended. The texts can be hostile.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the usual words")]
pub struct Output<'a> {
    pub of: Subcommand,
    /// 128 + n for signal n, as shells say it; `None` where nothing is known.
    pub exit_code: Option<i32>,
    pub stdout: &'a str,
    pub stderr: &'a str,
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What it was.
    pub finding: Finding,
    /// The text of the output without banners, for the record.
    pub text: String,
    /// Recipes that are missing; empty unless the kind is [`FailureKind::RecipeMissing`].
    pub blocked_by: Vec<PackageName>,
}

/// The classifier of an ecosystem, which knows the messages of its own tools.
pub type Classifier<'a> = &'a dyn Fn(&Evidence) -> Option<Finding>;

impl Output<'_> {
    /// Both streams without banners, standard error first.
    fn text(&self) -> String {
        without_banners(&format!("{}\n{}", self.stderr, self.stdout))
    }
}

/// The cause of the failed call with `output`. JSON of `install` is read by [`installed`](super::installed) and
/// [`in_container`](super::in_container).
pub fn failed(output: &Output<'_>, own: Classifier<'_>) -> Cause {
    cause(output.of, output.exit_code, output.text(), own)
}

/// Whether `eval`, which printed `output`, made a plan. If the plan is longer than the kept part of the
/// output, its beginning is enough.
pub fn planned(output: &Output<'_>, own: Classifier<'_>) -> Result<(), Cause> {
    if output.exit_code != Some(0) {
        return Err(failed(output, own));
    }
    let is_cut = || evidence::cap(output.stdout).1 && output.stdout.contains("\"format_version\"");
    match find::<OfPlan>(output.stdout) {
        None if !is_cut() => Err(broken(output, "it printed no plan")),
        Some(_) | None => Ok(()),
    }
}

/// Whether the program guessed the command in the recipe that it wrote.
pub fn guessed_command(output: &Output<'_>) -> bool {
    [output.stdout, output.stderr].iter().any(|text| text.contains(GUESSED))
}

/// A fault of the program, whose exit code and output do not agree.
pub(super) fn broken(output: &Output<'_>, how: &str) -> Cause {
    let finding = Finding::stated(FailureKind::ToolCrashed).of_service(PROGRAM);
    let code = output.exit_code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    let text = format!("{}\nerror: {PROGRAM} ended with {code}: {how}", output.text());
    Cause { finding, text, blocked_by: vec![] }
}

/// In this order: a cause in the text, a code with one cause, a symptom in the text, a code with many
/// causes.
pub(super) fn cause(
    of: Subcommand,
    exit_code: Option<i32>,
    text: String,
    own: Classifier<'_>,
) -> Cause {
    let stage = if of == Subcommand::Create { Stage::Generate } else { Stage::Validate };
    let tool = PROGRAM.to_owned();
    let evidence = Evidence { stage, tool, exit_code, text };
    let by_text = by_text(&evidence, own);
    let by_code = match exit_code {
        Some(code) => by_exit_code(of, code),
        None => Some(Finding::stated(FailureKind::ToolCrashed).of_service(PROGRAM)),
    };
    let is_stated = |finding: &Finding| finding.confidence == Confidence::Stated;
    let unknown = || Finding {
        confidence: Confidence::Inferred,
        ..Finding::stated(FailureKind::Unclassified)
    };
    let by_stated_code = by_code.clone().filter(is_stated);
    let finding = by_text.clone().filter(is_stated).or(by_stated_code).or(by_text);
    let finding = finding.or(by_code).unwrap_or_else(unknown);
    let text = evidence.text;
    let blocked_by = names(missing_recipes(&text));
    if finding.kind != FailureKind::RecipeMissing {
        return Cause { finding, text, blocked_by: vec![] };
    }
    // An entry without blockers would stay blocked for ever.
    let is_blocked = !blocked_by.is_empty();
    let otherwise = || Finding::stated(FailureKind::DependencyResolutionFailed);
    let finding = if is_blocked { finding } else { otherwise() };
    Cause { finding, text, blocked_by }
}

fn by_text(evidence: &Evidence, own: Classifier<'_>) -> Option<Finding> {
    let text = &*evidence.text;
    let shared = classify::by_text(text, own(evidence));
    if shared.as_ref().is_some_and(|finding| finding.confidence == Confidence::Stated) {
        return shared;
    }
    let lower = text.to_ascii_lowercase();
    let kind = CAUSES.iter().find(|(pattern, _)| lower.contains(pattern)).map(|&(_, kind)| kind);
    let service = |kind: FailureKind| match kind.fault() {
        Fault::Registry => classify::host_in(text),
        Fault::Machine => Some(PROGRAM.to_owned()),
        Fault::Package | Fault::Nobody => None,
    };
    let found = kind.map(|kind| Finding { service: service(kind), ..Finding::stated(kind) });
    found.or(shared)
}

/// The names in `recipe <name> not found in registry`.
fn missing_recipes(text: &str) -> impl Iterator<Item = &str> {
    text.split(" not found in registry").filter_map(|before| {
        let (rest, name) = before.rsplit_once(' ')?;
        rest.ends_with("recipe").then_some(name)
    })
}

/// Each valid name once, in the order of the text.
pub(super) fn names<'a>(found: impl Iterator<Item = &'a str>) -> Vec<PackageName> {
    let mut seen = BTreeSet::new();
    let is_plain = |name: &&str| !name.contains(['/', '\\', '<', '>']) && !name.contains("..");
    let names = found.filter(is_plain).filter_map(|name| name.parse::<PackageName>().ok());
    names.filter(|name| seen.insert(name.clone())).take(MAX_BLOCKERS).collect()
}

pub(super) fn without_banners(text: &str) -> String {
    let is_telling = |line: &&str| !BANNERS.iter().any(|banner| line.starts_with(banner));
    let lines: Vec<&str> = text.lines().filter(is_telling).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

#[cfg(test)]
mod tests;
