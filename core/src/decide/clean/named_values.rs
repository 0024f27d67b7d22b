//! Values that are secret because of their names.

use std::ops::Range;

use super::{
    markers::{NO_VALUES, Name, SCHEMES, is_packed, is_word},
    scan::{Class, Scan},
};

/// How many bytes are read to decide whether a value is secret.
const LOOK_AHEAD: usize = 64;

/// The secret value of a name that ends at `mark`.
pub(super) fn value(scan: &mut Scan<'_>, name: Name, mark: Range<usize>) -> Option<Range<usize>> {
    match name {
        Name::Query => of_query(scan, &mark),
        Name::Cookie => of_cookie(scan, mark.end),
        Name::Header => of_header(scan, mark.end),
        Name::Password | Name::Token => {
            assigned(scan, name, mark.end).or_else(|| as_word(scan, &mark))
        }
    }
}

/// `&sig=value`.
fn of_query(scan: &mut Scan<'_>, mark: &Range<usize>) -> Option<Range<usize>> {
    const MAX_NAME: usize = 24;
    let start = scan.run_before(mark.start, MAX_NAME, is_word);
    let begins = scan.before(start).is_some_and(|byte| b"?&;".contains(&byte));
    if !begins || scan.in_line(mark.end) != Some(b'=') {
        return None;
    }
    let start = mark.end + 1;
    let value = start..scan.run(start, usize::MAX, is_in_value);
    (!value.is_empty()).then_some(value)
}

/// `Cookie: name=value; name=value`.
fn of_cookie(scan: &mut Scan<'_>, after: usize) -> Option<Range<usize>> {
    let separator = separator(scan, after)?;
    let near = scan.run(separator.value, LOOK_AHEAD, is_in_line);
    let has_pair = scan.part(separator.value..near).contains(&b'=');
    has_pair.then(|| separator.value..scan.run(near, usize::MAX, is_in_line))
}

/// `Authorization: Scheme credentials`.
fn of_header(scan: &mut Scan<'_>, after: usize) -> Option<Range<usize>> {
    let start = separator(scan, after)?.value;
    for scheme in SCHEMES {
        let credentials = start + scheme.len() + 1;
        if scan.says(start, scheme) && scan.in_line(credentials - 1) == Some(b' ') {
            let end = scan.run(credentials, usize::MAX, is_in_line);
            return (credentials < end).then_some(credentials..end);
        }
    }
    let near = scan.run(start, LOOK_AHEAD, is_in_value);
    is_random(scan.part(start..near)).then(|| start..scan.run(near, usize::MAX, is_in_value))
}

/// The text between a name and its value.
struct Separator {
    /// Where the value begins.
    value: usize,
    /// Whether it is `=` without blanks.
    is_tight: bool,
    /// Whether the name is in quotes, as in JSON.
    is_quoted: bool,
    /// The quote at the beginning of the value, and whether a backslash precedes it.
    quote: Option<(u8, bool)>,
}

/// Reads `=`, `: `, `": "`, ` => ` and similar separators of about ten bytes at most.
fn separator(scan: &mut Scan<'_>, after: usize) -> Option<Separator> {
    let mut at = after;
    let name_quote = quote(scan, &mut at);
    let is_quoted = name_quote.is_some();
    if scan.in_line(at) == Some(b']') {
        at += 1;
    }
    let first = at;
    at = scan.run(at, 2, |byte| byte == b' ');
    match (scan.in_line(at)?, scan.in_line(at + 1)) {
        (b'=', Some(b'=' | b'~')) | (b':', Some(b':')) => return None,
        (b'=', Some(b'>')) | (b':', Some(b'=')) => at += 2,
        (b'=' | b':', _) => at += 1,
        _ => return None,
    }
    let is_equals = scan.part(at - 1..at) == b"=";
    let end = scan.run(at, 3, |byte| byte == b' ');
    let is_tight = is_equals && first + 1 == at && end == at;
    at = end;
    let quote = quote(scan, &mut at);
    Some(Separator { value: at, is_tight, is_quoted, quote })
}

/// Skips a quote at `at`, which a backslash may precede.
fn quote(scan: &mut Scan<'_>, at: &mut usize) -> Option<(u8, bool)> {
    let is_escaped = scan.in_line(*at) == Some(b'\\');
    let start = *at + usize::from(is_escaped);
    let quote = scan.in_line(start).filter(|&byte| is_quote(byte))?;
    *at = start + 1;
    Some((quote, is_escaped))
}

