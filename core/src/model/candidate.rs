//! What a seeder finds in the lists of its registry: candidates, and packages that it skips.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{CommandName, InvalidId, PackageId, Popularity};

/// A package that a registry's list names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The package.
    pub id: PackageId,
    /// Its popularity; `None` when the source publishes no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub popularity: Option<Popularity>,
    /// The commands that it installs on `PATH`, never an empty list. `None` when the source does
    /// not say; then the registry is asked about this package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<CommandName>>,
    /// Whether the package names a public repository; `None` when the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_repository: Option<bool>,
    /// Its newest version; `None` when the source does not say. It is hostile input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Candidate {
    /// A candidate of which only the id is known.
    pub const fn of(id: PackageId) -> Self {
        Self { id, popularity: None, commands: None, has_repository: None, version: None }
    }
}

/// One page of a list. An empty list is an empty page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Packages that may be queued.
    pub candidates: Vec<Candidate>,
    /// Where the next page begins; `None` on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Packages that may not be queued.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
    /// How many candidates all pages of the list have together, if the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// How many packages the complete list has, including those beyond the limit of candidates;
    /// `None` when the source does not say. A sudden drop of this number shows that a list is
    /// incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
}

/// A package that a seeder found and skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The name as the source spells it. It is hostile input.
    pub name: String,
    /// The kind of reason.
    pub reason: SeedSkip,
    /// The reason in words, as a fragment without full stop.
    pub why: String,
}

impl PassedOver {
    /// The package `name`, skipped for `reason`, which `why` says in words.
    pub fn because(name: impl Into<String>, reason: SeedSkip, why: impl Into<String>) -> Self {
        Self { name: name.into(), reason, why: why.into() }
    }

    /// An entry whose name the registry's rules do not allow.
    pub fn misnamed(name: impl Into<String>, error: &InvalidId) -> Self {
        Self::because(name, SeedSkip::InvalidName, error.to_string())
    }

    /// An entry of which not even the name can be read.
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::because("", SeedSkip::Unreadable, why)
    }
}

/// Why a package that was found is not queued.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SeedSkip {
    /// It installs no command on `PATH`.
    Library,
    /// Its commands cannot be determined.
    CommandsUnknown,
    /// The source lists it, but the registry has nothing that can be installed.
    NotThere,
    /// Its publishers or the registry have withdrawn it.
    Retired,
    /// Its name is not valid in that registry.
    InvalidName,
    /// Its name looks like the name of a popular package but uses other characters.
    Homoglyph,
    /// The registry's answer about it could not be read. The next seeding asks again.
    Unreadable,
}

impl SeedSkip {
    /// The stored word, for example `library`.
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
