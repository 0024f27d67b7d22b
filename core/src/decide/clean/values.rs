//! Secrets whose values are known, because this program handed them out.

use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::{redact::Found, view::View};

/// A value of at least this length is found everywhere, in any case and in parts.
const ANYWHERE: usize = 6;
/// Values shorter than [`ANYWHERE`] are found as whole words. Values shorter than this are too
/// common.
const SHORTEST: usize = 3;
/// User names that identify nobody.
const COMMON_USERS: &[&str] =
    &["admin", "anonymous", "git", "guest", "proxy", "root", "test", "user", "username"];

/// The values to search for.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Searched in a decoded text, see [`View::decoded`].
    anywhere: Option<AhoCorasick>,
    /// How many of the first patterns of `anywhere` are parts of a base64 text.
    n_base64: usize,
    /// Searched in the text itself.
    words: Option<AhoCorasick>,
}

impl Values {
    pub(super) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut long, mut words) = (vec![], vec![]);
        for secret in values.into_iter().flat_map(secrets) {
            let spelling = View::decoded(&secret.text).bytes().to_owned();
            if secret.is_user || spelling.len() < ANYWHERE {
                let is_common = COMMON_USERS.contains(&&*secret.text.to_ascii_lowercase());
                let is_word = SHORTEST <= secret.text.len() && !(secret.is_user && is_common);
                words.extend(is_word.then_some(secret.text));
            } else {
                long.push((secret.text.into_bytes(), spelling));
            }
        }
        let base64 = long.iter().flat_map(|(value, _)| base64_cores(value));
        let mut patterns: Vec<Vec<u8>> = base64.collect();
        let n_base64 = patterns.len();
        patterns.extend(long.iter().map(|(value, _)| hex::encode(value).into_bytes()));
        patterns.extend(long.into_iter().map(|(_, spelling)| spelling));
        let searcher = |patterns: &[Vec<u8>]| {
            let builder = &mut AhoCorasick::builder();
            builder.ascii_case_insensitive(true).build(patterns).ok()
        };
        Self {
            anywhere: (!patterns.is_empty()).then(|| searcher(&patterns)).flatten(),
            n_base64,
            words: (!words.is_empty()).then(|| AhoCorasick::new(&words).ok()).flatten(),
        }
    }

    /// Finds all values in `text`, also those that a line break, a blank or an escape divides.
    pub(super) fn find(&self, text: &str, found: &mut Found) {
        if let Some(anywhere) = &self.anywhere {
            let view = View::decoded(text);
            found.steps += text.len() + view.bytes().len();
            for hit in anywhere.find_overlapping_iter(view.bytes()) {
                found.steps += 1;
                let range = view.in_text(&hit.range());
                let is_base64 = hit.pattern().as_usize() < self.n_base64;
                found.add(if is_base64 { whole_digits(text.as_bytes(), range) } else { range });
            }
        }
        if let Some(words) = &self.words {
            found.steps += text.len();
            let bytes = text.as_bytes();
            for hit in words.find_overlapping_iter(bytes) {
                found.steps += 1;
                let before = bytes[..hit.start()].last();
                let after = bytes[hit.end()..].first();
                if !before.into_iter().chain(after).any(|&byte| is_in_word(byte)) {
                    found.add(hit.range());
                }
            }
        }
    }
}

/// Whether `byte` is a part of a word.
fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || byte == b'_'
}

/// A text that must not be shown.
struct Secret {
    text: String,
    /// Whether it is a user name, which is often an ordinary word.
    is_user: bool,
}

/// `value` itself. If it is a URL, or the address of a proxy without a scheme, also its user
/// information, its user and its password, as written and decoded.
fn secrets(value: &str) -> Vec<Secret> {
    let secret = |text: &str| Secret { text: text.to_owned(), is_user: false };
    let value = value.trim();
    let mut found = vec![secret(value), secret(value.trim_end_matches('/'))];
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may contain a slash that was not encoded.
    let Some((user_info, _)) = rest[..end].rsplit_once('@').or_else(|| rest.rsplit_once('@'))
    else {
        return found;
    };
    found.push(secret(user_info));
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let parts = [(user, !password.is_empty()), (password, false)];
    for (text, is_user) in parts.into_iter().filter(|(text, _)| !text.is_empty()) {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
        found.extend([text, &*decoded].map(|text| Secret { text: text.to_owned(), is_user }));
    }
    let decoded = percent_encoding::percent_decode_str(user_info).decode_utf8_lossy();
    found.push(secret(&decoded));
    found
}

/// The base64 digits that every base64 text contains that encodes a text with `value` in it.
/// `value` may begin at any of the three positions of a group, and the digits at its ends depend on
/// the neighbouring bytes.
fn base64_cores(value: &[u8]) -> Vec<Vec<u8>> {
    let core = |n_before: usize, url_safe: bool| {
        let padded = [&[0; 2][..n_before], value].concat();
        let digits = if url_safe {
            URL_SAFE_NO_PAD.encode(&padded)
        } else {
            STANDARD_NO_PAD.encode(&padded)
        };
        let (first, end) = ((n_before * 8).div_ceil(6), padded.len() * 8 / 6);
        digits.as_bytes()[first..end].to_vec()
    };
    let cores = [0, 1, 2].into_iter().flat_map(|n| [core(n, false), core(n, true)]);
    cores.filter(|core| ANYWHERE <= core.len()).collect()
}

/// `range` with the neighbouring digits that encode parts of the same value.
fn whole_digits(bytes: &[u8], range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let before = bytes[..range.start].iter().rev().take(2).take_while(is_digit).count();
    let after = bytes[range.end..].iter().take(4).take_while(is_digit).count();
    range.start - before..range.end + after
}
