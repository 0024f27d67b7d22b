//! What can be wrong with a file.

use std::{os::unix::fs::symlink, path::Path, process::Command};

use serde_json::Value;

use super::sample::{Content, Piece, lines, packed};

/// What a command that meets the file is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// The file's name, at least.
    Named,
    /// Nothing in particular: what is there is as good as before, or is not read.
    Anything,
}

/// Something wrong with one file.
pub(super) struct Damage {
    pub(super) name: String,
    pub(super) expected: Expected,
    kind: Kind,
}

enum Kind {
    Bytes(Vec<u8>),
    Missing,
    Folder,
    Fifo,
    DanglingLink,
    LinkToItself,
    Unreadable,
    /// Bytes, all of them zero, none of them on the disk.
    Sparse(u64),
}

impl Damage {
    /// Does it to the file at `path`, which is there.
    pub(super) fn apply(&self, path: &Path) {
        if !matches!(self.kind, Kind::Unreadable) {
            std::fs::remove_file(path).unwrap();
        }
        match &self.kind {
            Kind::Bytes(bytes) => std::fs::write(path, bytes).unwrap(),
            Kind::Missing => (),
            Kind::Folder => std::fs::create_dir(path).unwrap(),
            Kind::Fifo => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Kind::DanglingLink => symlink("nowhere", path).unwrap(),
            Kind::LinkToItself => symlink(path.file_name().unwrap(), path).unwrap(),
            Kind::Unreadable => {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o000)).unwrap();
            }
            Kind::Sparse(bytes) => std::fs::File::create(path).unwrap().set_len(*bytes).unwrap(),
        }
    }
}

/// What can be wrong with whatever file.
pub(super) fn of_any(piece: &Piece) -> Vec<Damage> {
    let whole = piece.bytes();
    // Within the last line.
    let part = &whole[..whole.len() * 4 / 5];
    let named = |name: &str, kind| damage(name, Expected::Named, kind);
    let bytes = |name: &str, bytes: &[u8]| named(name, Kind::Bytes(bytes.to_vec()));
    let mut all = vec![
        damage("missing", Expected::Anything, Kind::Missing),
        named("a folder in its place", Kind::Folder),
        named("a pipe in its place", Kind::Fifo),
        named("a link that leads nowhere", Kind::DanglingLink),
        named("a link that leads to itself", Kind::LinkToItself),
        named("too large", Kind::Sparse(600 << 20)),
        bytes("cut off", part),
        bytes("random bytes", &(0..=255).rev().cycle().take(3_000).collect::<Vec<u8>>()),
        bytes("no UTF-8", b"\xff\xfe{\"schema_version\":2}\xc3\x28\n"),
        bytes("zero bytes", &[0; 512]),
        bytes("deep nesting", &[b'['; 200_000]),
        bytes("deep objects", "{\"a\":".repeat(100_000).as_bytes()),
        bytes("another document", b"\"hello\"\n"),
        bytes("an escape sequence", b"\x1b]0;title\x07::error::x\n"),
    ];
    let is_text = matches!(piece.content, Content::Text(_));
    if is_text {
        // Whatever text is in it may be meant.
        for damage in &mut all {
            let is_content = matches!(damage.kind, Kind::Bytes(_))
                && !piece.label.contains("recipes/")
                || matches!(damage.kind, Kind::Sparse(_)) && piece.label.ends_with("lock");
            if is_content {
                damage.expected = Expected::Anything;
            }
        }
    }
    // The machine stopped while the last fact was written: that is no damage.
    for damage in &mut all {
        if damage.name == "cut off" && piece.label.contains("/outbox/") {
            damage.expected = Expected::Anything;
        }
    }
    // An empty list of records is one; an empty document is none.
    let empty = match piece.content {
        Content::Document(..) => Expected::Named,
        Content::Lines(..) | Content::Packed(..) | Content::Text(_) => Expected::Anything,
    };
    if let Content::Packed(_, documents) = &piece.content {
        // An output that is found is read to its end, and nothing behind it.
        let is_read = !piece.label.contains("/outputs.");
        let expected = if is_read { Expected::Named } else { Expected::Anything };
        let behind = |name, bytes| damage(name, expected, Kind::Bytes(bytes));
        let text = lines(documents);
        let longer = packed(&format!("{text}{{\"id\": 7}}\n"));
        all.push(behind("a line that is no record", longer));
        all.push(behind("something behind it", [whole.as_slice(), b"more"].concat()));
        all.push(bytes("another byte in its middle", &{
            let mut flipped = whole.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0xff;
            flipped
        }));
    }
    all.push(damage("empty", empty, Kind::Bytes(vec![])));
    if !may_read_everything() {
        all.push(named("not to be read", Kind::Unreadable));
    }
    all
}

