//! Reads JSON that is too large for memory, row by row in one pass.

use std::{
    fmt,
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use chrono::NaiveDate;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value, value::RawValue};
use url::Url;

use crate::io::{HttpError, http::one_line};

/// Calls `see` for each name and value of the table `json`, in the order of the file, including
/// repeated names.
///
/// A value is passed as it is written, so that a value of an unexpected form is not an error of the
/// whole. A document that ends too early, or that does not end where it should, is an error after
/// all values before it were passed.
pub fn each_entry(
    json: impl Read,
    see: &mut dyn FnMut(&str, &RawValue),
) -> Result<(), serde_json::Error> {
    let see = &mut |name: String, value: Box<RawValue>| see(&name, &value);
    to_end(json, Entries { see, list: None })
}

/// The same for a list.
pub fn each_item(json: impl Read, see: &mut dyn FnMut(&RawValue)) -> Result<(), serde_json::Error> {
    to_end(json, Items(&mut |item: Box<RawValue>| see(&item)))
}

/// Calls `visit` for each element of a list in `file`, so that only one element is in memory.
///
/// With `field`, the list is that field of a table, whose other fields are returned. Without it,
/// the document is the list itself. `url` is the address of the file, for errors: an unreadable
/// file, a file that ends too early, and a file without such a list.
pub fn read_list(
    file: &Path,
    url: &Url,
    field: Option<&str>,
    visit: &mut dyn FnMut(Value),
) -> Result<Map<String, Value>, HttpError> {
    let disk = |source| HttpError::Disk { url: url.clone(), source };
    let file = File::open(file).map_err(disk)?;
    let mut rest = Map::new();
    let see = &mut |name, value| {
        rest.insert(name, value);
    };
    let read = match field {
        Some(field) => to_end(file, Entries { see, list: Some((field, visit)) }),
        None => to_end(file, Items(visit)),
    };
    match read {
        Ok(()) => Ok(rest),
        Err(error) => Err(match error.io_error_kind() {
            Some(kind) => disk(kind.into()),
            None if error.is_eof() => HttpError::Truncated { url: url.clone() },
            None => HttpError::Malformed { url: url.clone(), reason: one_line(&error.to_string()) },
        }),
    }
}

/// A number in a list: a number, or a text with or without commas. `None` for anything else, which
/// means unknown and not zero.
pub fn published_number(json: &RawValue) -> Option<u64> {
    let text = json.get();
    if !text.starts_with('"') {
        return text.parse().ok();
    }
    let text: String = serde_json::from_str(text).ok()?;
    text.replace(',', "").parse().ok()
}

/// A day in a list: a text that begins with an ISO date, whatever time follows. `None` for any
/// other text.
pub fn published_day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

fn to_end<S>(json: impl Read, rows: S) -> Result<(), serde_json::Error>
where
    S: for<'de> DeserializeSeed<'de, Value = ()>,
{
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(json));
    rows.deserialize(&mut reader)?;
    reader.end()
}

/// A table that contains a list, whose elements are passed one by one.
struct Entries<'a, T> {
    see: &'a mut dyn FnMut(String, T),
    list: Option<(&'a str, &'a mut dyn FnMut(T))>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Entries<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, table: D) -> Result<(), D::Error> {
        table.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.list {
            Some((field, _)) => write!(f, "a table with the list {field:?}"),
            None => f.write_str("a table"),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut table: A) -> Result<(), A::Error> {
        let mut is_missing = self.list.is_some();
        while let Some(name) = table.next_key::<String>()? {
            match &mut self.list {
                Some((field, visit)) if *field == name => {
                    table.next_value_seed(Items(&mut **visit))?;
                    is_missing = false;
                }
                _ => (self.see)(name, table.next_value()?),
            }
        }
        if is_missing { Err(A::Error::custom("the list is missing")) } else { Ok(()) }
    }
}

