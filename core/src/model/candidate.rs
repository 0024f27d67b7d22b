//! What a seeder sees in the lists of its registry, and hands on or not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{CommandName, InvalidId, PackageId, Popularity};

/// A package seen in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What it is.
    pub id: PackageId,
    /// Unknown stays unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popularity: Option<Popularity>,
    /// What it puts on `PATH`, never empty; `None` where the source does not say, so that the
    /// registry is asked about this package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<CommandName>>,
    /// Whether it names a public repository; `None` where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_repository: Option<bool>,
}

impl Candidate {
    /// One of which nothing else is known.
    pub const fn of(id: PackageId) -> Self {
        Self { id, popularity: None, commands: None, has_repository: None }
    }
}

/// Part of a list; an empty list is an empty page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// What may be queued.
    pub candidates: Vec<Candidate>,
    /// Where the list goes on; `None` at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// What may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// How many the list hands on in all, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// How many packages it has in all, also those that are too many to be handed on; `None` where
    /// it does not say. By this it is seen that a long list has lost its half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
}

/// What a seeder saw and did not hand on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// As the source spells it. Hostile.
    pub name: String,
    /// The kind of reason.
    pub reason: SeedSkip,
    /// The reason itself, as a fragment without full stop.
    pub why: String,
}

impl PassedOver {
    /// `name`, for the reason `why`.
    pub fn because(name: impl Into<String>, reason: SeedSkip, why: impl Into<String>) -> Self {
        Self { name: name.into(), reason, why: why.into() }
    }

    /// What calls itself by no name of that registry.
    pub fn misnamed(name: impl Into<String>, error: &InvalidId) -> Self {
        Self::because(name, SeedSkip::InvalidName, error.to_string())
    }

    /// What cannot be read, not even its name.
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::because("", SeedSkip::Unreadable, why)
    }
}

/// Why a package that was seen is not queued.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SeedSkip {
    /// It puts nothing on `PATH`.
    Library,
    /// What it puts on `PATH` cannot be told.
    CommandsUnknown,
    /// The source lists it, and the registry has nothing of it to install.
    NotThere,
    /// Its publishers or the registry want nobody to install it any more.
    Retired,
    /// Its name is none of that registry.
    InvalidName,
    /// Its name looks like that of a popular package and is written in other characters.
    Homoglyph,
    /// The registry could not be read about it; it is looked at again next time.
    Unreadable,
}

impl SeedSkip {
    /// As written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::CommandsUnknown => "commands_unknown",
            Self::NotThere => "not_there",
            Self::Retired => "retired",
            Self::InvalidName => "invalid_name",
            Self::Homoglyph => "homoglyph",
            Self::Unreadable => "unreadable",
        }
    }
}
