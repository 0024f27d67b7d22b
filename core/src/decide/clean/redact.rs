//! Removes secrets from texts: known values, and texts that have the form of a secret.

use std::ops::Range;

use super::{REDACTED, shapes, values::Values};

/// How many times a text is read at most.
const MAX_PASSES: usize = 8;

/// Finds secrets. It is made once from the values that this program handed out. The default knows
/// no value.
///
/// A known value of six bytes or more is found in any case, in base64 and in hexadecimal, with
/// characters written as `%41` or `\u0041`, and with blanks or line breaks inside. A value of three
/// to five bytes is found as a separate word. A package can still hide a value in an encoding of
/// its own: what a package must not know must not be given to it.
#[derive(Debug, Default)]
pub struct Redactor {
    values: Values,
}

/// A text without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text, in which each secret is replaced by [`REDACTED`].
    pub text: String,
    /// How many bytes were looked at, counting repeated looks. It grows in proportion to the length
    /// of the text at most.
    pub steps: usize,
}

/// The secret parts of a text.
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
    /// A redactor that knows `values`: passwords, tokens, and URLs that contain a user and a
    /// password.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        Self { values: Values::new(values) }
    }

    /// `text` without secrets. A text without secrets, and a text that was redacted before, do not
    /// change.
    pub fn redact(&self, text: &str) -> Redacted {
        let mut redacted = Redacted { text: text.to_owned(), steps: 0 };
        // Text beside a removed secret may look like a secret now. It is removed too. A bound
        // limits this for texts that are made to provoke it.
        for _ in 0..MAX_PASSES {
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

/// Joins ranges that touch or overlap. The ranges are sorted by their starts.
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
