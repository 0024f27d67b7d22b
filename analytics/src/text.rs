//! Makes text of packages and programs safe to show.

use std::fmt::{self, Write as _};

use askama::{FastWritable, Values};
use batch_core::model::{EcosystemId, PackageName, RecipeName};
use chrono::{DateTime, Datelike as _, Timelike as _, Utc};
use smol_str::{SmolStr, SmolStrBuilder};

use crate::html::Escaped;

/// Text without hidden parts: escape sequences are removed, and control and direction characters
/// are replaced by visible marks. HTML is not escaped here; templates do that.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(SmolStr);

impl Text {
    /// All of `raw`, with its line breaks.
    pub(crate) fn new(raw: &str) -> Self {
        Self(if is_plain(raw) { raw.into() } else { visible(raw).into() })
    }

    /// The `Display` text of `value`.
    pub(crate) fn of(value: impl fmt::Display) -> Self {
        let mut text = SmolStrBuilder::new();
        // It takes every text, and values of this program have no `Display` that fails.
        let _ = write!(text, "{value}");
        let text = text.finish();
        if is_plain(&text) { Self(text) } else { Self(visible(&text).into()) }
    }

    /// The last line of `raw` that is not empty, cut to `n` characters.
    pub(crate) fn last_line(raw: &str, n: usize) -> Self {
        let line = raw.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        let mut text = visible(line);
        if let Some((end, _)) = text.char_indices().nth(n) {
            text.truncate(end);
            text.push('…');
        }
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The text for a template. Without this, the template escapes it as well, in more time.
    pub(crate) fn html(&self) -> Escaped<'_> {
        Escaped(self.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

/// What is a text already needs no formatter.
macro_rules! from_texts {
    ($($what:ty),*) => {$(
        impl From<$what> for Text {
            fn from(raw: $what) -> Self {
                Self::new(raw.as_str())
            }
        }
    )*};
}

from_texts!(String, &String, &EcosystemId, &PackageName, &RecipeName);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Without the detour of a formatter, of which a site would need millions.
impl FastWritable for Text {
    fn write_into(&self, into: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(into.write_str(&self.0)?)
    }
}

/// Some of all bytes, as a table.
pub(crate) struct Bytes([bool; 256]);

impl Bytes {
    /// `bytes` and no others.
    pub(crate) const fn these(bytes: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut i = 0;
        while i < bytes.len() {
            table[bytes[i] as usize] = true;
            i += 1;
        }
        Self(table)
    }

    /// The others.
    const fn others(mut self) -> Self {
        let mut i = 0;
        while i < self.0.len() {
            self.0[i] = !self.0[i];
            i += 1;
        }
        self
    }

    /// The place of the first of them in `text`.
    pub(crate) fn first_in(&self, text: &[u8]) -> Option<usize> {
        const PIECE: usize = 8;
        let is_in = |byte: &u8| self.0[usize::from(*byte)];
        let (pieces, rest) = text.as_chunks::<PIECE>();
        // All bytes of a piece are looked at: one decision for all takes less time than one for each.
        let has_any = |piece: &[u8; PIECE]| piece.iter().fold(false, |any, byte| any | is_in(byte));
        match pieces.iter().position(has_any) {
            Some(i) => Some(i * PIECE + pieces[i].iter().position(is_in)?),
            None => Some(text.len() - rest.len() + rest.iter().position(is_in)?),
        }
    }
}

/// All bytes that do not stay as they are. Those of nearly every text do.
static NOT_PLAIN: Bytes = {
    let mut plain = Bytes::these(b"\n\t");
    let mut byte = b' ';
    while byte <= b'~' {
        plain.0[byte as usize] = true;
        byte += 1;
    }
    plain.others()
};

/// Whether `raw` has nothing to replace.
fn is_plain(raw: &str) -> bool {
    NOT_PLAIN.first_in(raw.as_bytes()).is_none()
}

fn visible(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        let end = NOT_PLAIN.first_in(rest.as_bytes()).unwrap_or(rest.len());
        text.push_str(&rest[..end]);
        let mut special = rest[end..].chars();
        let Some(c) = special.next() else { return text };
        rest = special.as_str();
        match c {
            '\u{1b}' if rest.starts_with('[') => rest = after_sequence(&rest[1..]),
            '\r' if rest.starts_with('\n') => {}
            '\0'..='\u{1f}' => text.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => text.push('\u{2421}'),
            c if hides(c) => {
                let _ = write!(text, "[U+{:04X}]", u32::from(c));
            }
            c => text.push(c),
        }
    }
}

/// What follows a control sequence, whose introducer is already read. It ends with its first character
/// from `@` to `~`.
fn after_sequence(text: &str) -> &str {
    let text = text.trim_start_matches(|c| (' '..='?').contains(&c));
    text.strip_prefix(|c| ('@'..='~').contains(&c)).unwrap_or(text)
}

/// Whether `c` is invisible or moves other characters.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// `raw` if it is safe to link to: https, a plain host name, and no character that needs escaping.
pub(crate) fn https_url(raw: &str) -> Option<String> {
    let rest = raw.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = authority.starts_with(|c: char| c.is_ascii_alphanumeric())
        && authority.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:".contains(&b));
    let is_plain = rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&b));
    (is_host && is_plain).then(|| raw.to_owned())
}

