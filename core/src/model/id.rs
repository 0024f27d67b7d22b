//! Typed identifiers. Each parses once, at the edge, and is never a bare string again.

use std::{borrow::Cow, fmt, str::FromStr};

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;

/// Longest package name accepted anywhere, in bytes: above every registry's own limit.
pub const LONGEST_PACKAGE_NAME: usize = 255;

/// Canonical name of an ecosystem: lower-case ASCII letters and digits, a letter first.
///
/// Whether it is *registered* is a question for the registry, not for this type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9]*$"))]
pub struct EcosystemId(Cow<'static, str>);

/// A package's name as its own registry spells it: ASCII letters, digits and `@/._~+-`, so that no
/// look-alike, markup, option or path escape can be one. Each ecosystem has stricter rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9@._~+][A-Za-z0-9@/._~+-]{0,254}$"))]
pub struct PackageName(String);

/// A package in an ecosystem, written `ecosystem:name`: the key of everything stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9]*:[A-Za-z0-9@._~+][A-Za-z0-9@/._~+-]{0,254}$"))]
#[expect(missing_docs, reason = "the two halves of the text")]
pub struct PackageId {
    pub ecosystem: EcosystemId,
    pub name: PackageName,
}

/// Name of a recipe and stem of its file: `[a-z0-9][a-z0-9._+-]*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9][a-z0-9._+-]*$"))]
pub struct RecipeName(String);

/// A command on `PATH`: `[A-Za-z0-9_][A-Za-z0-9._+-]*`, at most 128 bytes. What a package calls a
/// command ends up in paths and in verify commands, so nothing else may be in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$"))]
pub struct CommandName(String);

/// One run of one ecosystem, written `<ecosystem>-<YYYY-MM-DDTHH-MM-SSZ>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9]*-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z$"))]
pub struct BatchId {
    ecosystem: EcosystemId,
    started_at: DateTime<Utc>,
}

/// A text that does not have the grammar of the identifier asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {text:?}{}", .why.map(|why| format!(": {why}")).unwrap_or_default())]
pub struct InvalidId {
    what: &'static str,
    text: String,
    why: Option<&'static str>,
}

impl InvalidId {
    /// `text` is not a `what`.
    pub fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: shortened(text), why: None }
    }

    /// `text` is not a `what`, for the reason `why`.
    pub fn because(what: &'static str, text: &str, why: &'static str) -> Self {
        Self { what, text: shortened(text), why: Some(why) }
    }
}

/// An error message is one line, however long the text that it is about.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl EcosystemId {
    /// Makes an identifier in a `const`; a bad literal fails the build.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(is_ecosystem_id(text.as_bytes()), "bad ecosystem id");
        Self(Cow::Borrowed(text))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_ecosystem_id(bytes: &[u8]) -> bool {
    if bytes.is_empty() || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut i = 1;
    while i < bytes.len() && (bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit()) {
        i += 1;
    }
    i == bytes.len()
}

impl FromStr for EcosystemId {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let valid = is_ecosystem_id(s.as_bytes()).then(|| Self(Cow::Owned(s.to_owned())));
        valid.ok_or_else(|| InvalidId::new("ecosystem id", s))
    }
}

impl PackageName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_in_package_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "@/._~+-".contains(c)
}

impl FromStr for PackageName {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let refuse = |why| Err(InvalidId::because("package name", s, why));
        if s.is_empty() {
            return refuse("it is empty");
        }
        if LONGEST_PACKAGE_NAME < s.len() {
            return refuse("it is longer than 255 bytes");
        }
        if s.starts_with('-') {
            return refuse("it would read as an option");
        }
        if !s.chars().all(is_in_package_name) {
            return refuse("only ASCII letters, digits and @/._~+- may be in a name");
        }
        if s.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return refuse("it would leave its folder");
        }
        Ok(Self(s.to_owned()))
    }
}

