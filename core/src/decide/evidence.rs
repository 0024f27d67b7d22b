//! From what a program printed to what is kept of it: cleaned, capped, and with the lines that
//! state the cause in front.

use sha2::{Digest as _, Sha256};

use crate::model::{FailureKind, Fingerprint};

/// First bytes of an output that are kept.
pub const HEAD_BYTES: usize = 16 << 10;
/// Last bytes of an output that are kept: the cause stands at the end.
pub const TAIL_BYTES: usize = 48 << 10;
/// Ends what stands for a part that was left out.
const GAP_END: &str = " bytes left out …]";
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

/// What follows one of these, up to the next blank, is a secret.
const SECRETS: &[&str] =
    &["_authtoken=", "authorization: bearer ", "authorization: basic ", "_password=", "token="];

/// `bytes` as text that is safe to store and to show: no escape sequences, no control characters
/// but newline and tab, no bidirectional overrides, what a carriage return overwrote left out,
/// secrets replaced by `***`.
pub fn clean(bytes: &[u8]) -> String {
    let mut shown = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        let start = line[..end].iter().rposition(|&byte| byte == b'\r').map_or(0, |at| at + 1);
        shown.extend_from_slice(&line[start..end]);
        shown.extend(line.ends_with(b"\n").then_some(b'\n'));
    }
    // The stripper takes tabs for escapes too, and words would run together.
    shown.iter_mut().filter(|byte| **byte == b'\t').for_each(|tab| *tab = b' ');
    let stripped = strip_ansi_escapes::strip(shown);
    let text = String::from_utf8_lossy(&stripped);
    redact(&text.chars().filter(|&c| c == '\n' || is_showable(c)).collect::<String>())
}

fn is_showable(c: char) -> bool {
    let is_bidi =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !is_bidi
}

fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        redacted.push_str(&redact_url_password(&redact_after_names(line)));
    }
    redacted
}

fn redact_after_names(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut redacted = String::with_capacity(line.len());
    let mut at = 0;
    while let Some((start, name)) = earliest(&lower, at) {
        let secret = start + name.len();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '&');
        let len = lower[secret..].find(is_end).unwrap_or(lower.len() - secret);
        redacted.push_str(&line[at..secret]);
        redacted.push_str(if len == 0 { "" } else { "***" });
        at = secret + len;
    }
    redacted + &line[at..]
}

fn earliest<'a>(lower: &str, from: usize) -> Option<(usize, &'a str)> {
    let place = |name: &'a str| lower[from..].find(name).map(|i| (from + i, name));
    SECRETS.iter().copied().filter_map(place).min()
}

/// `https://user:secret@host` without the secret. A loop: a hostile line may hold any number of them.
fn redact_url_password(line: &str) -> String {
    let mut redacted = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("://").map(|i| i + 3) {
        let end = rest[start..].find(['/', ' ', '"', '\'', '\n']).map_or(rest.len(), |i| start + i);
        redacted.push_str(&rest[..start]);
        match rest[start..end].rsplit_once('@') {
            Some((_, host)) => redacted.extend(["***@", host]),
            None => redacted.push_str(&rest[start..end]),
        }
        rest = &rest[end..];
    }
    redacted + rest
}

/// The first and last part of `text`, and whether something between them was left out, here or
/// before: what is capped already stays as it is.
pub fn cap(text: &str) -> (String, bool) {
    if text.len() <= HEAD_BYTES + TAIL_BYTES + LONGEST_GAP {
        return (text.to_owned(), text.contains(GAP_END));
    }
    let head = floor(text, HEAD_BYTES);
    let tail = ceil(text, text.len() - TAIL_BYTES);
    (format!("{}{}{}", &text[..head], gap((tail - head) as u64), &text[tail..]), true)
}

/// Stands for `n` bytes that were left out.
pub fn gap(n: u64) -> String {
    format!("\n[… {n}{GAP_END}\n")
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

/// The end states the cause: a message that is too long loses its beginning.
fn ending(lines: &[&str]) -> String {
    let message = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    message[ceil(&message, message.len().saturating_sub(MESSAGE_BYTES))..].to_owned()
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
    fn what_a_terminal_would_obey_is_gone() {
        let text = clean(b"\x1b[31mred\x1b[0m\x07 10%\r20%\r done\r\nx\x00y \xe2\x80\xaetxt.exe");
        assert_eq!(text, " done\nxy txt.exe");
        assert_eq!(
            clean(b"go: x\treading y\n\tserver response"),
            "go: x reading y\n server response"
        );
    }

    #[test]
    fn secrets_are_replaced() {
        let text =
            clean(b"//r/:_authToken=npm_abc x\nGET https://joe:pw@h/x?token=q&y https://h/\n");
        assert_eq!(text, "//r/:_authToken=*** x\nGET https://***@h/x?token=***&y https://h/\n");
    }

    #[test]
    fn a_line_of_nothing_but_addresses_is_read_on_a_small_stack() {
        let text = "https://a:b@c/".repeat(20_000);
        let read = move || clean(text.as_bytes());
        let small = std::thread::Builder::new().stack_size(256 << 10);
        assert_eq!(small.spawn(read).unwrap().join().unwrap(), "https://***@c/".repeat(20_000));
    }

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
        fn any_bytes_become_a_bounded_text(bytes: Vec<u8>) {
            let text = clean(&bytes);
            prop_assert!(text.chars().all(|c| c == '\n' || is_showable(c)));
            prop_assert!(message(&text).len() <= MESSAGE_BYTES);
            let _ = fingerprint(FailureKind::Unclassified, &text, "x");
        }
    }
}