/// An instant, shown in UTC to the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Timestamp(pub(crate) DateTime<Utc>);

impl Timestamp {
    /// The start of its minute, which looks the same.
    pub(crate) fn to_minute(self) -> Self {
        let start = self.0.with_second(0).and_then(|at| at.with_nanosecond(0));
        Self(start.unwrap_or(self.0))
    }

    /// Calls `put` with the characters.
    pub(crate) fn write<T>(self, put: impl FnOnce(&str) -> T) -> T {
        match self.digits() {
            Some(mut digits) => {
                digits[10] = b' ';
                put(text_of(&digits[..16]))
            }
            None => put(&self.0.format("%Y-%m-%d %H:%M").to_string()),
        }
    }

    /// To the second, for programs.
    pub(crate) fn iso(self) -> String {
        match self.digits() {
            Some(digits) => format!("{}Z", text_of(&digits)),
            None => self.0.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// The characters of `2026-11-21T13:00:05`; `None` for a year without four digits. A site shows
    /// a million instants, so they are not formatted by a pattern.
    fn digits(self) -> Option<[u8; 19]> {
        let mut text = *b"0000-00-00T00:00:00";
        let at = self.0.naive_utc();
        let year = u32::try_from(at.year()).ok().filter(|year| *year <= 9_999)?;
        let parts = [
            (0, year / 100),
            (2, year % 100),
            (5, at.month()),
            (8, at.day()),
            (11, at.hour()),
            (14, at.minute()),
            (17, at.second()),
        ];
        for (i, n) in parts {
            let digit = |n: u32| b'0' + u8::try_from(n % 10).unwrap_or(0);
            (text[i], text[i + 1]) = (digit(n / 10), digit(n));
        }
        Some(text)
    }
}

fn text_of(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(|text| f.write_str(text))
    }
}

impl FastWritable for Timestamp {
    fn write_into(&self, into: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(self.write(|text| into.write_str(text))?)
    }
}

/// It has digits and marks between them.
impl askama::filters::HtmlSafe for Timestamp {}

/// Formats seconds, for example 90061 as `25 h 1 min`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A count with its noun: `1 run`, `2 runs`.
pub(crate) fn counted(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, shown: &str) {
        assert_eq!(Text::new(raw).as_str(), shown, "{raw:?}");
    }

    #[test]
    fn the_first_byte_is_found_wherever_it_is() {
        let some = Bytes::these(b"<&");
        for n in 0..40 {
            let mut text = vec![b'x'; n];
            assert_eq!(some.first_in(&text), None, "{n}");
            for at in 0..n {
                text[at..].fill(b'&');
                assert_eq!(some.first_in(&text), Some(at), "{n}");
                text[at] = b'x';
            }
        }
    }

    #[test]
    fn hidden_parts_of_a_text_become_visible() {
        check("\u{1b}[1;31merror\u{1b}[0m: no", "error: no");
        check("a\u{1b}]0;title\u{7}b", "a␛]0;title␇b");
        check("user\u{202e}txt.exe", "user[U+202E]txt.exe");
        check("a\0b\u{7f}c\u{9b}31m", "a␀b␡c[U+009B]31m");
        check("one\r\ntwo\rthree\tfour\n", "one\ntwo␍three\tfour\n");
        check("pay\u{200b}pal\u{feff}", "pay[U+200B]pal[U+FEFF]");
        check("Ünïcode 日本語 👩‍💻 stays", "Ünïcode 日本語 👩‍💻 stays");
        check("\u{1b}[", "");
    }

    #[test]
    fn the_last_line_is_the_last_nonempty_one() {
        assert_eq!(Text::last_line("a\nb b\n \n", 9).as_str(), "b b");
        assert_eq!(Text::last_line("äöüß", 2).as_str(), "äö…");
        assert_eq!(Text::last_line("", 2).as_str(), "");
    }

    #[test]
    fn an_instant_is_shown_as_its_pattern_says() {
        for text in ["2026-11-21T13:00:05Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9Z"] {
            let at = Timestamp(text.parse().unwrap());
            assert_eq!(at.iso(), at.0.format("%Y-%m-%dT%H:%M:%SZ").to_string());
            assert_eq!(at.to_string(), at.0.format("%Y-%m-%d %H:%M").to_string());
        }
        let far = Timestamp(DateTime::<Utc>::MAX_UTC);
        assert!(far.to_string().starts_with("+262142-"), "{far}");
    }

    #[test]
    fn only_a_plain_https_address_becomes_a_link() {
        for url in ["https://example.org/a?b=c#d", "https://example.org:8443"] {
            assert_eq!(https_url(url).as_deref(), Some(url));
        }
        for url in [
            "javascript:alert(1)",
            "http://example.org",
            "https://",
            "https:///x",
            "https://a@b/",
            "https://example.org/\"onclick=x",
            "https://example.org/ x",
            "HTTPS://x",
            " https://example.org",
            "https://example.org/\u{202e}",
            "data:text/html,x",
            "//example.org",
        ] {
            assert_eq!(https_url(url), None, "{url}");
        }
    }
}
