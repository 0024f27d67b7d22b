//! JSON of other shapes than the documented one.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{Allowed, HostileCase, asked, bases, scripted};
use crate::{Harness, Outcome};
use batch_core::model::FailureKind::UnexpectedResponse;

/// What a field holds in place of what it should; `None` leaves it out.
type Change = fn(&Value) -> Option<Value>;

const ROWS: &[(&str, Change)] = &[
    ("is missing", |_| None),
    ("is null", |_| Some(Value::Null)),
    ("is a number", |_| Some(json!(7))),
    ("is a huge number", |_| Some(json!(u64::MAX))),
    ("is a number beyond all", |_| Some(json!(1e308))),
    ("is negative", |_| Some(json!(-1))),
    ("is true", |_| Some(json!(true))),
    ("is an empty text", |_| Some(json!(""))),
    ("is a list", |value| Some(json!([value, value]))),
    ("is a table", |_| Some(json!({ "a": { "b": [] } }))),
    ("is a text of a megabyte", |_| Some(json!("x".repeat(1 << 20)))),
    ("leaves its folder", |_| Some(json!("../../../etc/passwd"))),
    ("is an option", |_| Some(json!("--help"))),
    ("obeys and turns", |_| Some(json!("a\u{1b}[2J\u{202e}b\r\n\u{0}$(id)`id`"))),
    ("is another address", |_| Some(json!("http://169.254.169.254/latest"))),
];

/// What a key is called in place of what it should: a name, a version or a command may stand there.
const KEYS: &[(&str, &str)] = &[
    ("is a key that is an option", "--help"),
    ("is a key that leaves its folder", "../../../etc/passwd"),
    ("is a key that obeys and turns", "a\u{1b}[2J\u{202e}b\r\n\u{0}$(id)`id`"),
    ("is an empty key", ""),
];

/// Fields that are changed, for each document: more would only take time.
const MAX_FIELDS: usize = 60;
/// The documented document, or a word about the answer: a registry that answers in another shape
/// has not lost its packages.
const DAMAGED: Allowed = Allowed::OrRecipe(&[UnexpectedResponse]);

/// A document with something wrong.
struct Changed {
    what: String,
    text: String,
    /// The whole of it is no such document any more.
    is_damaged: bool,
    /// A text stands in place of something else, which may be a documented short form.
    is_short: bool,
}

pub(crate) fn shapes_are_survived(harness: &Harness) -> Outcome {
    let cases = match bases(harness) {
        Ok(cases) => cases,
        Err(outcome) => return outcome,
    };
    let mut problems = vec![];
    let mut n_tried = 0;
    let answers =
        cases.iter().flat_map(|case| asked(harness, case).into_iter().map(|i| (*case, i)));
    for (case, i) in answers {
        let whole = scripted(case);
        let Some((document, rest)) = document(&whole[i].answer.body) else { continue };
        for Changed { what, text, is_damaged, is_short } in changed(&document) {
            n_tried += 1;
            let mut scripted = whole.clone();
            scripted[i].answer.body = [text.as_bytes(), b"\n", rest].concat();
            let what = format!("{what} in {}", scripted[i].answer.url);
            // A line that is odd may be left out.
            let is_whole = rest.is_empty();
            let allowed = match (is_damaged && is_whole, is_short) {
                (true, _) => &DAMAGED,
                (false, true) => &Allowed::Anything,
                (false, false) => &Allowed::Stated,
            };
            problems.extend(
                HostileCase { subject: &harness.subject, case, what, allowed }.ask(scripted),
            );
        }
    }
    if n_tried == 0 {
        return Outcome::NotApplicable("no answer of the fixture is JSON".to_owned());
    }
    problems.into()
}

/// JSON, or the first object of several in lines, and what follows.
fn document(body: &[u8]) -> Option<(Value, &[u8])> {
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_slice(body) {
        return Some((value, b""));
    }
    let end = body.iter().position(|&byte| byte == b'\n')?;
    let value: Value = serde_json::from_slice(&body[..end]).ok()?;
    value.is_object().then_some((value, &body[end + 1..]))
}

/// `document` with one thing wrong at a time.
fn changed(document: &Value) -> Vec<Changed> {
    let mut all = vec![];
    for pointer in &pointers(document) {
        for (what, change) in ROWS {
            let Some(value) = document.pointer(pointer) else { continue };
            let mut changed = document.clone();
            set(&mut changed, pointer, change(value));
            let (what, text) = (format!("{pointer} {what}"), changed.to_string());
            let is_text = changed.pointer(pointer).is_some_and(Value::is_string);
            let is_short = is_text && !value.is_string();
            all.push(Changed { what, text, is_damaged: false, is_short });
        }
        for (what, key) in KEYS {
            let mut changed = document.clone();
            if rename(&mut changed, pointer, key) {
                let (what, text) = (format!("{pointer} {what}"), changed.to_string());
                all.push(Changed { what, text, is_damaged: false, is_short: false });
            }
        }
    }
    let text = document.to_string();
    let (open, inner, close) = (&text[..1], &text[1..text.len() - 1], &text[text.len() - 1..]);
    let whole = [
        ("everything stands twice", format!("{open}{inner},{inner}{close}"), false),
        ("a comma too many", format!("{open}{inner},{close}"), true),
        ("garbage follows", format!("{text}<!-- served in 3 ms -->"), true),
        ("a list of it", format!("[{text}]"), true),
        ("a text of it", json!(text).to_string(), true),
        ("null", "null".to_owned(), true),
    ];
    let whole = whole.map(|(what, text, is_damaged)| {
        let what = what.to_owned();
        Changed { what, text, is_damaged, is_short: false }
    });
    all.extend(whole);
    all
}

/// Pointers to fields, the outer ones first.
fn pointers(document: &Value) -> Vec<String> {
    let mut pointers = vec![];
    let mut waiting = VecDeque::from([(String::new(), document)]);
    while let Some((at, value)) = waiting.pop_front() {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(map) => map.iter().map(|(key, it)| (escaped(key), it)).collect(),
            Value::Array(values) => {
                values.iter().take(2).enumerate().map(|(i, it)| (i.to_string(), it)).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
        };
        for (key, child) in children {
            let at = format!("{at}/{key}");
            pointers.push(at.clone());
            waiting.push_back((at, child));
        }
    }
    pointers.truncate(MAX_FIELDS);
    pointers
}

/// RFC 6901.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn set(document: &mut Value, pointer: &str, to: Option<Value>) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    let key = key.replace("~1", "/").replace("~0", "~");
    match (document.pointer_mut(parent), to) {
        (Some(Value::Object(map)), Some(value)) => {
            map.insert(key, value);
        }
        (Some(Value::Object(map)), None) => {
            map.shift_remove(&key);
        }
        (Some(Value::Array(values)), to) => {
            let place = key.parse().ok().and_then(|i: usize| values.get_mut(i));
            if let Some(place) = place {
                *place = to.unwrap_or(Value::Null);
            }
        }
        _ => {}
    }
}

/// Calls the field at `pointer` `name`; false where it is in no object.
fn rename(document: &mut Value, pointer: &str, name: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
    let key = key.replace("~1", "/").replace("~0", "~");
    let Some(Value::Object(map)) = document.pointer_mut(parent) else { return false };
    let renamed = std::mem::take(map).into_iter();
    *map =
        renamed.map(|(it, value)| (if it == key { name.to_owned() } else { it }, value)).collect();
    true
}

/// How many there are.
pub(crate) const fn n_rows() -> usize {
    ROWS.len() + KEYS.len() + 6
}
