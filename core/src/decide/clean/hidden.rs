//! Removes characters that nobody can see.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

use crate::model::is_hidden;

const ESCAPE: u8 = 0x1b;

/// `bytes` as text of visible characters, blanks and line feeds. Bytes that are not UTF-8 become
/// U+FFFD, except bytes from 0x80 to 0x9f that stand alone: terminals take them for commands.
pub(super) fn without_hidden(bytes: &[u8]) -> String {
    let shown = without_overwritten(bytes);
    let mut text = decoded(&shown);
    if memchr(b'\t', text.as_bytes()).is_some() {
        // Without blanks in their places, words would be joined.
        text = Cow::Owned(text.replace('\t', " "));
    }
    if memchr(ESCAPE, text.as_bytes()).is_some() {
        return without_sequences(&text);
    }
    let mut visible = text.into_owned();
    if !visible.bytes().all(is_plain) {
        visible.retain(is_visible);
    }
    visible
}

/// What a terminal would show: after a carriage return the line is overwritten.
fn without_overwritten(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\r', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut shown = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        let start = memrchr(b'\r', &line[..end]).map_or(0, |last| last + 1);
        shown.extend_from_slice(&line[start..end]);
        shown.extend(line.ends_with(b"\n").then_some(b'\n'));
    }
    Cow::Owned(shown)
}

fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        match chunk.invalid() {
            [] | [0x80..=0x9f] => {}
            _ => text.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(text)
}

fn is_visible(c: char) -> bool {
    c == '\n' || !is_hidden(c)
}

/// Whether `byte` is a visible character of ASCII, a blank or a line feed.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\n' | b' '..=b'~')
}

/// The visible characters of `text` that no sequence after an escape character contains.
fn without_sequences(text: &str) -> String {
    let mut shown = Shown(String::with_capacity(text.len()));
    vte::Parser::new().advance(&mut shown, text.as_bytes());
    shown.0
}

/// Takes the characters that a terminal would show.
struct Shown(String);

impl vte::Perform for Shown {
    fn print(&mut self, c: char) {
        if is_visible(c) {
            self.0.push(c);
        }
    }

    fn execute(&mut self, byte: u8) {
        if byte == b'\n' {
            self.0.push('\n');
        }
    }
}
