//! Reads descriptions of rocks: assignments of texts and nested tables, up to a given depth.

use std::collections::BTreeMap;

/// A table, or a whole description.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<String, Value>);

#[derive(Debug)]
enum Value {
    Text(String),
    Table(Table),
}

impl Table {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::Text(text) => Some(text),
            Value::Table(_) => None,
        }
    }

    pub(crate) fn at(&self, key: &str) -> Option<&Self> {
        match self.0.get(key)? {
            Value::Table(table) => Some(table),
            Value::Text(_) => None,
        }
    }

    /// Sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// A version with its packaging number: `1.10-1`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(Vec<u32>, u32);

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (numbers, packaging) = text.split_once('-')?;
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
            is_number.then(|| text.parse().ok())?
        };
        let numbers: Option<Vec<u32>> = numbers.split('.').map(number).collect();
        Some(Self(numbers?, number(packaging)?))
    }
}

/// The assignments in `text`. The error says what is wrong with it.
pub(crate) fn read(text: &str, depth: usize) -> Result<Table, String> {
    let mut reader = Reader { rest: text };
    let table = reader.fields(depth)?;
    if reader.rest.is_empty() { Ok(table) } else { Err(reader.odd()) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn odd(&self) -> String {
        format!("{:?} is not expected", self.rest.chars().take(20).collect::<String>())
    }

    fn takes(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest).trim_start();
        rest.is_some()
    }

    /// Reads fields, with or without commas, up to the first text that is not a field.
    fn fields(&mut self, depth: usize) -> Result<Table, String> {
        let mut table = Table::default();
        loop {
            self.rest = self.rest.trim_start();
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = self.rest.find(|c| !is_letter(c)).unwrap_or(self.rest.len());
            let (key, rest) = self.rest.split_at(end);
            let key = key.to_owned();
            self.rest = rest;
            if key.is_empty() && !self.rest.starts_with(['{', '"']) {
                return Ok(table);
            }
            if !key.is_empty() && !self.takes("=") {
                return Err(self.odd());
            }
            let value = self.value(depth)?;
            // A value without a key has its position as key.
            let place = table.0.len().to_string();
            table.0.insert(if key.is_empty() { place } else { key }, value);
            let _ = self.takes(",");
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if self.takes("\"") {
            let (text, rest) = self.rest.split_once('"').ok_or("a text without end")?;
            let text = text.to_owned();
            self.rest = rest;
            return Ok(Value::Text(text));
        }
        if !self.takes("{") {
            return Err(self.odd());
        }
        let deeper = depth.checked_sub(1).ok_or("it nests too deeply")?;
        let table = self.fields(deeper)?;
        if self.takes("}") { Ok(Value::Table(table)) } else { Err(self.odd()) }
    }
}
