//! Constant texts and variables.

use super::Reader;
use crate::{
    perl::Item,
    variables::{self, Declared},
};

impl Reader<'_> {
    /// Texts, joined by the operator `.`.
    pub(super) fn text(&mut self) -> Option<String> {
        let mut text = self.part()?;
        loop {
            self.space();
            if !self.accept(".") {
                return Some(text);
            }
            self.space();
            text += &self.part()?;
        }
    }

    pub(super) fn part(&mut self) -> Option<String> {
        if self.accept("'") {
            return self.quoted('\'');
        }
        if self.accept("\"") {
            return self.quoted('"');
        }
        if self.accept("$") {
            let name = self.name()?;
            return self.scalar(&name);
        }
        let is_path = ["File::Spec->catfile", "File::Spec::Functions::catfile", "catfile"];
        if is_path.iter().any(|word| self.word(word)) {
            let parts = self.bracketed(Self::texts)?;
            return Some(parts.join("/"));
        }
        if self.word("join") {
            let mut parts = self.bracketed(Self::texts)?.into_iter();
            let between = parts.next()?;
            return Some(parts.collect::<Vec<_>>().join(&between));
        }
        // `qq` is read like `q`, because variables in `qq` are as rare as braces in names.
        let is_plain = self.word("q") || self.word("qq");
        self.delimited()
            .filter(|text| is_plain && !text.contains(['$', '@', '\\']))
            .map(str::to_owned)
    }

    /// Items without a glob.
    pub(super) fn texts(&mut self) -> Option<Vec<String>> {
        let text = |item| match item {
            Item::Path(text) => Some(text),
            Item::Glob(_) => None,
        };
        self.items()?.into_iter().map(text).collect()
    }

    /// A text up to `quote`. The only accepted escape is an escaped quote, and all variables in it
    /// must be constant.
    pub(super) fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        loop {
            let c = self.rest().chars().next()?;
            self.at += c.len_utf8();
            match c {
                _ if c == quote => return Some(text),
                '\\' => {
                    let escaped = self.rest().chars().next()?;
                    let is_itself = escaped == quote || escaped == '\\' || "$@".contains(escaped);
                    text.push(is_itself.then_some(escaped)?);
                    self.at += escaped.len_utf8();
                }
                '@' if quote == '"' => return None,
                '$' if quote == '"' => {
                    let name = self.name()?;
                    if self.rest().starts_with(['[', '{']) || self.rest().starts_with("->") {
                        return None;
                    }
                    text += &self.scalar(&name)?;
                }
                _ => text.push(c),
            }
        }
    }

    /// The name of a variable after its sigil.
    pub(super) fn name(&mut self) -> Option<String> {
        let has_brace = self.accept("{");
        let start = self.at;
        self.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
        let name = &self.code[start..self.at];
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        (is_name && (!has_brace || self.accept("}"))).then(|| name.to_owned())
    }

    /// The text in the variable `$name`.
    pub(super) fn scalar(&mut self, name: &str) -> Option<String> {
        if name == "_" {
            return self.topic.clone();
        }
        self.declared('$', name, Self::text)
    }

    /// The files in the array whose name starts here.
    pub(super) fn list(&mut self) -> Option<Vec<Item>> {
        let name = self.name()?;
        self.declared('@', &name, Self::items)
    }

    /// The target of the reference that starts here: a list, or one file.
    pub(super) fn reference(&mut self) -> Option<Vec<Item>> {
        self.accept("$");
        let name = self.name()?;
        self.declared('$', &name, |reader| {
            if reader.accept("[") {
                reader.items().filter(|_| reader.accept("]"))
            } else {
                reader.text().map(|text| vec![Item::Path(text)])
            }
        })
    }

    /// The result of `read` at the place where the variable gets its value.
    pub(super) fn declared<T>(
        &mut self,
        sign: char,
        name: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        self.spend(self.code.len())?;
        let Declared { name_at, value_at } = variables::declaration(self.code, sign, name)?;
        self.used.insert(name.to_owned());
        self.within(value_at..self.code.len(), None, |reader| {
            reader.space();
            let value = read(reader)?;
            reader.space();
            reader.read.push(name_at..reader.at);
            reader.accept(";").then_some(value)
        })
    }
}
