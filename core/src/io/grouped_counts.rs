//! Files that count by groups of names.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::value::RawValue;

use crate::io::{each_entry, each_item, published_day, published_number};

/// The field names of a file that counts by groups. In `{"end_date": "2026-11-19", "tools": {"x":
/// [{"tool": "x", "count": "1,234"}, {"tool": "x --all", "count": 5}]}}`, the groups are in `tools`
/// and the names in `tool`.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the example says it")]
pub struct GroupedCounts {
    pub groups: &'static str,
    pub name: &'static str,
}

impl GroupedCounts {
    /// Calls `see` for each group with its name and its count for exactly that name: the greatest
    /// of several numbers, or `None` when there is none. Returns the last counted day, if the file
    /// has it. The error says what is unexpected in `json`.
    pub fn read(
        self,
        json: &[u8],
        see: &mut dyn FnMut(&str, Option<u64>),
    ) -> Result<Option<NaiveDate>, String> {
        let (mut last_day, mut groups) = (None, None);
        let whole = each_entry(json, &mut |key, value| {
            if key == "end_date" {
                last_day = text(value).and_then(|day| published_day(&day));
            } else if key == self.groups {
                groups = Some(each_entry(value.get().as_bytes(), &mut |name, group| {
                    see(name, self.count_of(name, group));
                }));
            }
        });
        whole.map_err(|error| error.to_string())?;
        let groups = groups.ok_or_else(|| format!("it has no table {:?}", self.groups))?;
        groups.map_err(|error| error.to_string())?;
        Ok(last_day)
    }

    fn count_of(self, name: &str, group: &RawValue) -> Option<u64> {
        let mut found = None;
        // A group of another form has no count for its own name only.
        let _ = each_item(group.get().as_bytes(), &mut |item| {
            let item: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(item.get()).unwrap_or_default();
            if item.get(self.name).and_then(|it| text(it)).as_deref() == Some(name) {
                found = found.max(item.get("count").and_then(|count| published_number(count)));
            }
        });
        found
    }
}

fn text(json: &RawValue) -> Option<String> {
    serde_json::from_str(json.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: GroupedCounts = GroupedCounts { groups: "tools", name: "tool" };

    /// Names with numbers, then the day.
    fn read(json: &str) -> Result<String, String> {
        let mut told = vec![];
        let last_day = TOOLS.read(json.as_bytes(), &mut |name, count| {
            let count = count.map_or("?".to_owned(), |n| n.to_string());
            told.push(format!("{name}={count}"));
        })?;
        told.push(last_day.map_or("?".to_owned(), |day| day.to_string()));
        Ok(told.join(" "))
    }

    #[test]
    fn only_the_row_with_the_groups_own_name_counts() {
        let groups = r#"{"tools":{"x":[{"tool":"x --all","count":5},{"tool":"x","count":"1,234"}],
            "y":[{"tool":"x","count":1}],"z":[{"tool":"z","count":1},{"tool":"z","count":2},
            {"tool":"z"}]},"end_date":"2026-11-19","more":[]}"#;
        assert_eq!(read(groups).unwrap(), "x=1234 y=? z=2 2026-11-19");
    }

    #[test]
    fn an_invalid_group_does_not_affect_the_others() {
        let groups = r#"{"tools":{"a":7,"b":[],"c":[7,{"tool":7,"count":1}],
            "d":[{"tool":"d","count":"many"}],"e":[{"tool":"e","count":1}]},"end_date":7}"#;
        assert_eq!(read(groups).unwrap(), "a=? b=? c=? d=? e=1 ?");
        assert_eq!(read(r#"{"tools":{}}"#).unwrap(), "?");
    }

    #[test]
    fn a_file_without_groups_is_an_error() {
        assert_eq!(read("{}").unwrap_err(), "it has no table \"tools\"");
        for other in ["[]", "", "<html>", r#"{"tools":[]}"#, r#"{"tools":{"x":["#] {
            assert!(read(other).is_err(), "{other}");
        }
    }
}
