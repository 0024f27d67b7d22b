//! Chooses the line of a message that states the reason best.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{FailureView, shown};

/// Lines that only say that something else failed, or that explain nothing, in lower case. The line
/// begins with one of them.
const WRAPPERS: &[&str] = &[
    "at ",
    "code ",
    "command failed",
    "command sh ",
    "errno ",
    "error code ",
    "exit code",
    "exit status",
    "failed building ",
    "failed to build ",
    "failed to load /dev/null",
    "failed to compile `",
    "failed to run custom build command",
    "file \"",
    "for more information",
    "hint:",
    "if you are ",
    "installing ",
    "make: ***",
    "note:",
    "path ",
    "process didn't exit successfully",
    "process exited with",
    "require stack",
    "see above ",
    "stack ",
    "subprocess-exited-with-error",
    "syscall ",
    "this error originates ",
    "this is an issue with ",
    "throw ",
    "traceback (",
    "warn ",
    "warning:",
    "while executing ",
    "× ",
];
/// Parts of such lines.
const WRAPPER_PARTS: &[&str] = &[
    "a complete log of this run",
    "did not run successfully",
    "exited with code",
    "installation failed: step ",
    // The reasons are a list below it.
    "recipe validation failed for ",
    "retrying",
    "returned non-zero exit status",
    "subprocess-exited-with-error",
    "could not compile `",
    "creating skeleton for it",
    "downloading ",
    " panicked at ",
];
/// Words before a reason that say only that it is one, in lower case.
const LABELS: &[&str] = &[
    "caused by:",
    "err!",
    "error -",
    "error:",
    "fatal error:",
    "fatal:",
    "error",
    "!",
    "=>",
    "*",
    "-",
    "•",
    "…",
    "\\",
    "❌",
    "✗",
    "│",
    "|",
];
/// Words that mark a line as a reason, in lower case.
const TELLING: &[&str] = &[
    "cannot ",
    "can't ",
    "could not ",
    "couldn't ",
    "denied",
    " is not ",
    "does not ",
    "error: ",
    "failed",
    "invalid",
    "killed",
    "missing",
    " must ",
    "no such ",
    "not found",
    " required",
    "requires ",
    "unable to ",
    "unsupported",
];

/// The reason in the words of the failing program; `None` if no line states one.
pub(super) fn reason(failure: &FailureView<'_>) -> Option<String> {
    let own = failure.own_reason.as_deref().map(shown::readable);
    own.filter(|own| !own.is_empty()).or_else(|| chosen(failure.message))
}

/// The reason in the line that states it best.
pub(super) fn chosen(message: &str) -> Option<String> {
    let said = without_labels(best_line(message)?.1);
    let shown = shown::readable(said.trim_end_matches([':', '.', ' ']));
    (!shown.is_empty()).then_some(shown)
}

/// The first line of `text` of the most telling form, if it is marked as an error. An error that is
/// followed by its causes is replaced by the last of them.
pub fn telling_line(text: &str) -> Option<&str> {
    best_line(text).filter(|(weight, _)| *weight > 1).map(|(_, line)| line)
}

/// The line that states the reason best, and how well it does so.
fn best_line(text: &str) -> Option<(u8, &str)> {
    let mut is_after_panic = false;
    let mut best: Option<(u8, &str)> = None;
    let mut is_chain_of_best = false;
    for line in text.lines() {
        if best.is_some_and(|(weight, _)| weight == MOST) && !is_chain_of_best {
            // No line can state it better, and no cause of the best line can follow.
            break;
        }
        let is_cause = starts_with(line.trim(), "caused by:");
        let said = without_labels(line);
        // A panic states its reason in the next line.
        // A line that is not better changes something only where a chain of causes may end.
        let least = if is_chain_of_best { 0 } else { best.map_or(0, |(weight, _)| weight) };
        let weight = match () {
            () if is_after_panic && !said.is_empty() => MOST,
            () => weight(line, said, least),
        };
        is_after_panic = line.contains(" panicked at ") && line.ends_with(':');
        if is_cause && is_chain_of_best && weight > 0 {
            best = best.map(|(rank, _)| (rank, line));
        } else {
            let is_better = weight > best.map_or(0, |(rank, _)| rank);
            if is_better {
                best = Some((weight, line));
            }
            is_chain_of_best = is_better || is_chain_of_best && weight == 0;
        }
    }
    best
}

/// What the words of a line say about it.
enum Words {
    /// It only says that something else failed, or it explains nothing.
    Wrapper,
    /// They mark it as a reason.
    Telling,
    Other,
}

