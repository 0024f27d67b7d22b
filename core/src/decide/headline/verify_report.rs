//! Reads what this program says about a verify command in the last line of a message.

use super::reason::chosen;

/// What a verify command did.
pub(super) struct VerifyReport {
    /// The command line.
    pub(super) command: String,
    /// What this program says about it after its command line.
    pub(super) said: String,
    /// The reason in the words of the command itself.
    pub(super) reason: Option<String>,
}

/// What the message says about a verify command; `None` if it says nothing. The command can print
/// the same words, but this program writes after it, so the last line counts.
pub(super) fn verify_report(message: &str) -> Option<VerifyReport> {
    let (at, line) = lines(message).filter(|(_, line)| line.starts_with("error: ")).last()?;
    let said = line.strip_prefix("error: ")?;
    let said = said.strip_prefix("pattern mismatch: ").unwrap_or(said);
    let (command, said) = quoted(said)?;
    let reason = chosen(&message[..at]);
    Some(VerifyReport { command, said: said.trim().to_owned(), reason })
}

/// The lines of `text` with their positions.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line.trim_end()))
    })
}

/// The text in double quotes at the beginning of `text`, in which a backslash protects the next
/// character, and the rest of `text`.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let rest = text.strip_prefix('"')?;
    let mut content = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((content, &rest[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' | 'r' | 't' => content.push(' '),
                c => content.push(c),
            },
            c => content.push(c),
        }
    }
    None
}
