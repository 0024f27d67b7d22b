//! Finds the JSON documents in a file, whether each of them is on one line or on many.

use serde_json::{Deserializer, value::RawValue};

use crate::old_formats::Refused;

/// So many parts of one file are refused one by one. The rest is then refused as a whole, because
/// looking for documents in it may take long.
const MAX_REFUSED: usize = 1000;

/// Parts that are no documents are read for at most so many times the length of the file: a part whose
/// brackets are not closed is read to the end of the file.
const MAX_READ: usize = 16;

/// A document in a file.
pub(super) struct Piece<'a> {
    /// The line in which it begins, from 1.
    pub(super) line: u64,
    /// The document as it is written.
    pub(super) json: &'a str,
}

/// Counts lines up to positions that only move forward.
pub(super) struct LineCounter<'a> {
    content: &'a [u8],
    position: usize,
    line: u64,
}

impl<'a> LineCounter<'a> {
    pub(super) fn new(content: &'a [u8]) -> Self {
        Self { content, position: 0, line: 1 }
    }

    /// The line of `position`, from 1.
    pub(super) fn line_at(&mut self, position: usize) -> u64 {
        if position < self.position {
            *self = Self::new(self.content);
        }
        let passed = self.content.get(self.position..position).unwrap_or_default();
        let n_lines = memchr::memchr_iter(b'\n', passed).count();
        self.line += u64::try_from(n_lines).unwrap_or(u64::MAX);
        self.position = position;
        self.line
    }

    /// The line in which `part` begins, which must be a part of the content.
    pub(super) fn line_of(&mut self, part: &str) -> u64 {
        let position = part.as_ptr().addr().saturating_sub(self.content.as_ptr().addr());
        self.line_at(position)
    }
}

/// The documents in `content`, in their order, with nothing between them but blanks. After a part
/// that is no document, the next line that begins with a brace is where the search continues.
pub(super) fn pieces(content: &[u8]) -> (Vec<Piece<'_>>, Vec<Refused>) {
    let (mut found, mut refused) = (vec![], vec![]);
    let mut lines = LineCounter::new(content);
    let (mut from, mut n_read) = (0, 0_usize);
    while let Some(blank) = content[from..].iter().position(|byte| !byte.is_ascii_whitespace()) {
        from += blank;
        let rest = &content[from..];
        let mut documents = Deserializer::from_slice(rest).into_iter::<&RawValue>();
        let line = lines.line_at(from);
        let reason = match documents.next() {
            Some(Ok(json)) if json.get().starts_with('{') => {
                found.push(Piece { line, json: json.get() });
                from += documents.byte_offset();
                continue;
            }
            Some(Ok(_)) => "a record is an object".to_owned(),
            Some(Err(error)) => {
                n_read = n_read.saturating_add(length_read(rest, &error));
                error_reason(&error)
            }
            None => break,
        };
        let goes_on =
            refused.len() < MAX_REFUSED && n_read <= content.len().saturating_mul(MAX_READ);
        let next = memchr::memmem::find(rest, b"\n{").filter(|_| goes_on);
        refused.push(Refused { line, reason });
        match next {
            Some(next) => from += next,
            None => break,
        }
    }
    (found, refused)
}

/// How many bytes of `part` were read when `error` was found.
fn length_read(part: &[u8], error: &serde_json::Error) -> usize {
    let line = match error.line().checked_sub(2) {
        None => Some(0),
        Some(n) => memchr::memchr_iter(b'\n', part).nth(n).map(|end| end + 1),
    };
    line.map_or(part.len(), |start| part.len().min(start.saturating_add(error.column())))
}

/// What `error` says, without the position, which counts from the start of the part.
pub(super) fn error_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// `content` as one document that must be an object.
pub(super) fn document(content: &[u8]) -> Result<&str, Refused> {
    let (found, refused) = pieces(content);
    match (found.first(), refused.into_iter().next()) {
        (Some(piece), None) if found.len() == 1 => Ok(piece.json),
        (_, Some(refused)) => Err(refused),
        (None, None) => Err(Refused { line: 1, reason: "it is empty".to_owned() }),
        (Some(_), None) => {
            Err(Refused { line: found[1].line, reason: "there is a second document".to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &str, found: &[(u64, &str)], refused: &[u64]) {
        let (pieces, bad) = pieces(content.as_bytes());
        let pieces: Vec<(u64, &str)> = pieces.iter().map(|it| (it.line, it.json)).collect();
        let bad: Vec<u64> = bad.iter().map(|refused| refused.line).collect();
        assert_eq!((&*pieces, &*bad), (found, refused), "{content}");
    }

    #[test]
    fn documents_are_found_on_one_line_and_on_many() {
        check("", &[], &[]);
        check("\n \n", &[], &[]);
        check("{\"a\":1}\n{}\n", &[(1, "{\"a\":1}"), (2, "{}")], &[]);
        check("{\n  \"a\": 1\n}\n{\n}\n", &[(1, "{\n  \"a\": 1\n}"), (4, "{\n}")], &[]);
    }

    #[test]
    fn a_bad_part_does_not_affect_the_others() {
        check("{\"a\":\n{}\n{\"b\":2}", &[(2, "{}"), (3, "{\"b\":2}")], &[1]);
        check("{}\nnonsense\n{}\n", &[(1, "{}"), (3, "{}")], &[2]);
        check("{}\n{\"a\":\"b", &[(1, "{}")], &[2]);
        check("[1]\n{}", &[(2, "{}")], &[1]);
        check("{} {", &[(1, "{}")], &[1]);
        let (found, refused) = pieces(b"{\"a\":\"\xff\"}\n{}");
        assert_eq!((found.len(), refused.len()), (1, 1));
    }

    #[test]
    fn a_file_of_nothing_but_bad_parts_is_given_up_at_some_point() {
        let content = "{\"a\":[\n".repeat(5_000);
        let (found, refused) = pieces(content.as_bytes());
        assert!(found.is_empty() && refused.len() <= MAX_READ + 2, "{}", refused.len());
        // Short parts do not count: a good record behind them is found.
        let content = "nonsense\n{\n".repeat(400) + "{}";
        let (found, refused) = pieces(content.as_bytes());
        assert_eq!((found.len(), refused.len()), (1, 401));
    }
}
