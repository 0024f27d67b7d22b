//! Lists in JSON that are too long to be held.

use std::{fmt, fs::File, io::BufReader, path::Path};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use url::Url;

use crate::io::{HttpError, http::one_line};

/// Shows each element of a list to `visit`, one after the other, so that only one is held.
///
/// With `field` the list is that field of an object, whose other fields come back; without it the
/// document is the list itself. `url` is where `file` comes from, for errors: an unreadable file,
/// one that ends early, and one that is no such list.
pub fn read_list(
    file: &Path,
    url: &Url,
    field: Option<&str>,
    visit: &mut dyn FnMut(Value),
) -> Result<Map<String, Value>, HttpError> {
    let disk = |source| HttpError::Disk { url: url.clone(), source };
    let mut reader =
        serde_json::Deserializer::from_reader(BufReader::new(File::open(file).map_err(disk)?));
    let list = List { field, visit };
    let read = list.deserialize(&mut reader).and_then(|rest| reader.end().map(|()| rest));
    read.map_err(|error| match error.io_error_kind() {
        Some(kind) => disk(kind.into()),
        None if error.is_eof() => HttpError::Truncated { url: url.clone() },
        None => HttpError::Malformed { url: url.clone(), reason: one_line(&error.to_string()) },
    })
}

/// The document, or the list in it.
struct List<'a> {
    field: Option<&'a str>,
    visit: &'a mut dyn FnMut(Value),
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<Self::Value, D::Error> {
        match self.field {
            Some(_) => document.deserialize_map(self),
            None => document.deserialize_seq(self),
        }
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "an object with the list {field:?}"),
            None => f.write_str("a list"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while let Some(element) = list.next_element()? {
            (self.visit)(element);
        }
        Ok(Map::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut rest, mut has_list) = (Map::new(), false);
        while let Some(key) = object.next_key::<String>()? {
            if self.field == Some(&key) {
                has_list = true;
                object.next_value_seed(List { field: None, visit: &mut *self.visit })?;
            } else {
                rest.insert(key, object.next_value()?);
            }
        }
        if has_list { Ok(rest) } else { Err(serde::de::Error::custom("the list is missing")) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Elements and other fields of `text`, or the error.
    fn read(text: &[u8], field: Option<&str>) -> Result<(Vec<Value>, Vec<String>), HttpError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let url = Url::parse("https://registry.example/list.json").unwrap();
        let mut elements = vec![];
        let rest = read_list(file.path(), &url, field, &mut |it| elements.push(it))?;
        Ok((elements, rest.keys().cloned().collect()))
    }

    #[test]
    fn every_element_is_shown_whatever_it_is() {
        let (elements, rest) = read(br#"[1, {"a": [2]}, null, "x"]"#, None).unwrap();
        assert_eq!(elements.len(), 4);
        assert!(rest.is_empty());
        assert_eq!(read(b" [ ] ", None).unwrap().0.len(), 0);
    }

    #[test]
    fn what_lies_beside_the_list_comes_back() {
        let text = br#"{"at": "2026-11-01", "rows": [1, 2], "more": {"x": 1}}"#;
        let (elements, rest) = read(text, Some("rows")).unwrap();
        assert_eq!((elements.len(), rest), (2, vec!["at".to_owned(), "more".to_owned()]));
    }

    #[test]
    fn what_ends_early_is_told_from_what_is_no_list() {
        let is_cut = |text, field| matches!(read(text, field), Err(HttpError::Truncated { .. }));
        let is_odd = |text, field| matches!(read(text, field), Err(HttpError::Malformed { .. }));
        assert!(is_cut(b"[1, 2", None));
        assert!(is_cut(b"", None));
        assert!(is_cut(br#"{"rows": [1, {"a":"#, Some("rows")));
        assert!(is_odd(b"{}", None));
        assert!(is_odd(b"[1] 2", None));
        assert!(is_odd(b"<html>", None));
        assert!(is_odd(br#"{"rows": 1}"#, Some("rows")));
        assert!(is_odd(br#"{"other": []}"#, Some("rows")));
        assert!(is_odd(b"[]", Some("rows")));
    }
}
