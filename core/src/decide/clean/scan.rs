//! A text on its way through the shapes of secrets: line feeds left out, every look at a byte
//! counted.

use std::ops::Range;

use super::view::View;

/// Which bytes a part of a secret is made of.
pub(super) type Class = fn(u8) -> bool;

/// A text to search.
pub(super) struct Scan<'a> {
    view: &'a View,
    /// How many bytes were looked at.
    pub(super) steps: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, steps: 0 }
    }

    /// The byte at `at`, whichever line it stands in.
    pub(super) fn byte(&mut self, at: usize) -> Option<u8> {
        self.steps += 1;
        self.view.bytes().get(at).copied()
    }

    /// The byte at `at`, if its line goes on there.
    pub(super) fn in_line(&mut self, at: usize) -> Option<u8> {
        self.byte(at).filter(|_| !self.breaks_at(at))
    }

    /// The byte before `at`, if it stands in the same line.
    pub(super) fn before(&mut self, at: usize) -> Option<u8> {
        if self.breaks_at(at) { None } else { self.byte(at - 1) }
    }

    /// Whether a line begins at `at`.
    pub(super) fn breaks_at(&self, at: usize) -> bool {
        self.view.bytes().len() <= at || self.view.breaks_at(at)
    }

    /// The end of what is of `class` from `at` on, within the line and `longest` bytes.
    pub(super) fn run(&mut self, at: usize, longest: usize, class: Class) -> usize {
        let mut end = at;
        while end - at < longest && self.in_line(end).is_some_and(class) {
            end += 1;
        }
        end
    }

    /// The beginning of what is of `class` before `at`, within the line and `longest` bytes.
    pub(super) fn run_before(&mut self, at: usize, longest: usize, class: Class) -> usize {
        let mut start = at;
        while at - start < longest && self.before(start).is_some_and(class) {
            start -= 1;
        }
        start
    }

    /// Whether `words`, in any case, stand at `at` in its line.
    pub(super) fn says(&mut self, at: usize, words: &str) -> bool {
        words.bytes().enumerate().all(|(i, wanted)| {
            let byte = if i == 0 { self.byte(at) } else { self.in_line(at + i) };
            byte.is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted))
        })
    }

    /// Bytes that were looked at already.
    pub(super) fn part(&self, range: Range<usize>) -> &'a [u8] {
        &self.view.bytes()[range]
    }
}
