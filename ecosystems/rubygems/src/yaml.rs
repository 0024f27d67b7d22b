//! Reads one YAML document from an unknown author as a tree.
//!
//! Tags are dropped, so no text can create an object. The exception is a text with the tag binary:
//! it is base64, in which Ruby writes texts of unknown encoding. An alias is resolved only when its
//! value is needed, so the tree cannot become larger than the text.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// The deepest nesting that is accepted; specifications of gems have less.
const DEEPEST: usize = 64;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// The number of its anchor; 0 for none.
    anchor: usize,
    pub(crate) value: Value,
}

/// The kinds of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// `plain` says whether the text has no quotes; only such a text can be null.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the text.
    Map(Vec<(Node, Node)>),
    /// A reference to the node with this anchor.
    Alias(usize),
}

/// The first document of `text`. The error says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Node, String> {
    let mut open: Vec<Open> = vec![];
    for event in Parser::new_from_str(text).keep_tags(true) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let done = match event {
            Event::Scalar(text, _, anchor, Some(tag)) if is_binary(&tag) => {
                Node { anchor, value: Value::Scalar { text: decoded(&text)?, plain: false } }
            }
            Event::Scalar(text, style, anchor, _) => {
                let plain = style == ScalarStyle::Plain;
                Node { anchor, value: Value::Scalar { text: text.into_owned(), plain } }
            }
            Event::Alias(anchor) => Node { anchor: 0, value: Value::Alias(anchor) },
            Event::SequenceStart(anchor, _) => {
                open.push(Open { anchor, is_map: false, nodes: vec![] });
                continue;
            }
            Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, is_map: true, nodes: vec![] });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(open) => open.close(),
                None => return Err("it ends what has not begun".to_owned()),
            },
            Event::StreamEnd | Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => continue,
        };
        match open.last_mut() {
            Some(open) => open.nodes.push(done),
            None => return Ok(done),
        }
        if DEEPEST < open.len() {
            return Err("it is nested too deeply".to_owned());
        }
    }
    Err("it holds nothing".to_owned())
}

/// Whether the tag is `!binary`, `!!binary`, or its full form.
fn is_binary(tag: &Tag) -> bool {
    let full = format!("{}{}", tag.handle, tag.suffix);
    matches!(full.as_str(), "!binary" | "tag:yaml.org,2002:binary")
}

