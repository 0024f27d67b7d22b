//! Where in a text a pattern may stand.

use super::Context;
use crate::model::FailureKind;

/// Words before a plain phrase that make it the subject of a sentence, and not a report.
const SUBJECTS: &[&str] = &[
    " when",
    " if",
    " the",
    " a",
    " an",
    " on",
    " for",
    " about",
    " like",
    " handle",
    " handles",
    " handling",
    " no",
    " not",
    " avoid",
    " avoids",
    " fix",
    " fixes",
    " simulate",
    " simulates",
];
/// How many characters behind a status code are searched for its reason.
const STATUS_TEXT: usize = 200;
/// The shortest beginning of a pattern that is recognised at the end of a text that was cut, in bytes.
/// It has at least two words.
const MIN_BEGINNING: usize = 10;

/// Whether the pattern is not a part of a longer name, such as a path or the name of a package.
pub(super) fn is_separate(text: &str, at: usize, end: usize, pattern: &str) -> bool {
    // The last word of a phrase may have an ending, and a path may stand before its first one.
    let is_name = !pattern.contains(' ');
    let continues = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"_-@".contains(&byte) || is_name && byte == b'/'
    };
    let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied();
    let after = bytes.get(end).copied();
    let begins_free = !is_word(pattern.as_bytes().first()) || !before.is_some_and(continues);
    let ends_in_word = is_name && is_word(pattern.as_bytes().last());
    begins_free && !(ends_in_word && after.is_some_and(continues))
}

/// Whether a pattern with the text `before` it in its line, and `after` it, stands in `context`.
pub(super) fn stands_in(
    context: Context,
    before: &str,
    after: &str,
    is_marked: impl Fn() -> bool,
) -> bool {
    let said = before.trim_end();
    match context {
        Context::Anywhere => true,
        Context::Beginning => said.is_empty() || said.ends_with([':', '.', '(']),
        Context::Phrase => is_said(before, after),
        Context::Reported => {
            let begins = said.is_empty() || !said.ends_with(char::is_alphanumeric);
            is_said(before, after) && !said.ends_with('/') && (begins || is_marked())
        }
    }
}

/// Whether a phrase between these texts is a message, and not the subject of another sentence.
fn is_said(before: &str, after: &str) -> bool {
    let said = before.trim_end();
    !is_in_quotes(before, after) && !SUBJECTS.iter().any(|word| said.ends_with(word))
}

/// Whether the pattern is all that stands between two quotation marks, as in prose. In JSON and in
/// logs a colon or an equals sign stands before them.
fn is_in_quotes(before: &str, after: &str) -> bool {
    let Some(mark) = before.chars().next_back().filter(|c| "\"'`‘“".contains(*c)) else {
        return false;
    };
    let closing = match mark {
        '‘' => '’',
        '“' => '”',
        mark => mark,
    };
    let named = before[..before.len() - mark.len_utf8()].trim_end();
    after.starts_with(closing) && !named.ends_with([':', '=', '('])
}

/// The cause that is stated by the status code of an answer at the beginning of `rest`.
pub(super) fn of_status(rest: &str) -> Option<FailureKind> {
    let digits = rest.get(..3).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?;
    if rest[3..].starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    // Not the whole line, which may be long and full of codes.
    let end = rest.char_indices().nth(STATUS_TEXT).map_or(rest.len(), |(at, _)| at);
    let line = rest[..end].split('\n').next().unwrap_or(rest);
    Some(match digits {
        "429" => FailureKind::RateLimited,
        "401" | "403" if line.contains("rate limit") => FailureKind::RateLimited,
        "401" | "403" | "407" => FailureKind::AuthRequired,
        "408" => FailureKind::Timeout,
        _ if digits.starts_with('5') => FailureKind::UpstreamUnavailable,
        _ => return None,
    })
}

/// How much of the beginning of `pattern` ends `text`; 0 if a word would be divided.
pub(super) fn begun_length(text: &str, pattern: &str) -> usize {
    let begins = |len: &usize| {
        let begun = pattern.as_bytes().get(..*len);
        let at = text.len().checked_sub(*len);
        begun.zip(at).is_some_and(|(begun, at)| {
            let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            text.as_bytes().get(at..) == Some(begun)
                && begun.contains(&b' ')
                && before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
        })
    };
    (MIN_BEGINNING..pattern.len()).rev().find(begins).unwrap_or(0)
}
