//! Typed identifiers. A text is parsed once, where it enters the program.

use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use smol_str::SmolStr;

use crate::model::as_text::serde_as_text;

/// Longest accepted package name in bytes. No registry allows a longer one.
pub const MAX_PACKAGE_NAME: usize = 255;

/// The canonical name of an ecosystem: lower-case letters and digits, beginning with a letter.
/// Whether a plugin of that name exists is a question for the registry of plugins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9]*$"))]
pub struct EcosystemId(SmolStr);

/// The name of a package as its own registry spells it: ASCII letters, digits and `@/._~+-`, so no
/// look-alike characters, markup or path escapes. Each ecosystem has stricter rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9@._~+][A-Za-z0-9@/._~+-]{0,254}$"))]
pub struct PackageName(SmolStr);

/// A package of an ecosystem, written `ecosystem:name`. It is the key of everything that is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z0-9]*:[A-Za-z0-9@._~+][A-Za-z0-9@/._~+-]{0,254}$"))]
#[expect(missing_docs, reason = "the two halves of the text")]
pub struct PackageId {
    pub ecosystem: EcosystemId,
    pub name: PackageName,
}

/// The name of a recipe, which is also the stem of its file name: `[a-z0-9][a-z0-9._+-]*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9][a-z0-9._+-]*$"))]
pub struct RecipeName(String);

/// A command on `PATH`: `[A-Za-z0-9_][A-Za-z0-9._+-]*`, at most 128 bytes. Such names become parts
/// of paths and of verify commands, so no other character is allowed.
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

/// A text that is not a valid identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} {text:?}{}", .why.map(|why| format!(": {why}")).unwrap_or_default())]
pub struct InvalidId {
    what: &'static str,
    text: String,
    why: Option<&'static str>,
}

impl InvalidId {
    /// `text` is not a valid `what`.
    pub fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: shortened(text), why: None }
    }

    /// `text` is not a valid `what`, for the reason `why`.
    pub fn because(what: &'static str, text: &str, why: &'static str) -> Self {
        Self { what, text: shortened(text), why: Some(why) }
    }
}

/// Shortens a text, so that an error message stays on one line.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl EcosystemId {
    /// Makes an identifier in a `const`. An invalid literal fails the build.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(is_ecosystem_id(text.as_bytes()), "bad ecosystem id");
        Self(SmolStr::new_static(text))
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
        let valid = is_ecosystem_id(s.as_bytes()).then(|| Self(SmolStr::new(s)));
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
        if MAX_PACKAGE_NAME < s.len() {
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
        Ok(Self(SmolStr::new(s)))
    }
}

impl RecipeName {
    /// The most similar valid name: lower case, `-` for bad characters, `x` before a bad start.
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
        f.write_str(self.ecosystem.as_str())?;
        f.write_str(":")?;
        f.write_str(self.name.as_str())
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ecosystem, self.started_at.format("%Y-%m-%dT%H-%M-%SZ"))
    }
}

impl BatchId {
    /// The ecosystem of the run.
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
    fn hostile_names_are_refused() {
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
