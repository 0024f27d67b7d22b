//! What is kept of the output of a program, after cleaning (see [`clean`](super::clean)): its
//! beginning and its end, and the lines that state the cause.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::{
    decide::headline,
    model::{Confidence, Failure, FailureKind, Finding, Fingerprint, PackageId, Stage},
};

/// How many bytes of the beginning of an output are kept.
pub const HEAD_BYTES: usize = 16 << 10;
/// How many bytes of the end of an output are kept. The cause is usually at the end.
pub const TAIL_BYTES: usize = 48 << 10;
/// Begins the text that replaces a part that was left out.
const GAP_START: &str = "\n[… ";
/// Ends that text.
const GAP_END: &str = " bytes left out …]\n";
/// Space that is reserved for that text.
const MAX_GAP: usize = 64;

/// Maximal length of a message in bytes.
pub const MESSAGE_BYTES: usize = 2 << 10;
/// Maximal number of last lines in a message.
const MESSAGE_LINES: usize = 12;
/// A longer line is not put before the last lines, because these would find no room.
const MAX_EARLIER: usize = 512;

/// Parts of lines that say nothing about a cause.
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

/// The first and the last part of `text`, and whether something between them was left out, now or
/// earlier. A text that was shortened before does not change.
pub fn cap(text: &str) -> (String, bool) {
    if text.len() <= HEAD_BYTES + TAIL_BYTES + MAX_GAP {
        return (text.to_owned(), text.contains(GAP_END));
    }
    let head = floor(text, HEAD_BYTES);
    let tail = ceil(text, text.len() - TAIL_BYTES);
    // The second part of a divided line must not become a command to a CI system.
    let gap = gap((tail - head) as u64);
    (format!("{}…{gap}…{}", &text[..head], &text[tail..]), true)
}

/// The text that replaces `n` bytes that were left out.
pub fn gap(n: u64) -> String {
    format!("{GAP_START}{n}{GAP_END}")
}

/// The positions in `text` of the texts that replace parts that were left out.
pub(super) fn gaps(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(GAP_START).filter_map(|(start, _)| {
        let number = &text[start + GAP_START.len()..];
        let len = number.bytes().take_while(u8::is_ascii_digit).count();
        let end = start + GAP_START.len() + len + GAP_END.len();
        number[len..].starts_with(GAP_END).then_some(start..end)
    })
}

/// The lines of `text` that state the cause, at most [`MESSAGE_BYTES`]: the last lines that are
/// marked as errors, with the items of a list below them, otherwise the last lines. If the most telling line is not among the last ones,
/// it is the first one of the message: tools print it before everything that follows from it. Empty
/// only for an empty text.
pub fn message(text: &str) -> String {
    let said: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_noise = |line: &&&str| NOISE.iter().any(|noise| line.contains(noise));
    let telling: Vec<&str> = said.iter().filter(|line| !is_noise(line)).copied().collect();
    // If all lines are noise, they are still everything that is known.
    let lines = if telling.is_empty() { said } else { telling };
    let is_marked = |line: &&&str| {
        let lower = line.to_ascii_lowercase();
        MARKS.iter().any(|mark| lower.contains(mark))
    };
    let mut is_below_error = false;
    let is_kept = |line: &&&str| {
        is_below_error = is_marked(line) || is_below_error && is_item(line);
        is_below_error
    };
    let marked: Vec<&str> = lines.iter().filter(is_kept).copied().collect();
    let chosen = if marked.is_empty() { lines } else { marked };
    let last = &chosen[chosen.len().saturating_sub(MESSAGE_LINES)..];
    let is_apart = |line: &&str| !last.contains(line) && line.len() <= MAX_EARLIER;
    let telling = headline::telling_line(text).filter(is_apart);
    let kept: Vec<&str> = telling.into_iter().chain(last.iter().copied()).collect();
    match telling {
        Some(line) if kept.iter().map(|line| line.len() + 1).sum::<usize>() > MESSAGE_BYTES => {
            let room = MESSAGE_BYTES - line.len() - 1;
            format!("{}\n{}", line.trim_end(), ending(last, room))
        }
        Some(_) | None => ending(&kept, MESSAGE_BYTES),
    }
}

