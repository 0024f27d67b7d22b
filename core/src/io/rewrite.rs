//! Replaces addresses in a body that comes in pieces.

use async_trait::async_trait;

use crate::io::{Body, TransportError};

/// A body in which every address below certain addresses is replaced.
pub(crate) struct RewrittenBody {
    inner: Box<dyn Body>,
    rewriter: Rewriter,
    has_ended: bool,
}

impl RewrittenBody {
    /// Replaces addresses below `from` by addresses below `to`, for each pair (`from`, `to`).
    pub(crate) fn new<'a>(
        inner: Box<dyn Body>,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        Self { inner, rewriter: Rewriter::new(pairs), has_ended: false }
    }
}

#[async_trait]
impl Body for RewrittenBody {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        while !self.has_ended {
            let moved = if let Some(chunk) = self.inner.chunk().await? {
                self.rewriter.push(&chunk)
            } else {
                self.has_ended = true;
                self.rewriter.finish()
            };
            if !moved.is_empty() {
                return Ok(Some(moved));
            }
        }
        Ok(None)
    }
}

struct Rewriter {
    /// The longest `from` comes first.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// The first bytes of all `from`, which are mostly equal. Other bytes cannot begin an address.
    first: Vec<u8>,
    /// Bytes that may be the beginning of an address.
    held: Vec<u8>,
}

impl Rewriter {
    fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut both = vec![];
        for (from, to) in pairs {
            both.push((from.as_bytes().to_vec(), to.as_bytes().to_vec()));
            // JSON may contain escaped slashes.
            both.push((from.replace('/', r"\/").into(), to.replace('/', r"\/").into()));
        }
        both.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
        let mut first: Vec<u8> =
            both.iter().filter_map(|(from, _)| from.first().copied()).collect();
        first.sort_unstable();
        first.dedup();
        Self { pairs: both, first, held: vec![] }
    }

    fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(chunk);
        let (moved, n_read) = self.moved(&text, false);
        self.held = text.split_off(n_read);
        moved
    }

    fn finish(&mut self) -> Vec<u8> {
        let text = std::mem::take(&mut self.held);
        self.moved(&text, true).0
    }

    /// `text` with replaced addresses, as far as that can be decided while more text may follow,
    /// and the number of bytes that were decided.
    fn moved(&self, text: &[u8], is_end: bool) -> (Vec<u8>, usize) {
        let mut moved = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let plain = text[at..].iter().position(|byte| self.first.contains(byte));
            let plain = &text[at..plain.map_or(text.len(), |n| at + n)];
            moved.extend_from_slice(plain);
            at += plain.len();
            let rest = &text[at..];
            if !is_end && self.pairs.iter().any(|(from, _)| from.starts_with(rest)) {
                break;
            }
            if let Some((from, to)) = self.pairs.iter().find(|(from, _)| is_under(rest, from)) {
                moved.extend_from_slice(to);
                at += from.len();
            } else if let Some(&byte) = rest.first() {
                moved.push(byte);
                at += 1;
            }
        }
        (moved, at)
    }
}

/// Whether an address at the beginning of `text` is `from` or below it. It is not if a host, port
/// or folder only begins in the same way.
fn is_under(text: &[u8], from: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(from) else { return false };
    rest.first().is_none_or(|&next| !next.is_ascii_alphanumeric() && !b"-._~%@:+&=".contains(&next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAIRS: [(&str, &str); 2] = [
        ("http://127.0.0.1:48", "https://a.example"),
        ("http://127.0.0.1:48/b", "https://b.example/deep"),
    ];

    fn whole(text: &str) -> String {
        in_pieces(text, text.len().max(1))
    }

    fn in_pieces(text: &str, length: usize) -> String {
        let mut rewriter = Rewriter::new(PAIRS);
        let mut moved: Vec<u8> =
            text.as_bytes().chunks(length).flat_map(|chunk| rewriter.push(chunk)).collect();
        moved.extend(rewriter.finish());
        String::from_utf8(moved).unwrap()
    }

    #[test]
    fn addresses_below_a_mirror_are_rewritten() {
        for (text, expected) in [
            (r#"{"a":"http://127.0.0.1:48/x"}"#, r#"{"a":"https://a.example/x"}"#),
            (r#"["http:\/\/127.0.0.1:48\/x"]"#, r#"["https:\/\/a.example\/x"]"#),
            ("http://127.0.0.1:48", "https://a.example"),
            ("http://127.0.0.1:48/b/c", "https://b.example/deep/c"),
            ("http://127.0.0.1:48/bc", "https://a.example/bc"),
            ("<http://127.0.0.1:48>;", "<https://a.example>;"),
            ("http://127.0.0.1:480/x", "http://127.0.0.1:480/x"),
            ("http://127.0.0.1:48@c.example/", "http://127.0.0.1:48@c.example/"),
            ("http://127.0.0.1:4", "http://127.0.0.1:4"),
            ("hhttp://127.0.0.1:48/", "hhttps://a.example/"),
            ("", ""),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_boundaries_of_chunks_make_no_difference(
            parts in prop::collection::vec("(http://127\\.0\\.0\\.1:48)|(/b)|[/\"h8]|\\PC", 0..20),
            length in 1_usize..40,
        ) {
            let text = parts.concat();
            prop_assert_eq!(in_pieces(&text, length), whole(&text));
        }
    }
}