impl Words {
    /// All words are looked for at once: messages have many lines, and each could contain each of them.
    fn of(line: &str) -> Self {
        static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
            let words = [WRAPPERS, WRAPPER_PARTS, TELLING].into_iter().flatten();
            let mut automaton = AhoCorasick::builder();
            // It takes longer to be made than the others, and a third of their time for each line.
            automaton.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
            automaton.build(words).expect("a few dozen words fit into an automaton")
        });
        let n_wrappers = WRAPPERS.len() + WRAPPER_PARTS.len();
        let mut words = Self::Other;
        for found in WORDS.find_overlapping_iter(line) {
            match found.pattern().as_usize() {
                n if n < WRAPPERS.len() && found.start() > 0 => {}
                n if n < n_wrappers => return Self::Wrapper,
                _ => words = Self::Telling,
            }
        }
        words
    }
}

/// The weight of an error with its name.
const MOST: u8 = 3;
/// The weight of a line with a word that marks it as a reason.
const TELLING_ONLY: u8 = 2;

/// How well a line states a reason: 0 not at all, or not better than `least`; [`MOST`] best.
fn weight(line: &str, said: &str, least: u8) -> u8 {
    if said.chars().filter(|c| c.is_alphabetic()).take(3).count() < 3 {
        return 0;
    }
    let named = said.split_once(':').map(|(name, _)| name);
    let is_error = |name: &str| {
        !name.contains(' ') && ["error", "exception", "err"].iter().any(|it| ends_with(name, it))
    };
    // The label itself was removed from `said`.
    let is_labelled =
        || ["error:", "error[", "fatal"].iter().any(|label| starts_with(line.trim(), label));
    let is_error = named.is_some_and(is_error) || is_labelled();
    // Its words are not looked for if they decide nothing.
    if !is_error && TELLING_ONLY <= least {
        return 0;
    }
    match Words::of(said) {
        Words::Wrapper => 0,
        Words::Telling | Words::Other if is_error => MOST,
        Words::Telling => TELLING_ONLY,
        Words::Other => 1,
    }
}

/// `line` without the words before its reason: labels, marks, numbers in brackets, and the name of
/// the program that prints `<program> error <text>` in each of its lines.
fn without_labels(line: &str) -> &str {
    let mut rest = line.trim();
    loop {
        let before = rest;
        let may_be_labelled = rest.bytes().next().is_some_and(starts_label);
        for label in LABELS.iter().filter(|_| may_be_labelled) {
            if starts_with(rest, label) && is_whole(label, &rest[label.len()..]) {
                rest = rest[label.len()..].trim_start();
            }
        }
        rest = without_number(rest);
        rest = without_program(rest);
        if rest.len() == before.len() {
            return rest;
        }
    }
}

/// Whether a label starts with that byte, in any case.
fn starts_label(byte: u8) -> bool {
    static STARTS: [bool; 256] = {
        let mut starts = [false; 256];
        let mut i = 0;
        while i < LABELS.len() {
            starts[LABELS[i].as_bytes()[0] as usize] = true;
            i += 1;
        }
        starts
    };
    STARTS[usize::from(byte.to_ascii_lowercase())]
}

/// A word is a label only if it ends there: `error` in `errors were found` is none.
fn is_whole(label: &str, rest: &str) -> bool {
    !label.ends_with(char::is_alphanumeric) || rest.starts_with(' ')
}

/// Without a number in brackets: `[7] text`.
fn without_number(line: &str) -> &str {
    let number = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match number {
        Some((n, rest)) if n.bytes().all(|byte| byte.is_ascii_digit()) => rest.trim_start(),
        Some(_) | None => line,
    }
}

fn without_program(line: &str) -> &str {
    let Some((program, rest)) = line.split_once(' ') else { return line };
    let is_program = (1..=20).contains(&program.len())
        && program.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let marks = ["error ", "error:", "ERR! ", "err! "];
    let said = marks.iter().find_map(|mark| rest.strip_prefix(mark));
    if is_program { said.map_or(line, str::trim_start) } else { line }
}

/// Whether `text` starts with `prefix`, in any case.
fn starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    // Most texts differ in the first byte already.
    let first = |text: &[u8]| text.first().map(u8::to_ascii_lowercase);
    first(text) == first(prefix)
        && text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether `text` ends with `suffix`, in any case.
fn ends_with(text: &str, suffix: &str) -> bool {
    let start = text.len().checked_sub(suffix.len());
    let end = start.and_then(|start| text.as_bytes().get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(suffix.as_bytes()))
}
