//! Reading recipes, with every strict rule.
//!
//! A recipe that passes here passes the package manager's own strict validation as far as one file
//! can tell: whether a dependency exists is a question for the whole registry. Everything that is
//! wrong is reported at once, each with its field and, where there is one, its line.
//!
//! `run_command` passes: it is well formed. A gate refuses it later.

mod document;
mod file;
mod metadata;
mod platforms;
mod prose;
mod steps;
mod tool;
mod verify;

use std::fmt;

use toml::de::DeTable;

use crate::model::{ActionShape, Recipe, VersionSource};
use document::{Problems, Table};
pub use file::file;
pub use metadata::is_homepage;
pub use platforms::{allowed_cells, constrain};
pub use prose::one_line;
pub use steps::is_generic_step;
pub use tool::{of_step, of_tool, with_binaries};

/// Longest file that is read, in bytes: some ten times the longest that the registry holds.
pub const LONGEST_RECIPE: usize = 256 << 10;

/// One thing that is wrong with a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field, such as `steps[0].when.os`; empty for the file as a whole.
    pub field: String,
    /// Where it stands, counted from 1; absent for what is not there.
    pub line: Option<usize>,
    /// What is wrong, as a fragment without full stop.
    pub message: String,
}

/// Everything that is wrong with a recipe, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct RecipeError {
    /// Never empty.
    pub problems: Vec<Problem>,
}

/// What `text` says, `own` being the steps that only some ecosystem's recipes use.
pub fn parse(text: &str, own: &[ActionShape]) -> Result<Recipe, RecipeError> {
    if LONGEST_RECIPE < text.len() {
        return Err(RecipeError::of_file(None, "is longer than any recipe"));
    }
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| document::line(text, span.start));
        RecipeError::of_file(line, &format!("is no TOML: {}", error.message().replace('\n', " ")))
    })?;
    let mut problems = Problems::new(text);
    let root = Table::root(document.get_ref());
    root.only(&["metadata", "version", "steps", "verify"], &mut problems);
    let metadata = metadata::read(&root, &mut problems);
    let recipe = Recipe {
        version: read_version(&root, &mut problems),
        steps: steps::read(&root, own, &metadata, &mut problems),
        verify: verify::read(&root, &metadata.kind, &mut problems),
        metadata,
    };
    problems.into_result(recipe)
}

/// Sources of versions differ by ecosystem, so only what holds for all of them is checked.
fn read_version(root: &Table<'_>, problems: &mut Problems<'_>) -> Option<VersionSource> {
    let table = root.table("version", problems)?;
    for (key, value) in table.fields() {
        if let Some(text) = value.value.as_str() {
            value.check_line(text, problems);
            if key == "url" && !text.is_empty() && !text.starts_with("https://") {
                problems.add(&value.at, "must start with https://");
            }
        } else if value.value.is_array() {
            value.texts(problems);
        } else {
            problems.add(&value.at, "must be a text or a list of texts");
        }
    }
    Some(VersionSource(table.plain(&[], problems)))
}

impl RecipeError {
    fn of_file(line: Option<usize>, message: &str) -> Self {
        let (field, message) = (String::new(), message.to_owned());
        Self { problems: vec![Problem { field, line, message }] }
    }

    fn summary(&self) -> String {
        let first = self.problems.first().map(Problem::to_string).unwrap_or_default();
        match self.problems.len() {
            0 | 1 => first,
            n => format!("{first} (and {} more)", n - 1),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        let field = if self.field.is_empty() { "the file" } else { &self.field };
        write!(f, "{field} {}", self.message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_recipe_or_has_problems(text: String) {
            if let Err(error) = parse(&text, &[]) {
                prop_assert!(!error.problems.is_empty());
            }
        }

        #[test]
        fn any_value_anywhere_is_a_recipe_or_has_problems(
            table in "metadata|version|verify|metadata\\.satisfies|steps\\.when",
            key in "name|type|tier|os|arch|command|additional|supported_os|binaries|when|x",
            value in "''|'a'|1|-1|1\\.5|true|\\[\\]|\\['a'\\]|\\[1\\]|\\{\\}|\\{a=\\[\\]\\}|1979-05-27",
        ) {
            let text = format!("[{table}]\n{key} = {value}\n");
            prop_assert!(!parse(&text, &[]).unwrap_err().problems.is_empty());
        }
    }

    #[test]
    fn a_deep_or_a_long_document_is_refused() {
        let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep, &[]).is_err());
        assert!(parse(&"#".repeat(LONGEST_RECIPE + 1), &[]).is_err());
    }
}
