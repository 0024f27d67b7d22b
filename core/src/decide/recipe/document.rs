//! A TOML document with the position of each value.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::problems::Problems;
use crate::model::is_text;

/// How many letters may be wrong, missing or added in a misspelt key.
const MAX_SLIP: usize = 2;

/// A position in the document.
#[derive(Debug, Clone, Default)]
pub(super) struct Location {
    pub(super) field: String,
    /// In bytes; absent for a field that does not exist.
    pub(super) offset: Option<usize>,
}

/// A table of the document.
pub(super) struct Table<'d> {
    pub(super) at: Location,
    entries: &'d DeTable<'d>,
}

/// A value of the document.
pub(super) struct Field<'d> {
    pub(super) at: Location,
    pub(super) value: &'d DeValue<'d>,
}

impl Location {
    fn child(&self, key: &str, offset: Option<usize>) -> Self {
        let field =
            if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) };
        Self { field, offset }
    }

    fn item(&self, index: usize, offset: usize) -> Self {
        Self { field: format!("{}[{index}]", self.field), offset: Some(offset) }
    }

    /// The field `key` of this table, which does not exist.
    pub(super) fn absent(&self, key: &str) -> Self {
        self.child(key, self.offset)
    }
}

impl<'d> Table<'d> {
    pub(super) fn root(entries: &'d DeTable<'d>) -> Self {
        Self { at: Location::default(), entries }
    }

    /// Every entry, sorted by key.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'d str, Field<'d>)> {
        self.entries.iter().map(|(key, value)| {
            let at = self.at.child(key.get_ref(), Some(key.span().start));
            (key.get_ref().as_ref(), Field { at, value: value.get_ref() })
        })
    }

    /// The position of `key`, or where it should be.
    pub(super) fn place(&self, key: &str) -> Location {
        self.get(key).map_or_else(|| self.at.absent(key), |field| field.at)
    }

    /// The entry `key`.
    pub(super) fn get(&self, key: &str) -> Option<Field<'d>> {
        self.fields().find(|(name, _)| *name == key).map(|(_, field)| field)
    }

    /// Refuses a key that is similar to one of the keys `known`, because nobody would notice that
    /// it has no effect. The package manager ignores every other key, and this program writes none.
    pub(super) fn only(&self, known: &[&str], problems: &mut Problems<'_>) {
        for (key, field) in self.fields() {
            if known.contains(&key) {
                continue;
            }
            let what = "is not a field of a recipe";
            match known.iter().map(|known| (strsim::osa_distance(key, known), *known)).min() {
                Some((distance, nearest)) if distance <= MAX_SLIP && distance < key.len() / 2 => {
                    problems.add(&field.at, what).fix(format!("write {nearest}"));
                }
                Some(_) | None => problems.add_own_rule(&field.at, what).fix("remove it"),
            }
        }
    }

    /// The table `key`.
    pub(super) fn table(&self, key: &str, problems: &mut Problems<'_>) -> Option<Table<'d>> {
        self.get(key)?.table(problems)
    }

    /// The one-line text `key`; empty when it is absent.
    pub(super) fn text(&self, key: &str, problems: &mut Problems<'_>) -> String {
        self.get(key).and_then(|field| field.text(problems)).unwrap_or_default().to_owned()
    }

    /// The one-line texts `key`; empty when they are absent.
    pub(super) fn texts(&self, key: &str, problems: &mut Problems<'_>) -> Vec<String> {
        self.get(key).map(|field| field.texts(problems)).unwrap_or_default()
    }

    /// The one-line texts `key`. A single text may be written without a list.
    pub(super) fn texts_or_one(&self, key: &str, problems: &mut Problems<'_>) -> Vec<String> {
        let items = self.get(key).map(|field| field.items_or_itself(problems));
        let texts = items.into_iter().flatten().filter_map(|item| item.text(problems));
        texts.map(str::to_owned).collect()
    }

    /// The boolean `key`.
    pub(super) fn flag(&self, key: &str, problems: &mut Problems<'_>) -> Option<bool> {
        let field = self.get(key)?;
        if field.value.as_bool().is_none() {
            problems.add(&field.at, "must be true or false").fix("write true or false");
        }
        field.value.as_bool()
    }

    /// The whole number `key`.
    pub(super) fn number(&self, key: &str, problems: &mut Problems<'_>) -> Option<i64> {
        let field = self.get(key)?;
        let number = field.value.as_integer().and_then(integer);
        if number.is_none() {
            problems.add(&field.at, "must be a whole number").fix("write a whole number");
        }
        number
    }

    /// All entries except `read`, as plain values.
    pub(super) fn plain(
        &self,
        read: &[&str],
        problems: &mut Problems<'_>,
    ) -> BTreeMap<String, toml::Value> {
        let rest = self.fields().filter(|(key, _)| !read.contains(key));
        rest.filter_map(|(key, field)| Some((key.to_owned(), field.plain(problems)?))).collect()
    }
}