impl RecipeName {
    /// The name nearest to `text`: lower case, `-` for what has no place in one, and an `x` before
    /// what cannot begin one.
    pub fn nearest(text: &str) -> Self {
        let mut name = text.to_ascii_lowercase().replace(|c| !is_in_recipe_name(c), "-");
        if !name.starts_with(begins_recipe_name) {
            name.insert(0, 'x');
        }
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn begins_recipe_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_in_recipe_name(c: char) -> bool {
    begins_recipe_name(c) || "._+-".contains(c)
}

impl FromStr for RecipeName {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        if !s.starts_with(begins_recipe_name) || !s.chars().all(is_in_recipe_name) {
            return Err(InvalidId::new("recipe name", s));
        }
        Ok(Self(s.to_owned()))
    }
}

impl CommandName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CommandName {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let may_begin = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let may_follow = |c: char| may_begin(c) || ".+-".contains(c);
        if s.len() > 128 || !s.starts_with(may_begin) || !s.chars().all(may_follow) {
            return Err(InvalidId::new("command name", s));
        }
        Ok(Self(s.to_owned()))
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PackageId {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let (ecosystem, name) = s.split_once(':').ok_or_else(|| InvalidId::new("package id", s))?;
        Ok(Self { ecosystem: ecosystem.parse()?, name: name.parse()? })
    }
}

impl BatchId {
    /// The run of `ecosystem` that starts at `now`.
    pub fn new(ecosystem: EcosystemId, now: DateTime<Utc>) -> Self {
        Self { ecosystem, started_at: now.trunc_subsecs(0) }
    }

    /// Start of the run, in whole seconds.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }
}

impl fmt::Display for EcosystemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RecipeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PackageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ecosystem, self.name)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ecosystem, self.started_at.format("%Y-%m-%dT%H-%M-%SZ"))
    }
}

impl BatchId {
    /// Whose run it is.
    pub fn ecosystem(&self) -> &EcosystemId {
        &self.ecosystem
    }
}

impl FromStr for BatchId {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId::new("batch id", s);
        let (ecosystem, start) = s.split_once('-').ok_or_else(invalid)?;
        let started_at =
            NaiveDateTime::parse_from_str(start, "%Y-%m-%dT%H-%M-%SZ").map_err(|_| invalid())?;
        Ok(Self { ecosystem: ecosystem.parse()?, started_at: started_at.and_utc() })
    }
}

/// Written and read as the text that `Display` and `FromStr` agree on.
macro_rules! serde_as_text {
    ($($id:ty),*) => {$(
        impl serde::Serialize for $id {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $id {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use serde_as_text;
serde_as_text!(EcosystemId, PackageName, PackageId, RecipeName, CommandName, BatchId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_survive_the_way_through_text() {
        for text in ["npm:@angular/cli", "go:github.com/cli/cli/v2", "cpan:App-Ack"] {
            assert_eq!(text.parse::<PackageId>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn hostile_names_are_no_names() {
        let long = "a".repeat(300);
        for name in [
            "", "../../x", "-rf", &long, "a\nb", "<script>", "раypal", "a b", "a//b", "a\\b", "/a",
            "a/",
        ] {
            assert!(name.parse::<PackageName>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_batch_id_is_its_ecosystem_and_its_second() {
        let id: BatchId = "npm-2026-11-21T13-00-05Z".parse().unwrap();
        assert_eq!(id.to_string(), "npm-2026-11-21T13-00-05Z");
        assert_eq!(id.started_at().to_rfc3339(), "2026-11-21T13:00:05+00:00");
        assert!("npm-2026-13-21T13-00-05Z".parse::<BatchId>().is_err());
    }

    proptest! {
        #[test]
        fn the_nearest_recipe_name_is_one_and_nearest_to_itself(text: String) {
            let name = RecipeName::nearest(&text);
            prop_assert_eq!(RecipeName::nearest(name.as_str()), name.clone());
            prop_assert_eq!(name.to_string().parse(), Ok(name));
        }
    }
}
