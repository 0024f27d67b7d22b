//! Takes secrets out of texts: those whose values are known, and what has the shape of one.

use std::ops::Range;

use super::{REDACTED, shapes, values::Values};

/// How often a text is read, at most.
const MOST_PASSES: usize = 8;

/// Finds secrets. It is made once from the values that were handed out; the default knows none.
///
/// A known value of six bytes or more is found in any case, in base64 and in hex, with characters
/// written as `%41` or `\u0041`, and with blanks or line breaks in it; one of three to five bytes
/// as a word of its own. Who wants to smuggle a value out in an encoding of their own can do so:
/// what must not be known to a package must not be handed to it.
#[derive(Debug, Default)]
pub struct Redactor {
    values: Values,
}

/// A text without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// Each secret is replaced by [`REDACTED`].
    pub text: String,
    /// How many bytes were looked at, each time counted: at most in proportion to the length of
    /// the text.
    pub steps: usize,
}

/// Parts of a text that are secret.
#[derive(Debug, Default)]
pub(super) struct Found {
    ranges: Vec<Range<usize>>,
    pub(super) steps: usize,
}

impl Found {
    pub(super) fn add(&mut self, range: Range<usize>) {
        self.ranges.push(range);
    }
}

impl Redactor {
    /// Knows `values`: passwords and tokens, and URLs with the user and the password in them.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        Self { values: Values::new(values) }
    }

    /// `text` without secrets. Texts without any stay as they are, and so does what has been
    /// redacted already.
    pub fn redact(&self, text: &str) -> Redacted {
        let mut redacted = Redacted { text: text.to_owned(), steps: 0 };
        // What stood beside a secret may look like one now: then it is taken out as well, in a text
        // made for it only up to a bound.
        for _ in 0..MOST_PASSES {
            let next = self.pass(&redacted.text);
            let is_done = next.text == redacted.text;
            redacted = Redacted { text: next.text, steps: redacted.steps + next.steps };
            if is_done {
                break;
            }
        }
        redacted
    }

    fn pass(&self, text: &str) -> Redacted {
        let mut found = Found::default();
        self.values.find(text, &mut found);
        shapes::find(text, &mut found);
        let Found { mut ranges, steps } = found;
        ranges.sort_unstable_by_key(|range| range.start);
        let mut redacted = String::with_capacity(text.len());
        let mut done = 0;
        for range in merged(ranges) {
            redacted.push_str(&text[done..range.start]);
            redacted.push_str(REDACTED);
            done = range.end;
        }
        Redacted { text: redacted + &text[done..], steps }
    }
}

/// Ranges that touch or overlap become one. They are sorted by their starts.
fn merged(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = vec![];
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}
