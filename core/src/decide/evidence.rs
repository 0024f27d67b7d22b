//! From what a program printed, cleaned (see [`clean`](super::clean)), to what is kept of it: its
//! two ends, and the lines that state the cause.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::model::{FailureKind, Fingerprint};

/// First bytes of an output that are kept.
pub const HEAD_BYTES: usize = 16 << 10;
/// Last bytes of an output that are kept: the cause stands at the end.
pub const TAIL_BYTES: usize = 48 << 10;
/// Begins what stands for a part that was left out.
const GAP_START: &str = "\n[… ";
/// Ends it.
const GAP_END: &str = " bytes left out …]\n";
/// Room for it.
const LONGEST_GAP: usize = 64;

/// Longest message.
pub const MESSAGE_BYTES: usize = 2 << 10;

/// Lines that say nothing about a cause, by what they contain.
const NOISE: &[&str] = &[
    "A complete log of this run can be found in",
    "npm notice",
    "npm warn",
    "elemetry",
    "Low GitHub API rate limit",
    "with hash verification",
];

/// Words that mark a line as stating a cause.
const MARKS: &[&str] = &[
    "caused by:",
    "error",
    "err!",
    "fatal",
    "failed",
    "failure",
    "cannot",
    "can't",
    "could not",
    "not found",
    "no such",
    "denied",
    "panicked",
    "exception",
    "refused",
    "timed out",
    "mismatch",
    "missing",
    "killed",
    "unable",
];

/// The first and last part of `text`, and whether something between them was left out, here or
/// before: what is capped already stays as it is.
pub fn cap(text: &str) -> (String, bool) {
    if text.len() <= HEAD_BYTES + TAIL_BYTES + LONGEST_GAP {
        return (text.to_owned(), text.contains(GAP_END));
    }
    let head = floor(text, HEAD_BYTES);
    let tail = ceil(text, text.len() - TAIL_BYTES);
    // The rest of a line must not become a command to a CI system by the cut.
    let gap = gap((tail - head) as u64);
    (format!("{}…{gap}…{}", &text[..head], &text[tail..]), true)
}

/// Stands for `n` bytes that were left out.
pub fn gap(n: u64) -> String {
    format!("{GAP_START}{n}{GAP_END}")
}

/// The places in `text` of what stands for parts that were left out.
pub(super) fn gaps(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(GAP_START).filter_map(|(start, _)| {
        let number = &text[start + GAP_START.len()..];
        let len = number.bytes().take_while(u8::is_ascii_digit).count();
        let end = start + GAP_START.len() + len + GAP_END.len();
        number[len..].starts_with(GAP_END).then_some(start..end)
    })
}

/// The lines of `text` that state the cause, at most [`MESSAGE_BYTES`]: the last ones that are
/// marked as errors, else the last ones at all. Empty only for an empty text.
pub fn message(text: &str) -> String {
    let said: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_noise = |line: &&&str| NOISE.iter().any(|noise| line.contains(noise));
    let telling: Vec<&str> = said.iter().filter(|line| !is_noise(line)).copied().collect();
    // A text of nothing but noise is still all that is known.
    let lines = if telling.is_empty() { said } else { telling };
    let is_marked = |line: &&&str| {
        let lower = line.to_ascii_lowercase();
        MARKS.iter().any(|mark| lower.contains(mark))
    };
    let marked: Vec<&str> = lines.iter().filter(is_marked).copied().collect();
    let chosen = if marked.is_empty() { lines } else { marked };
    let first = chosen.len().saturating_sub(12);
    ending(&chosen[first..])
}

/// All lines of `text`, which states a cause and nothing else, at most [`MESSAGE_BYTES`].
pub fn stated(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    ending(&lines)
}

/// The end states the cause: a message that is too long loses its beginning. What is left of a
/// line begins with an ellipsis: it must not become a command to a CI system by the cut.
fn ending(lines: &[&str]) -> String {
    let message = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    if message.len() <= MESSAGE_BYTES {
        return message;
    }
    format!("…{}", &message[ceil(&message, message.len() - MESSAGE_BYTES + "…".len())..])
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The first character boundary at or after `at`.
fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len())
}