/// Decodes the base64 in `text`. As in Ruby, other characters are skipped, padding ends the text,
/// and invalid UTF-8 is replaced.
fn decoded(text: &str) -> Result<String, String> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let is_part = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let digits: String = text.chars().take_while(|c| *c != '=').filter(is_part).collect();
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(digits);
    let bytes = bytes.map_err(|error| format!("a binary text is no base64: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An unfinished list or table; for a table, keys and values alternate.
struct Open {
    anchor: usize,
    is_map: bool,
    nodes: Vec<Node>,
}

impl Open {
    fn close(self) -> Node {
        let value = if self.is_map {
            let mut nodes = self.nodes.into_iter();
            let pairs = std::iter::from_fn(|| nodes.next().zip(nodes.next()));
            Value::Map(pairs.collect())
        } else {
            Value::List(self.nodes)
        };
        Node { anchor: self.anchor, value }
    }
}

impl Node {
    /// The value of `key`; if the key occurs several times, the last value, as in Ruby.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(pairs) = &self.value else { return None };
        let is_key = |node: &Node| matches!(&node.value, Value::Scalar { text, .. } if text == key);
        pairs.iter().rev().find(|(name, _)| is_key(name)).map(|(_, value)| value)
    }

    /// The text of a scalar; `None` for null and for other nodes. Aliases are resolved in
    /// `document`.
    pub(crate) fn text<'a>(&'a self, document: &'a Node) -> Option<&'a str> {
        let Value::Scalar { text, plain } = &self.resolved(document).value else { return None };
        let is_null = *plain && matches!(&**text, "" | "~" | "null" | "Null" | "NULL");
        (!is_null).then_some(text.as_str())
    }

    /// The target of an alias, otherwise the node itself. An alias of an alias has no target.
    pub(crate) fn resolved<'a>(&'a self, document: &'a Node) -> &'a Node {
        match self.value {
            Value::Alias(anchor) => document.anchored(anchor).unwrap_or(self),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => self,
        }
    }

    fn anchored(&self, anchor: usize) -> Option<&Node> {
        if self.anchor == anchor {
            return Some(self);
        }
        match &self.value {
            Value::List(nodes) => nodes.iter().find_map(|node| node.anchored(anchor)),
            Value::Map(pairs) => {
                let mut nodes = pairs.iter().flat_map(|(key, value)| [key, value]);
                nodes.find_map(|node| node.anchored(anchor))
            }
            Value::Scalar { .. } | Value::Alias(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, key: &str, expected: Option<&str>) {
        let node = read(text).unwrap();
        assert_eq!(node.get(key).and_then(|it| it.text(&node)), expected, "{text}");
    }

    #[test]
    fn scalars_are_read_in_every_style() {
        check("a: plain text\n", "a", Some("plain text"));
        check("a: 'it''s'\n", "a", Some("it's"));
        check("a: \"tab\\t\\u00e9\"\n", "a", Some("tab\té"));
        check("a: one\n  two\n", "a", Some("one two"));
        check("a: |-\n  one\n  two\n", "a", Some("one\ntwo"));
        check("a: >-\n  one\n  two\n", "a", Some("one two"));
        check("a: !str x\n", "a", Some("x"));
        check("a: \nb: x\n", "a", None);
        check("a: ~\n", "a", None);
        check("a: ''\n", "a", Some(""));
        check("a: \"~\"\n", "a", Some("~"));
        check("a: 1\na: 2\n", "a", Some("2"));
    }

    #[test]
    fn a_binary_text_is_decoded() {
        check("a: !binary |-\n  YmluZ2Vt\n", "a", Some("bingem"));
        check("a: !binary \"YmluZ2Vt\"\n", "a", Some("bingem"));
        check("a: !!binary Y2Fw\n", "a", Some("cap"));
        check("a: !<tag:yaml.org,2002:binary> Y2Fw\n", "a", Some("cap"));
        check("a: !binary |\n  YmFz\n  aA==\n", "a", Some("bash"));
        check("a: !binary YmFzaA\n", "a", Some("bash"));
        check("a: !binary |-\n  bnVsbA==\n", "a", Some("null"));
        check("a: !binary ''\n", "a", Some(""));
        check("a: !binary /w==\n", "a", Some("\u{fffd}"));
        check("!binary YQ==: x\n", "a", Some("x"));
        check("a: !ruby/sym YmFzaA==\n", "a", Some("YmFzaA=="));
        assert!(read("a: !binary Y\n").is_err(), "a digit of base64 alone is no byte");
    }

    #[test]
    fn tags_are_dropped_and_aliases_stay() {
        let text = "--- !ruby/object:Evil::Thing \na: &x !ruby/sym y\nb: *x\nc: [*x, *x]\n";
        let node = read(text).unwrap();
        assert_eq!(node.get("b").unwrap().text(&node), Some("y"));
        let Value::List(items) = &node.get("c").unwrap().value else { panic!() };
        assert!(items.iter().all(|item| matches!(item.value, Value::Alias(_))));
    }

    #[test]
    fn aliases_cannot_multiply_the_size() {
        let mut text = "a0: &a0 [x, x]\n".to_owned();
        for i in 1..60 {
            let _ = writeln!(text, "a{i}: &a{i} [*a{0}, *a{0}]", i - 1);
        }
        let node = read(&text).unwrap();
        assert!(node.get("a59").is_some());
        assert!(format!("{node:?}").len() < 100 * text.len());
    }

    #[test]
    fn invalid_yaml_is_an_error() {
        for text in ["", "a: [", "a: \"", "a: *nowhere", "\tx: y\n a", "- a\nb: c", "{a: b"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&"- ".repeat(100_000)).is_err());
        assert!(read(&format!("{}x", "a:\n ".repeat(200))).is_err());
    }

    #[test]
    fn an_alias_of_itself_does_not_loop() {
        if let Ok(node) = read("a: &x [*x]\nb: *x\n") {
            assert_eq!(node.get("b").unwrap().text(&node), None);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_yaml_or_not(text: String) {
            let _ = read(&text);
        }

        #[test]
        fn any_marks_are_yaml_or_not(marks in prop::collection::vec("[-?:,\\[\\]{}#&*!|>'\"%@` \\na]{0,6}", 0..30)) {
            if let Ok(node) = read(&marks.concat()) {
                let _ = node.get("a").map(|it| it.text(&node).map(str::len));
            }
        }
    }
}
