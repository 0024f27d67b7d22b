//! What `repro` prints.

use std::fmt;

use batch_core::{
    decide::shell_word::shell_word,
    model::{Environment, FailureRecord, Generation, RanStep, Repro, Stage},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{cli::damage, run::FailureSummary};

/// What `repro --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ReproReport {
    /// The failure, as stored.
    pub(super) record: FailureRecord,
    /// The version of the package that was tested; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The text of the recipe that was tested; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipe: Option<String>,
    /// Everything that was carried out until the failure, in this order. Requests to registries are
    /// not among them.
    pub(super) steps: Vec<RanStep>,
    /// The repetition; absent without `--run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) again: Option<Again>,
    /// What could not be read, each with file, position, reason and remedy.
    pub(super) problems: Vec<String>,
}

/// A repetition of what failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Again {
    pub(super) outcome: ReproOutcome,
    /// Whether it failed with the same category and subcategory.
    pub(super) is_same_kind: bool,
    /// The environment of the validation; absent for a generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<Environment>,
    /// The sandbox backend that was used; absent for a generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sandbox: Option<String>,
    /// The new failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureSummary>,
    /// Everything that was carried out until the new failure.
    pub(super) steps: Vec<RanStep>,
}

/// How a repetition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ReproOutcome {
    /// The same failure occurred: its fingerprint is equal.
    Reproduced,
    /// It failed in another way.
    OtherFailure,
    /// It did not fail.
    Passed,
}

impl ReproReport {
    /// The report of `record`, without a repetition.
    pub(super) fn new(record: &FailureRecord, repro: Option<&Repro>) -> Self {
        let subject = repro.and_then(|repro| repro.subject.as_ref());
        let recipe = match subject {
            Some(Generation::Recipe(recipe)) => Some(recipe.toml.clone()),
            Some(Generation::Undiscovered(_) | Generation::Nothing(_)) | None => None,
        };
        Self {
            record: record.clone(),
            version: subject.and_then(Generation::facts).map(|facts| facts.version.clone()),
            recipe,
            steps: repro.map(|repro| repro.steps.clone()).unwrap_or_default(),
            again: None,
            problems: vec![],
        }
    }
}

impl fmt::Display for ReproReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.record;
        if let Some(recipe) = &self.recipe {
            writeln!(f, "{}\n", recipe.trim_end())?;
        }
        let version = self.version.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
        writeln!(f, "{}", record.id)?;
        writeln!(f, "  package      {}{version}", record.package_id)?;
        writeln!(f, "  kind         {}", record.kind())?;
        let named = [
            ("environment", record.environment.map(|it| it.to_string())),
            ("sandbox", record.sandbox.clone()),
            ("generator", record.generator.clone()),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                writeln!(f, "  {name:<12} {value}")?;
            }
        }
        if record.stage == Stage::Generate {
            writeln!(f, "  what failed  the generation; `--run` generates again")?;
        } else if self.recipe.is_none() && self.version.is_some() {
            writeln!(f, "  what failed  the search for its commands by two installations")?;
        }
        steps(f, &self.steps)?;
        if let Some(again) = &self.again {
            let word = match again.outcome {
                ReproOutcome::Reproduced => "the same failure occurred",
                ReproOutcome::OtherFailure => "it failed in another way",
                ReproOutcome::Passed => "it did not fail",
            };
            writeln!(f, "\nAgain: {word}")?;
            if let Some(failure) = &again.failure {
                writeln!(f, "  {}/{}", failure.category, failure.subcategory)?;
                writeln!(f, "  {}", failure.headline)?;
                for line in failure.message.lines() {
                    writeln!(f, "  {line}")?;
                }
            }
        }
        damage::write_problems(f, &self.problems)
    }
}

/// Writes each step, programs as a shell would read them.
fn steps(f: &mut fmt::Formatter<'_>, steps: &[RanStep]) -> fmt::Result {
    if !steps.is_empty() {
        writeln!(
            f,
            "\nWhat was carried out. $WORK is the work folder. To repeat it in a shell, paste it after"
        )?;
        writeln!(f, "  WORK=$(mktemp -d); cd \"$WORK\"\n")?;
    }
    for step in steps {
        let (argv, variables, path, is_sandboxed, has_network, exit_code) = match step {
            RanStep::Own { what } => {
                writeln!(f, "  # {what}")?;
                continue;
            }
            RanStep::Program { argv, variables, path, is_sandboxed, has_network, exit_code } => {
                (argv, variables, path, *is_sandboxed, *has_network, exit_code)
            }
        };
        let place = if is_sandboxed { "in the sandbox" } else { "outside of the sandbox" };
        let network = if has_network { "with network" } else { "without network" };
        let code = exit_code.map_or("no exit code".to_owned(), |code| format!("exit code {code}"));
        writeln!(f, "  # {place}, {network}, {code}")?;
        for (name, value) in variables {
            writeln!(f, "  export {name}={}", quoted(value))?;
        }
        if !path.is_empty() {
            let folders: Vec<String> = path.iter().map(|folder| quoted_folder(folder)).collect();
            writeln!(f, "  export PATH={}:$PATH", folders.join(":"))?;
        }
        let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
        writeln!(f, "  {}", words.join(" "))?;
    }
    Ok(())
}

/// `word` as one word of a shell. `$WORK` stays a variable.
fn quoted(word: &str) -> String {
    if word.is_empty() {
        return shell_word(word);
    }
    let part = |part: &str| if part.is_empty() { String::new() } else { shell_word(part) };
    let parts: Vec<String> = word.split("$WORK").map(part).collect();
    parts.join("\"$WORK\"")
}

/// A folder on `PATH`, where `~` is the home folder.
fn quoted_folder(folder: &str) -> String {
    match folder.strip_prefix("~/") {
        Some(below) => format!("\"$HOME\"/{}", quoted(below)),
        None => quoted(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_word_in_a_shell() {
        for (word, expected) in [
            ("--flag=1.0", "--flag=1.0"),
            ("$WORK/bin", r#""$WORK"/bin"#),
            ("--in=$WORK/a b", r#"--in="$WORK"'/a b'"#),
            ("$WORKER", r#""$WORK"ER"#),
            ("$HOME", "'$HOME'"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("x;rm", "'x;rm'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
        assert_eq!(quoted_folder("~/.cargo/bin"), r#""$HOME"/.cargo/bin"#);
    }
}
