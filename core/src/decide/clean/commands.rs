//! Commands to CI systems. A CI system executes them wherever they appear in the log of a job,
//! whoever printed them. A package could set outputs, hide lines or stop the commands of others.
//!
//! GitHub accepts `::name::` at the beginning of a line, after blanks, and `##[name]` anywhere in a
//! line. Other systems accept `##[name]`, `##vso[name]` and `##teamcity[name]`.

use std::fmt::Write as _;

use memchr::memchr2_iter;

use crate::model::is_hidden;

/// Longest word between `##` and `[`.
const MAX_WORD: usize = 16;

/// `text` with a backslash in each sequence that would begin a command: `:\:name::` and
/// `##\[name]`.
pub fn without_commands(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut done = 0;
    for at in memchr2_iter(b'[', b':', text.as_bytes()) {
        let backslash = match text.as_bytes()[at] {
            b'[' if ends_mark(text, at) => at,
            b':' if begins_line(text, at) => at + 1,
            _ => continue,
        };
        safe.push_str(&text[done..backslash]);
        safe.push('\\');
        done = backslash;
    }
    safe + &text[done..]
}

/// Whether the `:` at `at` is the first character of its line, apart from blanks, and another one
/// follows.
fn begins_line(text: &str, at: usize) -> bool {
    let before = || text[..at].chars().rev().find(|&c| c == '\n' || !c.is_whitespace());
    text[at..].starts_with("::") && before().is_none_or(|c| c == '\n')
}

/// `json`, which is valid JSON, with escapes in place of hidden characters and of one character of
/// each sequence that would begin a command. Its meaning does not change. No line of JSON begins
/// with a colon.
pub fn json_without_commands(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for (at, c) in json.char_indices() {
        if (c != '\n' && is_hidden(c)) || ends_mark(json, at) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Whether the `[` at `at` ends a `##word[` in `text`.
fn ends_mark(text: &str, at: usize) -> bool {
    if text.as_bytes()[at] != b'[' {
        return false;
    }
    let before = &text.as_bytes()[..at];
    let letters = before.iter().rev().take(MAX_WORD);
    let len = letters.take_while(|byte| byte.is_ascii_alphanumeric()).count();
    before[..at - len].ends_with(b"##")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines that a CI system executes.
    const COMMANDS: &[&str] = &[
        "::set-output name=x::y",
        "::add-mask::e",
        "::stop-commands::token",
        "::error file=a.js,line=1::message",
        "::group::x",
        "::endgroup::",
        "::add-matcher::/tmp/x.json",
        "::save-state name=x::y",
        "::SET-ENV name=PATH::/tmp",
        "  \t\u{a0}\u{3000}::warning::indented",
        "##[add-mask]e",
        "text before ##[set-output name=x]y",
        "###[error]x",
        "##vso[task.setvariable variable=x]y",
        "##VSO[task.prependpath]/tmp",
        "##teamcity[setParameter name='x' value='y']",
    ];

    /// Whether a runner would find a command in `line`.
    fn is_obeyed(line: &str) -> bool {
        let hashes = line.char_indices().any(|(at, _)| {
            let rest = line[at..].strip_prefix("##").unwrap_or_default();
            rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).starts_with('[')
        });
        hashes || line.trim_start().starts_with("::")
    }

    #[test]
    fn no_command_of_a_ci_system_is_left() {
        for command in COMMANDS {
            assert!(is_obeyed(command), "{command}");
            let safe = without_commands(&format!("first\n{command}\nlast"));
            assert!(!safe.lines().any(is_obeyed), "{safe}");
            assert_eq!(safe.replace('\\', ""), format!("first\n{command}\nlast"));
        }
    }

    #[test]
    fn other_lines_are_kept() {
        for text in ["## Usage", "a::b", "# [x]", "std::io::Error", "x ::set-output::y", "#[test]"]
        {
            assert_eq!(without_commands(text), text);
        }
    }

    #[test]
    fn json_keeps_its_meaning_and_contains_no_commands() {
        for command in COMMANDS.iter().chain(&["\u{202e}\u{e0041}\u{200b}\u{85}x"]) {
            let json = serde_json::to_string_pretty(&[command]).unwrap();
            let safe = json_without_commands(&json);
            assert!(!safe.lines().any(is_obeyed), "{safe}");
            assert!(safe.chars().all(|c| c == '\n' || !is_hidden(c)), "{safe}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), [*command]);
        }
    }

    proptest! {
        #[test]
        fn safe_text_is_unchanged(text in "[:#\\x5b\\x5c \na-z]{0,40}") {
            let safe = without_commands(&text);
            prop_assert!(!safe.lines().any(is_obeyed), "{:?}", safe);
            prop_assert_eq!(without_commands(&safe), safe);
        }
    }
}