impl<'d> Field<'d> {
    pub(super) fn table(self, problems: &mut Problems<'_>) -> Option<Table<'d>> {
        let Some(entries) = self.value.as_table() else {
            problems.add(&self.at, "must be a table").fix("write it as a table");
            return None;
        };
        Some(Table { at: self.at, entries })
    }

    /// The items of a list; empty when the value is not a list.
    pub(super) fn items(&self, problems: &mut Problems<'_>) -> Vec<Field<'d>> {
        let Some(items) = self.value.as_array() else {
            problems.add(&self.at, "must be a list").fix("put it in square brackets");
            return vec![];
        };
        let item = |(i, item): (usize, &'d toml::Spanned<DeValue<'d>>)| Field {
            at: self.at.item(i, item.span().start),
            value: item.get_ref(),
        };
        items.iter().enumerate().map(item).collect()
    }

    /// The items of a list. A single text counts as a list with one item.
    pub(super) fn items_or_itself(&self, problems: &mut Problems<'_>) -> Vec<Field<'d>> {
        if self.value.is_str() {
            return vec![Field { at: self.at.clone(), value: self.value }];
        }
        self.items(problems)
    }

    /// A text of one line.
    pub(super) fn text(&self, problems: &mut Problems<'_>) -> Option<&'d str> {
        let Some(text) = self.value.as_str() else {
            problems.add(&self.at, "must be a text").fix("put it in quotes");
            return None;
        };
        self.check_line(text, problems);
        Some(text)
    }

    /// A list of texts of one line.
    pub(super) fn texts(&self, problems: &mut Problems<'_>) -> Vec<String> {
        let items = self.items(problems);
        items.iter().filter_map(|item| item.text(problems)).map(str::to_owned).collect()
    }

    /// Refuses characters that terminals interpret, and a second line.
    pub(super) fn check_line(&self, text: &str, problems: &mut Problems<'_>) {
        self.check_marks(text, problems);
        if text.chars().any(char::is_control) {
            let what = "has control characters or line breaks in it";
            problems.add_own_rule(&self.at, what).fix("write one line of plain text");
        }
    }

    /// Refuses characters that make a text look different from what it says.
    fn check_marks(&self, text: &str, problems: &mut Problems<'_>) {
        if text.chars().any(|c| !is_text(c) && !c.is_control()) {
            problems.add(&self.at, "has direction marks in it").fix("remove them");
        }
    }

    /// The value without positions. Texts may have several lines here, because steps can contain
    /// whole scripts.
    fn plain(&self, problems: &mut Problems<'_>) -> Option<toml::Value> {
        let plain = match self.value {
            DeValue::String(text) => {
                self.check_marks(text, problems);
                if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
                    problems
                        .add_own_rule(&self.at, "has control characters in it")
                        .fix("remove them");
                }
                toml::Value::from(text.as_ref())
            }
            DeValue::Integer(number) => {
                toml::Value::Integer(self.or_odd(integer(number), problems)?)
            }
            DeValue::Float(number) => {
                toml::Value::Float(self.or_odd(number.as_str().parse().ok(), problems)?)
            }
            DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
            DeValue::Datetime(instant) => toml::Value::Datetime(*instant),
            DeValue::Array(_) => {
                let items = self.items(problems);
                let plain = items.iter().filter_map(|item| item.plain(problems));
                toml::Value::Array(plain.collect())
            }
            DeValue::Table(entries) => {
                let table = Table { at: self.at.clone(), entries };
                for (_, field) in table.fields() {
                    field.check_line(&field.at.field, problems);
                }
                toml::Value::Table(table.plain(&[], problems).into_iter().collect())
            }
        };
        Some(plain)
    }

    fn or_odd<T>(&self, number: Option<T>, problems: &mut Problems<'_>) -> Option<T> {
        if number.is_none() {
            problems.add(&self.at, "is a number out of range").fix("write a smaller number");
        }
        number
    }
}

fn integer(number: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
