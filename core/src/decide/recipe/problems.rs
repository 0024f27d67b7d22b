//! The problems of a recipe.

use std::fmt;

use super::document::Location;

/// This many problems are enough to see that a whole file is wrong.
const MAX_PROBLEMS: usize = 100;

/// One problem of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// The path of the field, for example `steps[0].when.os`; empty for the whole file.
    pub field: String,
    /// The line, counted from 1; absent for a field that does not exist.
    pub line: Option<usize>,
    /// The column in characters, counted from 1; absent together with the line.
    pub column: Option<usize>,
    /// What is wrong, as a fragment without full stop.
    pub message: String,
    /// The correct text, as a fragment without full stop; empty when the message says it.
    pub fix: String,
    /// Whether the package manager accepts the recipe nevertheless. Only recipes that this program
    /// makes must follow such a rule.
    pub is_own_rule: bool,
    /// Whether the field has no effect, so that it can be removed.
    pub is_redundant: bool,
}

/// All problems of a recipe, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct RecipeError {
    /// Never empty.
    pub problems: Vec<Problem>,
}

/// The problems of one document that were found so far.
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
    /// Receives problems that are not kept.
    dropped: Problem,
}

/// Line and column, in characters, of the byte at `offset`, both counted from 1.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
    let in_line = before.rsplit('\n').next().unwrap_or(before);
    (line, in_line.chars().count() + 1)
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: vec![], dropped: Problem::default() }
    }

    /// Adds a problem for which the package manager, or this program on purpose, refuses the
    /// recipe.
    ///
    /// Only one problem of each field is kept, because others usually follow from it.
    pub(super) fn add(&mut self, at: &Location, message: impl Into<String>) -> &mut Problem {
        self.insert(at, message.into(), false)
    }

    /// Adds a problem that the package manager accepts, but that this program never produces.
    pub(super) fn add_own_rule(
        &mut self,
        at: &Location,
        message: impl Into<String>,
    ) -> &mut Problem {
        self.insert(at, message.into(), true)
    }

    fn insert(&mut self, at: &Location, message: String, is_own_rule: bool) -> &mut Problem {
        let place = at.offset.map(|offset| place(self.text, offset));
        let (line, column) = (place.map(|(line, _)| line), place.map(|(_, column)| column));
        let (field, fix) = (at.field.clone(), String::new());
        let is_redundant = false;
        let problem = Problem { field, line, column, message, fix, is_own_rule, is_redundant };
        let known = self.found.iter().position(|known| known.field == at.field);
        let i = match known {
            // The more serious one of two is kept.
            Some(i) if self.found[i].is_own_rule && !is_own_rule => {
                self.found[i] = problem;
                i
            }
            None if self.found.len() < MAX_PROBLEMS => {
                self.found.push(problem);
                self.found.len() - 1
            }
            Some(_) | None => {
                self.dropped = problem;
                return &mut self.dropped;
            }
        };
        &mut self.found[i]
    }

    /// How many problems there are so far.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The problems in the order of their lines.
    pub(super) fn into_found(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found
    }
}

impl Problem {
    /// Marks the field as redundant.
    pub(super) fn remove(&mut self, fix: impl Into<String>) {
        self.fix = fix.into();
        self.is_redundant = true;
    }

    /// Sets the correct text.
    pub(super) fn fix(&mut self, fix: impl Into<String>) {
        self.fix = fix.into();
    }
}

impl RecipeError {
    /// A problem of the whole file, at the byte `offset` if it is given.
    pub(super) fn of_file(text: &str, offset: Option<usize>, message: String, fix: &str) -> Self {
        let place = offset.map(|offset| place(text, offset));
        let (line, column) = (place.map(|(line, _)| line), place.map(|(_, column)| column));
        let fix = fix.to_owned();
        Self { problems: vec![Problem { line, column, message, fix, ..Problem::default() }] }
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
    use super::*;

    #[test]
    fn a_position_is_counted_in_lines_and_characters() {
        let text = "a = 1\r\nö = \"x\"\n";
        for (what, expected) in [("a", (1, 1)), ("1", (1, 5)), ("ö", (2, 1)), ("\"x", (2, 5))] {
            assert_eq!(place(text, text.find(what).unwrap()), expected, "{what}");
        }
        assert_eq!(place(text, 1000), (3, 1));
    }
}
