//! Words of which a part was left out because an output was too long. Half of a secret cannot be
//! recognised by its form.

use super::{super::evidence::gaps, REDACTED};

/// How many bytes of a word are removed at most. Secrets are not longer; other lines may be.
const LONGEST: usize = 256;
/// What may end or begin a word beside a gap.
const IN_ORDER: [&str; 2] = [REDACTED, "…"];

/// `text` without the words before and after a part that was left out.
pub(super) fn without_truncated_words(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut done = 0;
    for gap in gaps(text) {
        let before = &text[done..gap.start.max(done)];
        let n_kept = before.len() - last_word(before).len();
        let after = first_word(&text[gap.end..]);
        kept.push_str(&before[..n_kept]);
        kept.push_str(if n_kept < before.len() { REDACTED } else { "" });
        kept.push_str(&text[gap.start.max(done)..gap.end]);
        kept.push_str(if after.is_empty() { "" } else { REDACTED });
        done = gap.end + after.len();
    }
    kept + &text[done..]
}

fn last_word(text: &str) -> &str {
    let is_near = |at: &usize| text.len() - at <= LONGEST;
    let places = text.char_indices().rev().take_while(|(at, c)| !c.is_whitespace() && is_near(at));
    let start = places.map(|(at, _)| at).last().unwrap_or(text.len());
    let word = &text[start..];
    if IN_ORDER.iter().any(|end| word.ends_with(end)) { "" } else { word }
}

fn first_word(text: &str) -> &str {
    let is_in = |(at, c): &(usize, char)| !c.is_whitespace() && at + c.len_utf8() <= LONGEST;
    let len = text.char_indices().take_while(is_in).map(|(at, c)| at + c.len_utf8()).last();
    let word = &text[..len.unwrap_or(0)];
    if IN_ORDER.iter().any(|start| word.starts_with(start)) { "" } else { word }
}