/// Whether `line` is an item of a list below another line. Below an error, items are its reasons.
fn is_item(line: &str) -> bool {
    let said = line.trim_start();
    said.len() < line.len() && ["- ", "* ", "• "].iter().any(|mark| said.starts_with(mark))
}

/// All lines of `text`, which consists only of a cause, at most [`MESSAGE_BYTES`].
pub fn stated(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    ending(&lines, MESSAGE_BYTES)
}

/// A message that is too long loses its beginning, because the end states the cause. The rest of a
/// divided line begins with an ellipsis, so that it cannot become a command to a CI system.
fn ending(lines: &[&str], room: usize) -> String {
    let message = lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n");
    if message.len() <= room {
        return message;
    }
    format!("…{}", &message[ceil(&message, message.len() - room + "…".len())..])
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The first character boundary at or after `at`.
fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len())
}

/// The failure of `package` with this cleaned `message`, in which no program printed anything.
pub fn failure(stage: Stage, finding: Finding, message: String, package: &PackageId) -> Failure {
    // Failures without a stated cause cannot be distinguished by their texts.
    let told = if finding.confidence == Confidence::Lost { "" } else { &*message };
    Failure {
        stage,
        fingerprint: fingerprint(finding.kind, told, package.name.as_str()),
        finding,
        message,
        output: String::new(),
        exit_code: None,
        blocked_by: vec![],
        steps: vec![],
    }
}

/// Equal causes have equal fingerprints: addresses, paths, versions, hashes, numbers, quoted texts
/// and `package` itself do not count.
pub fn fingerprint(kind: FailureKind, message: &str, package: &str) -> Fingerprint {
    let mut hasher = Sha256::new();
    hasher.update(kind.to_string());
    for line in message.lines() {
        hasher.update("\n");
        hasher.update(normalised(line, package));
    }
    Fingerprint(hasher.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes))
}

fn normalised(line: &str, package: &str) -> String {
    let unquoted = without_quoted(line);
    let word = |word: &str| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_variable = bare.contains(['/', '\\'])
            || bare.eq_ignore_ascii_case(package)
            || bare.contains(|c: char| c.is_ascii_digit())
            || bare.split('@').next() == Some(package) && !package.is_empty();
        if is_variable { "*".to_owned() } else { bare.to_ascii_lowercase() }
    };
    unquoted.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Replaces quoted parts by `*`. An apostrophe inside a word is not a quote.
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
        let listed = "Error: x is not valid\n  - it must have a y\nsee the manual\n  - of z";
        assert_eq!(message(listed), "Error: x is not valid\n  - it must have a y");
        assert_eq!(message("npm warn deprecated x\n\n"), "npm warn deprecated x");
        assert_eq!(message(" \n\n"), "");
        let long = format!("{}\nerror: the cause", "error: é\n".repeat(4000));
        assert!(message(&long).ends_with("error: the cause"));
    }

    #[test]
    fn the_line_with_the_reason_is_kept_before_many_that_follow_from_it() {
        let after = "tool error stack at x\n".repeat(30);
        let text = format!("tool error code 1\nx.c:1:1: fatal error: y.h: No such file\n{after}");
        let told = message(&text);
        assert_eq!(told.lines().next(), Some("x.c:1:1: fatal error: y.h: No such file"));
        assert_eq!(told.lines().count(), 13);
        let long =
            format!("Error: the reason\n{}", format!("failed{}\n", " x".repeat(300)).repeat(20));
        assert!(message(&long).starts_with("Error: the reason\n…"));
        assert!(message(&long).len() <= MESSAGE_BYTES);
    }

    #[test]
    fn a_line_with_the_cause_is_kept_whole() {
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
    fn a_long_output_keeps_its_beginning_and_its_end() {
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
