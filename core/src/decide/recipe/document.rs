//! A TOML document that knows where each of its values stands.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::{Problem, RecipeError};
use crate::model::is_text;

/// Enough to see what is wrong with a file that is wrong throughout.
const MOST_PROBLEMS: usize = 100;

/// What is wrong with one document, found so far.
pub(super) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
}

/// A place in the document.
#[derive(Debug, Clone, Default)]
pub(super) struct At {
    field: String,
    /// In bytes; absent for a field that is not there.
    offset: Option<usize>,
}

/// A table of the document.
pub(super) struct Table<'d> {
    pub(super) at: At,
    entries: &'d DeTable<'d>,
}

/// A value of the document.
pub(super) struct Field<'d> {
    pub(super) at: At,
    pub(super) value: &'d DeValue<'d>,
}

/// The line of the byte at `offset`, counted from 1.
pub(super) fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}

impl<'t> Problems<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: vec![] }
    }

    /// Adds one, unless the same field has one: what follows from a problem is none of its own.
    pub(super) fn add(&mut self, at: &At, message: impl Into<String>) {
        let is_new = self.found.iter().all(|problem| problem.field != at.field);
        if is_new && self.found.len() < MOST_PROBLEMS {
            let line = at.offset.map(|offset| line(self.text, offset));
            self.found.push(Problem { field: at.field.clone(), line, message: message.into() });
        }
    }

    /// How many there are so far.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    pub(super) fn into_result<T>(mut self, value: T) -> Result<T, RecipeError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|problem| problem.line);
        Err(RecipeError { problems: self.found })
    }
}

impl At {
    fn child(&self, key: &str, offset: Option<usize>) -> Self {
        let field =
            if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) };
        Self { field, offset }
    }

    fn item(&self, index: usize, offset: usize) -> Self {
        Self { field: format!("{}[{index}]", self.field), offset: Some(offset) }
    }

    /// The field `key` of this table, which is not there.
    pub(super) fn absent(&self, key: &str) -> Self {
        self.child(key, self.offset)
    }
}

impl<'d> Table<'d> {
    pub(super) fn root(entries: &'d DeTable<'d>) -> Self {
        Self { at: At::default(), entries }
    }

    /// Every entry, sorted by key.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'d str, Field<'d>)> {
        self.entries.iter().map(|(key, value)| {
            let at = self.at.child(key.get_ref(), Some(key.span().start));
            (key.get_ref().as_ref(), Field { at, value: value.get_ref() })
        })
    }

    /// Where `key` stands, or should.
    pub(super) fn place(&self, key: &str) -> At {
        self.get(key).map_or_else(|| self.at.absent(key), |field| field.at)
    }

    /// The entry `key`.
    pub(super) fn get(&self, key: &str) -> Option<Field<'d>> {
        self.fields().find(|(name, _)| *name == key).map(|(_, field)| field)
    }

    /// Refuses every key but `known`.
    pub(super) fn only(&self, known: &[&str], problems: &mut Problems<'_>) {
        for (key, field) in self.fields() {
            if !known.contains(&key) {
                problems.add(&field.at, "is no field of a recipe");
            }
        }
    }

    /// The table `key`.
    pub(super) fn table(&self, key: &str, problems: &mut Problems<'_>) -> Option<Table<'d>> {
        self.get(key)?.table(problems)
    }

    /// The one-line text `key`, empty where there is none.
    pub(super) fn text(&self, key: &str, problems: &mut Problems<'_>) -> String {
        self.get(key).and_then(|field| field.text(problems)).unwrap_or_default().to_owned()
    }

    /// The one-line texts `key`, empty where there are none.
    pub(super) fn texts(&self, key: &str, problems: &mut Problems<'_>) -> Vec<String> {
        self.get(key).map(|field| field.texts(problems)).unwrap_or_default()
    }

    /// The truth value `key`.
    pub(super) fn flag(&self, key: &str, problems: &mut Problems<'_>) -> Option<bool> {
        let field = self.get(key)?;
        if field.value.as_bool().is_none() {
            problems.add(&field.at, "must be true or false");
        }
        field.value.as_bool()
    }

    /// The number `key`, from 0 to `max`.
    pub(super) fn number(&self, key: &str, max: i64, problems: &mut Problems<'_>) -> Option<i64> {
        let field = self.get(key)?;
        let number = field.value.as_integer().and_then(integer).filter(|n| (0..=max).contains(n));
        if number.is_none() {
            problems.add(&field.at, format!("must be a number from 0 to {max}"));
        }
        number
    }

    /// Everything but `read`, as plain values.
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
            problems.add(&self.at, "must be a table");
            return None;
        };
        Some(Table { at: self.at, entries })
    }

    /// The items of a list; none where it is no list.
    pub(super) fn items(&self, problems: &mut Problems<'_>) -> Vec<Field<'d>> {
        let Some(items) = self.value.as_array() else {
            problems.add(&self.at, "must be a list");
            return vec![];
        };
        let item = |(i, item): (usize, &'d toml::Spanned<DeValue<'d>>)| Field {
            at: self.at.item(i, item.span().start),
            value: item.get_ref(),
        };
        items.iter().enumerate().map(item).collect()
    }

    /// A text of one line.
    pub(super) fn text(&self, problems: &mut Problems<'_>) -> Option<&'d str> {
        let Some(text) = self.value.as_str() else {
            problems.add(&self.at, "must be a text");
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

    /// Refuses what a terminal would obey, and a second line.
    pub(super) fn check_line(&self, text: &str, problems: &mut Problems<'_>) {
        if !text.chars().all(is_text) {
            problems.add(&self.at, "has control characters, line breaks or direction marks in it");
        }
    }

    /// The value without its places. Texts may have lines here: steps carry whole scripts.
    fn plain(&self, problems: &mut Problems<'_>) -> Option<toml::Value> {
        let plain = match self.value {
            DeValue::String(text) => {
                let is_allowed = |c| matches!(c, '\n' | '\t') || is_text(c);
                if !text.chars().all(is_allowed) {
                    problems.add(&self.at, "has control characters or direction marks in it");
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
            problems.add(&self.at, "is a number out of range");
        }
        number
    }
}

fn integer(number: &toml::de::DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}
