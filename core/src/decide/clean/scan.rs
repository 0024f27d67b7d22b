//! A text that is searched for secrets, without line feeds. Every look at a byte is counted.

use std::ops::Range;

use super::view::View;

/// A class of bytes that a part of a secret consists of.
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

    /// The byte at `at`, in whichever line it is.
    pub(super) fn byte(&mut self, at: usize) -> Option<u8> {
        self.steps += 1;
        self.view.bytes().get(at).copied()
    }

    /// The byte at `at`, if it is in the same line as the one before it.
    pub(super) fn in_line(&mut self, at: usize) -> Option<u8> {
        self.byte(at).filter(|_| !self.breaks_at(at))
    }

    /// The byte before `at`, if it is in the same line.
    pub(super) fn before(&mut self, at: usize) -> Option<u8> {
        if self.breaks_at(at) { None } else { self.byte(at - 1) }
    }

    /// Whether a line begins at `at`.
    pub(super) fn breaks_at(&self, at: usize) -> bool {
        self.view.bytes().len() <= at || self.view.breaks_at(at)
    }

    /// The end of the bytes of `class` that begin at `at`, within the line and at most `longest`
    /// bytes.
    pub(super) fn run(&mut self, at: usize, longest: usize, class: Class) -> usize {
        let mut end = at;
        while end - at < longest && self.in_line(end).is_some_and(class) {
            end += 1;
        }
        end
    }

    /// The beginning of the bytes of `class` that end before `at`, within the line and at most
    /// `longest` bytes.
    pub(super) fn run_before(&mut self, at: usize, longest: usize, class: Class) -> usize {
        let mut start = at;
        while at - start < longest && self.before(start).is_some_and(class) {
            start -= 1;
        }
        start
    }

    /// Whether `words` are at `at` in its line, in any case.
    pub(super) fn says(&mut self, at: usize, words: &str) -> bool {
        words.bytes().enumerate().all(|(i, wanted)| {
            let byte = if i == 0 { self.byte(at) } else { self.in_line(at + i) };
            byte.is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted))
        })
    }

    /// Bytes that were looked at before.
    pub(super) fn part(&self, range: Range<usize>) -> &'a [u8] {
        &self.view.bytes()[range]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IS_A: Class = |byte| byte == b'a';

    #[test]
    fn a_run_ends_with_its_class_its_line_or_its_bound() {
        let view = View::unwrapped("xaaaa\naab");
        let mut scan = Scan::new(&view);
        let ends = [0, 1, 2, 3, 4, 9].map(|longest| scan.run(1, longest, IS_A));
        assert_eq!(ends, [1, 2, 3, 4, 5, 5]);
        assert_eq!((scan.run(5, 9, IS_A), scan.run(6, 9, IS_A)), (5, 7), "a line begins at 5");
        assert_eq!((scan.run(0, 9, IS_A), scan.run(8, 9, IS_A)), (0, 8));
        let starts = [0, 1, 2, 3, 4, 9].map(|longest| scan.run_before(5, longest, IS_A));
        assert_eq!(starts, [5, 5, 5, 5, 5, 5], "nothing of its line stands before it");
        let starts = [0, 1, 2, 3, 9].map(|longest| scan.run_before(4, longest, IS_A));
        assert_eq!(starts, [4, 3, 2, 1, 1]);
    }

    #[test]
    fn words_are_said_within_one_line_in_any_case() {
        let view = View::unwrapped("ab Cd\nef");
        let mut scan = Scan::new(&view);
        assert!(scan.says(0, "AB c") && scan.says(5, "ef"));
        assert!(!scan.says(3, "cde") && !scan.says(5, "efg") && !scan.says(1, "ab"));
    }

    #[test]
    fn every_look_at_a_byte_is_counted() {
        let view = View::unwrapped("abc");
        let mut scan = Scan::new(&view);
        let bytes = [scan.byte(0), scan.in_line(1), scan.before(2), scan.byte(3)];
        assert_eq!(bytes, [Some(b'a'), Some(b'b'), Some(b'b'), None]);
        assert_eq!((scan.before(0), scan.steps), (None, 4));
    }
}
