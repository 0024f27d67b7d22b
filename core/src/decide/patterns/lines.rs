//! How far the lines of an output may be believed.

use memchr::memchr_iter;

use crate::decide::quoted;

/// Parts of lines that report a repeated try.
const RETRIES: &[&str] = &["retrying", "will retry", "tries remaining", "tar_entry_error"];
/// Parts of warnings that report a failed request. What follows fails only for another reason if it
/// states that reason.
const FAILED_REQUESTS: &[&str] =
    &["could not fetch", "failed to fetch", "could not download", "failed to download"];
/// Parts of warnings after which the tool continues with something else, so that it fails later and
/// for this reason: the first cause wins over its consequences.
const SUBSTITUTES: &[&str] = &[
    "version resolution failed",
    ", using '",
    "falling back to",
    "rate limit exceeded",
    "rate limit exhausted",
    "unable to pull data",
];
/// The beginnings of warnings, remarks and advice.
const REMARKS: &[&str] = &[
    "warning",
    "warn ",
    "warn:",
    "[warn",
    "wrn ",
    "⚠",
    "deprecat",
    "info ",
    "info:",
    "[info",
    "debug",
    "hint:",
    "tip:",
    "if ",
    "for more ",
    "summary: ",
    "description: ",
];
/// The beginnings of lines that name a test.
const TESTS: &[&str] =
    &["=== run ", "=== cont ", "--- pass: ", "--- fail: ", "--- skip: ", "✓ ", "✔ ", "✕ ", "# "];
/// The ends of lines that name a test or another step that succeeded.
const SUCCESSES: &[&str] = &[" ok", " passed", " pass"];

/// How far a line may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// A message of the tool.
    Firm,
    /// A message about something that the tool repeated or did without. It states a cause only if no
    /// other line does.
    Weak,
    /// A warning or advice. It states a cause only in the words of the ecosystem's own tool, and only if
    /// no other line states one.
    Remark,
    /// Quoted or only named: nothing in it is a cause.
    Nothing,
}

/// The lines of a text. How far a line may be believed is found when it is asked for: most lines contain
/// no pattern.
pub(super) struct Lines<'a> {
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
    /// What was asked for before.
    known: Vec<Option<Trust>>,
    is_quoted: fn(&str) -> bool,
    retries: &'a [&'a str],
}

impl<'a> Lines<'a> {
    /// The lines of `text`, in lower case. `is_quoted` and `retries` are what the table of the
    /// ecosystem says about them.
    pub(super) fn new(text: &'a str, is_quoted: fn(&str) -> bool, retries: &'a [&'a str]) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        Self { text, known: vec![None; starts.len()], starts, is_quoted, retries }
    }

    /// The number of the line in which `at` lies.
    pub(super) fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at).saturating_sub(1)
    }

    /// Where line `n` begins.
    pub(super) fn start(&self, n: usize) -> usize {
        self.starts.get(n).copied().unwrap_or(self.text.len())
    }

    /// Line `n` with its end.
    pub(super) fn line(&self, n: usize) -> &'a str {
        &self.text[self.start(n)..self.start(n + 1)]
    }

    /// How far line `n` may be believed.
    pub(super) fn trust(&mut self, n: usize) -> Trust {
        let line = self.line(n);
        let (is_quoted, retries) = (self.is_quoted, self.retries);
        let found = || trust(line, is_quoted, retries);
        self.known.get_mut(n).map_or(Trust::Nothing, |known| *known.get_or_insert_with(found))
    }
}

fn trust(line: &str, is_quoted: fn(&str) -> bool, retries: &[&str]) -> Trust {
    let said = line.trim();
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    if quoted::is_quoted(line) || is_quoted(said) || is_test(said) {
        Trust::Nothing
    } else if has(RETRIES) || has(retries) {
        Trust::Weak
    } else if is_remark(said) {
        match () {
            () if has(SUBSTITUTES) => Trust::Firm,
            () if has(FAILED_REQUESTS) => Trust::Weak,
            () => Trust::Remark,
        }
    } else {
        Trust::Firm
    }
}

/// Whether `said` is a warning, a remark or advice.
pub(in crate::decide) fn is_remark(said: &str) -> bool {
    // Some tools name themselves first.
    let named = said.split_once(' ').map_or("", |(_, rest)| rest);
    let is_tools = named.starts_with("warn ") || named.starts_with("notice");
    is_tools || REMARKS.iter().any(|start| said.starts_with(start)) || is_python_warning(said)
}

/// A line of the form `file.py:10: UserWarning: text`.
fn is_python_warning(said: &str) -> bool {
    let Some((before, _)) = said.split_once("warning: ") else { return false };
    let class = before.rsplit(' ').next().unwrap_or(before);
    before.contains(".py:") && class.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether `said` names a test and what became of it.
fn is_test(said: &str) -> bool {
    let numbered = |word: &str| {
        let rest = said.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    numbered("ok ")
        || numbered("not ok ")
        || TESTS.iter().any(|start| said.starts_with(start))
        || said.starts_with("test ") && said.contains(" ... ")
        || SUCCESSES.iter().any(|end| said.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: Trust, lines: &[&str]) {
        for line in lines {
            assert_eq!(trust(line, |_| false, &["spurious"]), expected, "{line}");
        }
    }

    #[test]
    fn messages_are_believed_and_remarks_and_tests_are_not() {
        check(
            Trust::Firm,
            &[
                "error: no such host",
                "curl: (6) could not resolve host: x",
                "   no such host\n",
                "rust: warning about x: no such host",
                "tests failed: no such host",
                "warning: version resolution failed: rate limit exceeded, using 'dev'",
            ],
        );
        check(
            Trust::Nothing,
            &[
                "ok 12 - connection refused",
                "not ok 3 - no such host",
                "test net::no_such_host ... failed",
                "t/no such host.t .. ok",
                "--- pass: connection refused (0.00s)",
                "  12 | \"connection refused\"",
            ],
        );
        check(
            Trust::Remark,
            &[
                "warning: connection refused",
                "npm warn deprecated x@1.0.0: connection refused",
                "npm notice connection refused",
                "/t/x.py:3: userwarning: connection refused",
                "if the connection refused to open, try again",
            ],
        );
        check(
            Trust::Weak,
            &[
                "warning: retrying after connection refused",
                "spurious network error: no such host",
                "warning: could not fetch url https://r.example: connection refused",
            ],
        );
    }

    #[test]
    fn each_position_belongs_to_one_line() {
        let mut lines = Lines::new("a\nwarning: b\n\nc", |_| false, &[]);
        let numbers = [0, 1, 2, 12, 13, 14].map(|at| lines.number(at));
        assert_eq!(numbers, [0, 0, 1, 1, 2, 3]);
        assert_eq!([0, 1, 2, 3].map(|n| lines.line(n)), ["a\n", "warning: b\n", "\n", "c"]);
        assert_eq!([0, 1, 1].map(|n| lines.trust(n)), [Trust::Firm, Trust::Remark, Trust::Remark]);
        let empty = Lines::new("", |_| false, &[]);
        assert_eq!((empty.number(0), empty.line(0)), (0, ""));
    }
}
