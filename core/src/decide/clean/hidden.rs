//! Removes characters that nobody can see.

use crate::model::is_hidden;

/// `bytes` as text of visible characters, blanks and line feeds. Bytes that are not UTF-8 become
/// U+FFFD.
pub(super) fn without_hidden(bytes: &[u8]) -> String {
    let mut shown = without_overwritten(bytes);
    // The function that removes escape sequences also removes tabs, and words would be joined.
    shown.iter_mut().filter(|byte| **byte == b'\t').for_each(|tab| *tab = b' ');
    let stripped = strip_ansi_escapes::strip(shown);
    let text = String::from_utf8_lossy(&stripped);
    text.chars().filter(|&c| c == '\n' || !is_hidden(c)).collect()
}

/// What a terminal would show: after a carriage return the line is overwritten.
fn without_overwritten(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        shown.extend(line[..end].rsplit(|&byte| byte == b'\r').next().into_iter().flatten());
        shown.extend(line.ends_with(b"\n").then_some(b'\n'));
    }
    shown
}
