//! Leaves out what nobody would see.

use crate::model::is_hidden;

/// `bytes` as text of visible characters, blanks and line feeds. What is no UTF-8 becomes U+FFFD.
pub(super) fn without_hidden(bytes: &[u8]) -> String {
    let mut shown = without_overwritten(bytes);
    // The stripper takes tabs for escapes too, and words would run together.
    shown.iter_mut().filter(|byte| **byte == b'\t').for_each(|tab| *tab = b' ');
    let stripped = strip_ansi_escapes::strip(shown);
    let text = String::from_utf8_lossy(&stripped);
    text.chars().filter(|&c| c == '\n' || !is_hidden(c)).collect()
}

/// What a terminal would show: after a carriage return a line begins anew.
fn without_overwritten(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
        let start = line[..end].iter().rposition(|&byte| byte == b'\r').map_or(0, |at| at + 1);
        shown.extend_from_slice(&line[start..end]);
        shown.extend(line.ends_with(b"\n").then_some(b'\n'));
    }
    shown
}