/// `name=value`, `"name": "value"`, `name: value`.
fn assigned(scan: &mut Scan<'_>, name: Name, after: usize) -> Option<Range<usize>> {
    let Separator { value, is_tight, is_quoted, quote } = separator(scan, after)?;
    let class: Class = match quote {
        // The backslash before the closing quote is not part of the value.
        Some((_, true)) => |byte| is_in_value(byte) && byte != b'\\',
        Some((_, false)) | None => is_in_value,
    };
    let near = scan.run(value, LOOK_AHEAD, class);
    let word = scan.part(value..near);
    let is_named = name == Name::Password || is_tight || (is_quoted && quote.is_some());
    if !(is_named && is_value(word) || is_random(word)) {
        return None;
    }
    let end = match quote {
        Some((b'"', true)) => scan.run(near, usize::MAX, |byte| !b"\"\\".contains(&byte)),
        Some((b'\'', true)) => scan.run(near, usize::MAX, |byte| !b"'\\".contains(&byte)),
        Some((b'"', false)) => scan.run(near, usize::MAX, |byte| byte != b'"'),
        Some((b'\'', false)) => scan.run(near, usize::MAX, |byte| byte != b'\''),
        _ => scan.run(near, usize::MAX, is_in_value),
    };
    Some(value..end)
}

/// `--name value` on a command line, and `login name password value` in a file of logins.
fn as_word(scan: &mut Scan<'_>, mark: &Range<usize>) -> Option<Range<usize>> {
    const MAX_OPTION: usize = 32;
    const MAX_LOGIN: usize = 100;
    let start = mark.end + 1;
    if scan.in_line(mark.end) != Some(b' ') || scan.breaks_at(start) {
        return None;
    }
    let option = scan.run_before(mark.start, MAX_OPTION, is_word);
    let is_option = scan.part(option..mark.start).starts_with(b"--");
    let is_login = !is_option && {
        let before = scan.run_before(mark.start, MAX_LOGIN, is_in_line);
        scan.part(before..mark.start).windows(6).any(|words| words == b"login ")
    };
    let near = scan.run(start, LOOK_AHEAD, is_in_value);
    let word = scan.part(start..near);
    let is_prose = word.iter().all(|byte| byte.is_ascii_uppercase() || b"_-".contains(byte))
        || word.starts_with(b"-")
        || word.starts_with(b"[");
    let is_secret = (is_option || is_login) && !is_prose && is_value(word);
    is_secret.then(|| start..scan.run(near, usize::MAX, is_in_value))
}

/// Whether `word` can be a value.
fn is_value(word: &[u8]) -> bool {
    let bare = word.trim_ascii_end();
    let end = bare.iter().rposition(|byte| !b",;)}]".contains(byte)).map_or(0, |last| last + 1);
    let is_none = NO_VALUES.iter().any(|none| bare[..end].eq_ignore_ascii_case(none.as_bytes()));
    0 < end && !is_none && !word.starts_with(b"<")
}

/// Whether `word` looks random: it has letters and digits, and is no version, path or expression.
fn is_random(word: &[u8]) -> bool {
    const SHORTEST: usize = 8;
    let is_version = {
        let digits = word.strip_prefix(b"v").unwrap_or(word);
        let n_digits = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        0 < n_digits && digits.get(n_digits) == Some(&b'.')
    };
    let is_made_of = |byte: &u8| is_packed(*byte) || b"!@#$%^*".contains(byte);
    SHORTEST <= word.len()
        && word.iter().any(u8::is_ascii_digit)
        && word.iter().any(u8::is_ascii_alphabetic)
        && word.iter().all(is_made_of)
        && !word.starts_with(b"/")
        && !word.starts_with(b".")
        && !is_version
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

/// Whether `byte` can be part of a value without quotes.
fn is_in_value(byte: u8) -> bool {
    byte != b' ' && byte != b'&' && !is_quote(byte)
}

/// Whether `byte` can be part of a value that ends with its line or with the quotes around it.
fn is_in_line(byte: u8) -> bool {
    !is_quote(byte)
}
