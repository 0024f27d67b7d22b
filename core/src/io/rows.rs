//! JSON that is too large for memory: its rows, one at a time, in one pass.

use std::{
    fmt,
    io::{BufReader, Read},
};

use serde::{
    Deserializer as _,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// Shows each name and value of the table `json`, in the file's order, repeated names included.
///
/// A value is shown as it is written, so that one of an odd shape is no error of the whole. What
/// ends early, or goes on after its end, is an error, found when all before it has been shown.
pub fn each_entry(
    json: impl Read,
    see: &mut dyn FnMut(&str, &RawValue),
) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(json));
    reader.deserialize_map(Entries(see))?;
    reader.end()
}

/// The same of a list.
pub fn each_item(json: impl Read, see: &mut dyn FnMut(&RawValue)) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(json));
    reader.deserialize_seq(Items(see))?;
    reader.end()
}

/// The number that a list gives: as a number, or as a text with or without commas. `None` for
/// whatever else it gives, which is not zero but unknown.
pub fn published_number(json: &RawValue) -> Option<u64> {
    let text = json.get();
    if !text.starts_with('"') {
        return text.parse().ok();
    }
    let text: String = serde_json::from_str(text).ok()?;
    text.replace(',', "").parse().ok()
}

struct Entries<'a>(&'a mut dyn FnMut(&str, &RawValue));

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            (self.0)(&name, &value);
        }
        Ok(())
    }
}

struct Items<'a>(&'a mut dyn FnMut(&RawValue));

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element::<Box<RawValue>>()? {
            (self.0)(&item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// What is shown of `json`, and whether it is whole.
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
    fn rows_are_shown_as_they_are_written() {
        assert_eq!(
            entries(r#" {"b":1,"a":[null, "x"],"b":{"c":2},"\u0061":"é"} "#),
            shown(r#"b=1 a=[null, "x"] b={"c":2} a="é" "#, true)
        );
        assert_eq!(items(r#"[1,{"a":2},[],"x",null]"#), shown(r#"1 {"a":2} [] "x" null "#, true));
        assert_eq!(entries("{}"), shown("", true));
        assert_eq!(items("[]"), shown("", true));
    }

    #[test]
    fn what_ends_early_or_too_late_is_an_error_after_its_rows() {
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
}