/// Same cause, same fingerprint: addresses, paths, versions, hashes, numbers, quoted texts and
/// `package` itself do not count.
pub fn fingerprint(kind: FailureKind, message: &str, package: &str) -> Fingerprint {
    let mut hasher = Sha256::new();
    hasher.update(kind.to_string());
    for line in message.lines() {
        hasher.update("\n");
        hasher.update(normalised(line, package));
    }
    let digest = hasher.finalize();
    Fingerprint(digest[..8].iter().fold(0, |hash, &byte| hash << 8 | u64::from(byte)))
}

fn normalised(line: &str, package: &str) -> String {
    let unquoted = without_quoted(line);
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_variable = bare.contains(['/', '\\'])
            || bare.contains("://")
            || bare.eq_ignore_ascii_case(package)
            || bare.contains(|c: char| c.is_ascii_digit())
            || bare.split('@').next() == Some(package) && !package.is_empty();
        if is_variable { "*".to_owned() } else { bare.to_ascii_lowercase() }
    };
    unquoted.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Quoted parts become `*`. An apostrophe inside a word quotes nothing.
fn without_quoted(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut chars = line.chars();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let opens = matches!(c, '"' | '`' | '\'') && !before.is_alphanumeric();
        let rest = chars.as_str();
        match opens.then(|| rest.find(c)).flatten() {
            Some(len) => {
                kept.push('*');
                chars = rest[len + c.len_utf8()..].chars();
            }
            None => kept.push(c),
        }
        before = c;
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_message_ends_with_the_cause_and_skips_the_noise() {
        let text = "added 1\nnpm error code E404\nnpm error 404  Not Found - GET https://r/x\n\
                    npm notice new version\nnpm error A complete log of this run can be found in: /x\n";
        assert_eq!(
            message(text),
            "npm error code E404\nnpm error 404  Not Found - GET https://r/x"
        );
        assert_eq!(message("a\nb\n"), "a\nb");
        assert_eq!(message("npm warn deprecated x\n\n"), "npm warn deprecated x");
        assert_eq!(message(" \n\n"), "");
        let long = format!("{}\nerror: the cause", "error: é\n".repeat(4000));
        assert!(message(&long).ends_with("error: the cause"));
    }

    #[test]
    fn what_states_a_cause_is_kept_whole() {
        let chain = "cannot read it\ncaused by: https://r/x answered 500\n";
        assert_eq!(stated(chain), chain.trim_end());
        let long = format!("{}\nthe cause", "because\n".repeat(4000));
        assert!(stated(&long).ends_with("because\nthe cause"));
        assert!(stated(&long).len() <= MESSAGE_BYTES);
    }

    #[test]
    fn one_cause_has_one_fingerprint() {
        let of = |message, package| fingerprint(FailureKind::InstallFailed, message, package);
        let a = of("error: expected executable 'ng' of ng@1.2.3 not found in /tmp/x1", "ng");
        let b = of("error: expected executable 'tsc' of tsc@7.0.0 not found in /tmp/y/2", "tsc");
        assert_eq!(a, b);
        assert_ne!(a, of("error: disk quota exceeded", "ng"));
        assert_ne!(of("can't find it", "x"), of("can't reach it", "x"));
    }

    #[test]
    fn an_output_keeps_its_two_ends() {
        let (capped, truncated) = cap(&format!("first{}last", "é".repeat(60_000)));
        assert!(truncated && capped.starts_with("first") && capped.ends_with("last"));
        assert!(capped.len() < HEAD_BYTES + TAIL_BYTES + 64);
        assert_eq!(cap("short"), ("short".to_owned(), false));
        assert_eq!(cap(&capped), (capped, true), "capped twice");
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_bounded_message(text: String) {
            prop_assert!(message(&text).len() <= MESSAGE_BYTES);
            let _ = fingerprint(FailureKind::Unclassified, &text, "x");
        }
    }
}