struct Items<'a, T>(&'a mut dyn FnMut(T));

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Items<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, list: D) -> Result<(), D::Error> {
        list.deserialize_seq(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Items<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element()? {
            (self.0)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, io::Write as _};

    use super::*;

    /// What is passed for `json`, and whether it is complete.
    fn entries(json: &str) -> (String, bool) {
        let mut seen = String::new();
        let end = each_entry(json.as_bytes(), &mut |name, value| {
            write!(seen, "{name}={value} ").unwrap();
        });
        (seen, end.is_ok())
    }

    fn items(json: &str) -> (String, bool) {
        let mut seen = String::new();
        let end = each_item(json.as_bytes(), &mut |item| write!(seen, "{item} ").unwrap());
        (seen, end.is_ok())
    }

    fn shown(text: &str, is_whole: bool) -> (String, bool) {
        (text.to_owned(), is_whole)
    }

    #[test]
    fn rows_are_read_in_their_order() {
        assert_eq!(
            entries(r#" {"b":1,"a":[null, "x"],"b":{"c":2},"\u0061":"é"} "#),
            shown(r#"b=1 a=[null, "x"] b={"c":2} a="é" "#, true)
        );
        assert_eq!(items(r#"[1,{"a":2},[],"x",null]"#), shown(r#"1 {"a":2} [] "x" null "#, true));
        assert_eq!(entries("{}"), shown("", true));
        assert_eq!(items("[]"), shown("", true));
    }

    #[test]
    fn truncated_and_overlong_lists_are_errors_after_their_rows() {
        assert_eq!(entries(r#"{"a":1,"b":"#), shown("a=1 ", false));
        assert_eq!(entries(r#"{"a":1}}"#), shown("a=1 ", false));
        assert_eq!(items(r#"[1,{"a""#), shown("1 ", false));
        assert_eq!(items("[1"), shown("1 ", false));
        for other in ["", "[]", "null", "<html>", "1", "\"{}\""] {
            assert_eq!(entries(other), shown("", false), "{other}");
        }
        for other in ["", "{}", "null", "<html>"] {
            assert_eq!(items(other), shown("", false), "{other}");
        }
    }

    #[test]
    fn a_number_may_be_a_text_with_commas_and_nothing_else_is_a_number() {
        for (json, expected) in [
            ("12", Some(12)),
            ("\"12\"", Some(12)),
            ("\"1,234,567\"", Some(1_234_567)),
            ("18446744073709551615", Some(u64::MAX)),
            ("0", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("1e3", None),
            ("18446744073709551616", None),
            ("\"\"", None),
            ("\",\"", None),
            ("\"many\"", None),
            ("null", None),
            ("true", None),
            ("[12]", None),
            ("{}", None),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            assert_eq!(published_number(&raw), expected, "{json}");
        }
    }

    /// The elements and the other fields of `text`, or the error.
    fn listed(text: &[u8], field: Option<&str>) -> Result<(Vec<Value>, Vec<String>), HttpError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let url = Url::parse("https://registry.example/list.json").unwrap();
        let mut elements = vec![];
        let rest = read_list(file.path(), &url, field, &mut |it| elements.push(it))?;
        Ok((elements, rest.keys().cloned().collect()))
    }

    #[test]
    fn every_element_of_a_list_is_shown_whatever_it_is() {
        let (elements, rest) = listed(br#"[1, {"a": [2]}, null, "x"]"#, None).unwrap();
        assert_eq!(elements.len(), 4);
        assert!(rest.is_empty());
        assert_eq!(listed(b" [ ] ", None).unwrap().0.len(), 0);
    }

    #[test]
    fn fields_beside_the_list_are_returned() {
        let text = br#"{"at": "2026-11-01", "rows": [1, 2], "more": {"x": 1}}"#;
        let (elements, rest) = listed(text, Some("rows")).unwrap();
        assert_eq!((elements.len(), rest), (2, vec!["at".to_owned(), "more".to_owned()]));
    }

    #[test]
    fn a_truncated_list_is_distinguished_from_other_content() {
        let is_cut = |text, field| matches!(listed(text, field), Err(HttpError::Truncated { .. }));
        let is_odd = |text, field| matches!(listed(text, field), Err(HttpError::Malformed { .. }));
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

    #[test]
    fn the_day_is_the_beginning_of_a_time() {
        for time in ["2026-11-01", "2026-11-01T12:00:00Z", "2026-11-01 12:00 UTC"] {
            assert_eq!(published_day(time).unwrap().to_string(), "2026-11-01");
        }
        for other in ["", "2026-11", "2026-13-01", "yesterday, or so", "01.11.2026", "2026-11-0é"]
        {
            assert_eq!(published_day(other), None, "{other:?}");
        }
    }
}
