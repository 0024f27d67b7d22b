//! Makes foreign words fit to be shown in one line.

use std::borrow::Cow;

use crate::model::is_hidden;

/// The beginnings of paths that exist on one machine only.
const ROOTS: &[&str] = &["/", "~/", "$WORK", "$SCRATCH"];
/// Maximal length of an address in characters.
const MAX_ADDRESS: usize = 60;
/// A longer digest, as in `sha512-<base64>`, is shortened.
const MAX_WORD: usize = 40;
/// Characters that may follow a path or an address.
const CLOSING: [char; 12] = ['"', '\'', '`', ')', ']', '}', '>', ',', '.', ':', ';', '/'];

/// `text` in at most `n` characters. What is left out at the end is marked by an ellipsis.
pub(super) fn shortened(text: &str, n: usize) -> String {
    if text.char_indices().nth(n).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(n.saturating_sub(1)).collect();
    if n == 0 { String::new() } else { format!("{}…", kept.trim_end()) }
}

/// `text` in one line, without hidden characters.
pub(super) fn plain(text: &str) -> String {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.bytes().all(is_plain) {
        return joined(text.split_ascii_whitespace(), text.len());
    }
    let visible: String = text.chars().filter(|&c| c.is_whitespace() || !is_hidden(c)).collect();
    joined(visible.split_whitespace(), text.len())
}

/// `line` without hidden characters, and without the folders of a machine: of a path, only the last
/// name is kept, and of an address no query.
pub(super) fn readable(line: &str) -> String {
    joined(plain(line).split(' ').map(word), line.len())
}

/// The words with a space between them, usually at most `n_bytes`.
fn joined<W: AsRef<str>>(words: impl Iterator<Item = W>, n_bytes: usize) -> String {
    let mut line = String::with_capacity(n_bytes);
    for (i, word) in words.enumerate() {
        if i > 0 {
            line.push(' ');
        }
        line.push_str(word.as_ref());
    }
    line
}

fn word(word: &str) -> Cow<'_, str> {
    // Only paths and addresses have such characters.
    if word.len() <= MAX_WORD && !word.bytes().any(|byte| matches!(byte, b'/' | b'\\')) {
        return word.into();
    }
    let opens = |c: char| "\"'`([{<=,:".contains(c);
    let after_opening = word.char_indices().filter(|&(_, c)| opens(c)).map(|(at, _)| at + 1);
    let start = [0].into_iter().chain(after_opening).find(|&at| is_path(&word[at..]));
    if let Some(start) = start.filter(|&at| !word[at..].starts_with("//")) {
        let (before, path) = word.split_at(start);
        return format!("{before}{}", last_name(path)).into();
    }
    match word.split_once("://") {
        Some((scheme, path)) if path.starts_with('/') => {
            format!("{scheme}://{}", last_name(path)).into()
        }
        Some((scheme, rest)) => format!("{scheme}://{}", address(rest)).into(),
        None if word.len() > MAX_WORD && word.starts_with("sha") => {
            shortened(word, MAX_WORD / 2).into()
        }
        None => word.into(),
    }
}

/// The last name of `path` after an ellipsis.
fn last_name(path: &str) -> String {
    // A closing slash names a folder.
    let end = path.trim_end_matches(|c: char| CLOSING.contains(&c));
    let start = end.rfind('/').map_or(0, |at| at + 1);
    format!("…/{}", &path[start..])
}

fn is_path(word: &str) -> bool {
    ROOTS.iter().any(|root| word.starts_with(root)) && word[1..].contains(['/', '\\'])
}

fn address(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let (address, closing) = (&address[..end], &address[end..]);
    let closing = &closing[closing.trim_end_matches(|c: char| CLOSING.contains(&c)).len()..];
    let host_end = address.find('/').unwrap_or(address.len());
    let without_user = address[..host_end].rfind('@').map_or(address, |at| &address[at + 1..]);
    format!("{}{closing}", shortened(without_user, MAX_ADDRESS))
}