fn damage(name: &str, expected: Expected, kind: Kind) -> Damage {
    Damage { name: name.to_owned(), expected, kind }
}

/// As root may.
fn may_read_everything() -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o000)).unwrap();
    std::fs::File::open(file.path()).is_ok()
}

/// Stands where a literal of JSON is to be put.
const HERE: &str = "\u{1}here";

/// What can be wrong with the values of a document, or of the last line of a file of lines. What its
/// schema refuses is to be named.
pub(super) fn of_values(piece: &Piece, schema: &jsonschema::Validator) -> Vec<Damage> {
    let (before, document) = match &piece.content {
        Content::Document(_, document) => (String::new(), document),
        Content::Lines(_, documents) => {
            let (last, before) = documents.split_last().unwrap();
            (lines(before), last)
        }
        Content::Packed(..) | Content::Text(_) => return vec![],
    };
    let is_refused = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(value) => !schema.is_valid(&value),
        Err(_) => true,
    };
    let mut all = vec![];
    for pointer in pointers(document, String::new()) {
        let found = document.pointer(&pointer).unwrap();
        for literal in literals(&pointer, found) {
            let mut changed = document.clone();
            *changed.pointer_mut(&pointer).unwrap() = HERE.into();
            let text = changed.to_string().replace(&Value::from(HERE).to_string(), &literal);
            // The calendar of the program goes on for longer than that of the schema.
            let is_instant = literal.starts_with("\"+");
            let is_named = is_refused(&text) && !is_instant;
            let expected = if is_named { Expected::Named } else { Expected::Anything };
            let shown: String = literal.chars().take(24).collect();
            let name = format!("{pointer} = {shown}");
            all.push(damage(&name, expected, Kind::Bytes(format!("{before}{text}\n").into())));
        }
    }
    all.extend(of_the_whole(&before, document, &is_refused));
    all
}

/// Keys that are missing, unknown or there twice, and entries that are.
fn of_the_whole(before: &str, document: &Value, is_refused: &dyn Fn(&str) -> bool) -> Vec<Damage> {
    let mut all = vec![];
    let mut add = |name: String, text: String, is_named: bool| {
        let expected = if is_named { Expected::Named } else { Expected::Anything };
        all.push(damage(&name, expected, Kind::Bytes(format!("{before}{text}\n").into())));
    };
    for key in document.as_object().unwrap().keys() {
        let mut without = document.clone();
        without.as_object_mut().unwrap().remove(key);
        let text = without.to_string();
        let is_named = is_refused(&text);
        add(format!("without {key}"), text, is_named);
    }
    let text = document.to_string();
    let with = |more: &str| format!("{}{more}}}", text.strip_suffix('}').unwrap());
    add("an unknown key".to_owned(), with(",\"unheard_of\":1"), false);
    add("a key twice".to_owned(), with(",\"schema_version\":2"), true);
    add("something behind it".to_owned(), format!("{text} {{"), true);
    if let Some(entries) = document.get("packages").and_then(Value::as_array) {
        let mut twice = document.clone();
        twice["packages"].as_array_mut().unwrap().push(entries[0].clone());
        add("an entry twice".to_owned(), twice.to_string(), true);
    }
    all
}

/// Every place in `value`.
fn pointers(value: &Value, at: String) -> Vec<String> {
    let below: Vec<String> = match value {
        Value::Object(fields) => {
            let escaped = |key: &String| key.replace('~', "~0").replace('/', "~1");
            let of = |(key, value)| pointers(value, format!("{at}/{}", escaped(key)));
            fields.iter().flat_map(of).collect()
        }
        Value::Array(values) => {
            let of = |(i, value)| pointers(value, format!("{at}/{i}"));
            values.iter().enumerate().flat_map(of).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
    };
    let own = (!at.is_empty()).then_some(at);
    own.into_iter().chain(below).collect()
}

/// What can stand there in place of `found`.
fn literals(pointer: &str, found: &Value) -> Vec<String> {
    if pointer.ends_with("schema_version") {
        return ["1", "3", "4294967298", "\"2\""].map(str::to_owned).to_vec();
    }
    match found {
        Value::Null | Value::Bool(_) => vec!["\"yes\"".to_owned()],
        Value::Number(_) => ["18446744073709551615", "1e400", "-1"].map(str::to_owned).to_vec(),
        Value::String(text) if text.contains("T00:") && text.ends_with('Z') => {
            ["\"+262142-12-31T23:59:59Z\"", "\"yesterday\""].map(str::to_owned).to_vec()
        }
        Value::String(_) => vec!["7".to_owned()],
        Value::Array(_) => vec!["{}".to_owned()],
        Value::Object(_) => vec!["[]".to_owned(), "{}".to_owned()],
    }
}
