//! A position in a program.

use std::{collections::BTreeSet, mem, ops::Range};

use super::Reader;

/// The deepest nesting that is followed; real programs have less.
const DEEPEST: usize = 16;
/// How many bytes are looked at: enough for thousands of variables in programs of usual length.
const FUEL: usize = 1 << 20;

impl<'a> Reader<'a> {
    pub(super) fn new(code: &'a str, at: usize) -> Self {
        let (used, read) = (BTreeSet::new(), vec![]);
        Self { code, at, end: code.len(), topic: None, used, read, depth: 0, fuel: FUEL }
    }

    /// The text after the position.
    pub(super) fn rest(&self) -> &'a str {
        &self.code[self.at..self.end]
    }

    /// The result of `read`, which may be enclosed in brackets.
    pub(super) fn bracketed<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.space();
        let has_bracket = self.accept("(");
        self.space();
        let value = read(self)?;
        self.space();
        (!has_bracket || self.accept(")")).then_some(value)
    }

    /// The text between the delimiters that start here, such as `(a b)` or `/a b/`.
    pub(super) fn delimited(&mut self) -> Option<&'a str> {
        self.space();
        let open = self.rest().chars().next().filter(char::is_ascii_punctuation)?;
        let close = match open {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            '<' => '>',
            other => other,
        };
        let (inside, _) = self.rest()[1..].split_once(close)?;
        self.at += inside.len() + 2;
        Some(inside)
    }

    /// The range inside a block; the position moves behind the block.
    pub(super) fn block(&mut self) -> Option<Range<usize>> {
        let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
        for (at, c) in self.rest().char_indices() {
            match (quote, c) {
                _ if is_escaped => is_escaped = false,
                (Some(_), '\\') => is_escaped = true,
                (Some(open), _) if open == c => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, '{') => depth += 1,
                (None, '}') if depth == 1 => {
                    let inside = self.at + 1..self.at + at;
                    self.at += at + 1;
                    return Some(inside);
                }
                (None, '}') => depth -= 1,
                (Some(_) | None, _) => {}
            }
        }
        None
    }

    /// The result of `read` at another position of the program.
    pub(super) fn within<T>(
        &mut self,
        part: Range<usize>,
        topic: Option<String>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let topic = mem::replace(&mut self.topic, topic);
        let (at, end) =
            (mem::replace(&mut self.at, part.start), mem::replace(&mut self.end, part.end));
        self.depth += 1;
        let value = if self.depth <= DEEPEST { read(self) } else { None };
        self.depth -= 1;
        (self.at, self.end, self.topic) = (at, end, topic);
        value
    }

    /// Takes `cost` from the remaining budget; `None` if the budget is too small.
    pub(super) fn spend(&mut self, cost: usize) -> Option<()> {
        self.fuel = self.fuel.checked_sub(cost)?;
        Some(())
    }

    pub(super) fn accept(&mut self, mark: &str) -> bool {
        let is_there = self.rest().starts_with(mark);
        self.at += if is_there { mark.len() } else { 0 };
        is_there
    }

    /// Like [`Reader::accept`], but only for a whole word.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let is_there = after.is_some_and(|after| {
            !after.starts_with(|c: char| c.is_ascii_alphanumeric() || "_:".contains(c))
        });
        is_there && self.accept(word)
    }

    pub(super) fn skip_while(&mut self, is_skipped: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !is_skipped(c)).unwrap_or(rest.len());
    }

    /// Skips white space and comments.
    pub(super) fn space(&mut self) {
        self.skip_while(char::is_whitespace);
        while self.rest().starts_with('#') {
            self.skip_while(|c| c != '\n');
            self.skip_while(char::is_whitespace);
        }
    }
}
