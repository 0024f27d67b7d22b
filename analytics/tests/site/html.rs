//! Reads pages strictly: panics on anything but plain, well-formed markup.

use std::collections::BTreeMap;

/// A start tag.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The text up to the next tag, with character references resolved.
    pub(crate) text: String,
}

const VOID: &[&str] = &["meta", "link", "input", "br"];

/// The start tags of `html`, in order. Panics if tags do not nest or attributes have no quotes.
pub(crate) fn tags(html: &str) -> Vec<Tag> {
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a page begins with its type");
    let (mut tags, mut open) = (vec![], vec![]);
    while let Some(start) = rest.find('<') {
        assert!(!rest[..start].contains('>'), "stray > in {:?}", &rest[..start]);
        rest = &rest[start + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let (name, after) = end.split_once('>').expect("an end tag ends");
            assert_eq!(open.pop().as_deref(), Some(name), "end tag");
            rest = after;
            continue;
        }
        let mut tag;
        (tag, rest) = start_tag(rest);
        tag.text = unescape(rest.split('<').next().unwrap());
        if !VOID.contains(&&*tag.name) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    tags
}

fn start_tag(text: &str) -> (Tag, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
    let (name, mut rest) = text.split_at(end);
    assert!(!name.is_empty(), "stray < before {:?}", &text[..text.len().min(40)]);
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name: name.to_owned(), attributes, text: String::new() }, after);
        }
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap();
        let (key, after) = rest.split_at(end);
        assert!(!key.is_empty(), "not an attribute: {:?}", &rest[..rest.len().min(40)]);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').expect("a value ends"),
            None => ("", after),
        };
        assert!(attributes.insert(key.to_owned(), unescape(value)).is_none(), "{key} twice");
        rest = after;
    }
}

fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let named = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
