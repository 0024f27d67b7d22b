//! What is wrong with a recipe.

use std::fmt;

use super::document::At;

/// Enough to see what is wrong with a file that is wrong throughout.
const MOST_PROBLEMS: usize = 100;

/// One thing that is wrong with a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field, such as `steps[0].when.os`; empty for the file as a whole.
    pub field: String,
    /// Where it stands, counted from 1; absent for what is not there.
    pub line: Option<usize>,
    /// In characters, counted from 1; absent with the line.
    pub column: Option<usize>,
    /// What is wrong, as a fragment without full stop.
    pub message: String,
    /// What to write instead, as a fragment without full stop; empty where the message says it.
    pub fix: String,
    /// Whether the package manager takes the recipe nevertheless: only recipes that this program
    /// makes are held to it.
    pub is_house_rule: bool,
    /// Whether the field says nothing that is not said without it, so that it can be removed.
    pub is_redundant: bool,
}

/// Everything that is wrong with a recipe, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct RecipeError {
    /// Never empty.
    pub problems: Vec<Problem>,
}

/// What is wrong with one document, found so far.
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
    /// Takes what is not kept.
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

    /// Adds what makes the package manager refuse the recipe, or this program on purpose.
    ///
    /// One of a field is enough, for what follows from a problem is none of its own.
    pub(super) fn add(&mut self, at: &At, message: impl Into<String>) -> &mut Problem {
        self.insert(at, message.into(), false)
    }

    /// Adds what the package manager takes, and this program never writes.
    pub(super) fn add_house_rule(&mut self, at: &At, message: impl Into<String>) -> &mut Problem {
        self.insert(at, message.into(), true)
    }

    fn insert(&mut self, at: &At, message: String, is_house_rule: bool) -> &mut Problem {
        let place = at.offset.map(|offset| place(self.text, offset));
        let (line, column) = (place.map(|(line, _)| line), place.map(|(_, column)| column));
        let (field, fix) = (at.field.clone(), String::new());
        let is_redundant = false;
        let problem = Problem { field, line, column, message, fix, is_house_rule, is_redundant };
        let known = self.found.iter().position(|known| known.field == at.field);
        let i = match known {
            // The weightier of two is kept.
            Some(i) if self.found[i].is_house_rule && !is_house_rule => {
                self.found[i] = problem;
                i
            }
            None if self.found.len() < MOST_PROBLEMS => {
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

    /// How many there are so far.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// In the order of their lines.
    pub(super) fn into_found(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found
    }
}

impl Problem {
    /// Says that nothing is lost without the field.
    pub(super) fn remove(&mut self, fix: impl Into<String>) {
        self.fix = fix.into();
        self.is_redundant = true;
    }

    /// Says what to write instead.
    pub(super) fn fix(&mut self, fix: impl Into<String>) {
        self.fix = fix.into();
    }
}

impl RecipeError {
    /// Of the file as a whole, at the byte at `offset` if at any.
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
    fn a_place_is_counted_in_lines_and_characters() {
        let text = "a = 1\r\nö = \"x\"\n";
        for (what, expected) in [("a", (1, 1)), ("1", (1, 5)), ("ö", (2, 1)), ("\"x", (2, 5))] {
            assert_eq!(place(text, text.find(what).unwrap()), expected, "{what}");
        }
        assert_eq!(place(text, 1000), (3, 1));
    }
}
