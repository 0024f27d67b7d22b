//! The form in which a text is searched: without characters that can be inserted between the
//! characters of a secret, and with the position of each byte in the text.

use std::ops::Range;

use memchr::memchr2;

/// The bytes to search, each with the range of the text that it stands for.
#[derive(Debug, Default)]
pub(super) struct View {
    bytes: Vec<u8>,
    /// Where in the text each byte begins.
    starts: Vec<usize>,
    /// The bytes that stand for more than one byte of the text, in order, and where these end.
    long: Vec<(usize, usize)>,
}

impl View {
    fn with_room_for(text: &str) -> Self {
        let len = text.len();
        Self { bytes: Vec::with_capacity(len), starts: Vec::with_capacity(len), long: vec![] }
    }

    /// Without line feeds.
    pub(super) fn unwrapped(text: &str) -> Self {
        let mut view = Self::with_room_for(text);
        let mut start = 0;
        for line in text.split('\n') {
            view.add(text, start..start + line.len());
            start += line.len() + 1;
        }
        view
    }

    /// Without blanks and line breaks, including those written as `\n`. Characters written as
    /// `%41`, `\u0041` or `\/` are decoded.
    pub(super) fn decoded(text: &str) -> Self {
        let solid = Self::solid(text);
        if memchr2(b'%', b'\\', &solid.bytes).is_none() {
            return solid;
        }
        let mut view = Self::with_room_for(text);
        let mut at = 0;
        while let Some(&byte) = solid.bytes.get(at) {
            let rest = &solid.bytes[at..];
            let (len, decoded) = match byte {
                b'%' => escape(rest, percent_len(rest)),
                b'\\' => backslash(rest),
                _ => (1, Some(byte)),
            };
            if let Some(decoded) = decoded.filter(|byte| !byte.is_ascii_whitespace()) {
                view.push(decoded, solid.in_text(&(at..at + len)));
            }
            at += len;
        }
        view
    }

    /// Without blanks and line breaks.
    fn solid(text: &str) -> Self {
        let mut view = Self::with_room_for(text);
        let mut chars = text.char_indices().peekable();
        let mut start = 0;
        while let Some((at, c)) = chars.next() {
            let is_escaped = |next: &(usize, char)| matches!(next.1, 'n' | 'r' | 't');
            let end = if c.is_whitespace() {
                at + c.len_utf8()
            } else if c == '\\' && chars.next_if(is_escaped).is_some() {
                at + 2
            } else {
                continue;
            };
            view.add(text, start..at);
            start = end;
        }
        view.add(text, start..text.len());
        view
    }

    /// Adds a part of `text`, in which each byte stands for itself.
    fn add(&mut self, text: &str, part: Range<usize>) {
        self.bytes.extend_from_slice(&text.as_bytes()[part.clone()]);
        self.starts.extend(part);
    }

    fn push(&mut self, byte: u8, place: Range<usize>) {
        if 1 < place.len() {
            self.long.push((self.bytes.len(), place.end));
        }
        self.bytes.push(byte);
        self.starts.push(place.start);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The range of the text that `range` of the bytes stands for. `range` is not empty.
    pub(super) fn in_text(&self, range: &Range<usize>) -> Range<usize> {
        self.starts[range.start]..self.end(range.end - 1)
    }

    /// Where the part of the text ends that the byte at `at` stands for.
    fn end(&self, at: usize) -> usize {
        match self.long.binary_search_by_key(&at, |&(at, _)| at) {
            Ok(found) => self.long[found].1,
            Err(_) => self.starts[at] + 1,
        }
    }

    /// Whether something was left out before the byte at `at`.
    pub(super) fn breaks_at(&self, at: usize) -> bool {
        at == 0 || self.starts[at] != self.end(at - 1)
    }
}

/// The length of the prefix before the two digits of `%41`. Its per cent sign may itself be written
/// as `%25`, any number of times.
fn percent_len(bytes: &[u8]) -> usize {
    let mut len = 1;
    while len <= MAX_MARK && bytes[len..].starts_with(b"25") {
        len += 2;
    }
    len
}

const MAX_MARK: usize = 8;

/// The length and the meaning of an escape: `mark` bytes and two hexadecimal digits. Without digits
/// the first byte stands for itself.
fn escape(bytes: &[u8], mark: usize) -> (usize, Option<u8>) {
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    // `%2541` is `%41`, but in `%25 ` the digits are the last 25.
    for mark in [mark, mark.saturating_sub(2)] {
        if let (1.., Some(high), Some(low)) = (mark, digit(mark), digit(mark + 1)) {
            return (mark + 2, u8::try_from(high * 16 + low).ok());
        }
    }
    (1, Some(bytes[0]))
}

fn backslash(bytes: &[u8]) -> (usize, Option<u8>) {
    match bytes.get(1) {
        Some(b'u') if bytes[2..].starts_with(b"00") => match escape(bytes, 4) {
            (1, _) => (1, None),
            decoded => decoded,
        },
        Some(b'x') => match escape(bytes, 2) {
            (1, _) => (1, None),
            decoded => decoded,
        },
        // An escaped quote or slash stands for itself.
        _ => (1, None),
    }
}
