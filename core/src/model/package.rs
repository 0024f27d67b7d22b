//! A package on its way from registry answer to installed files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Cell, CommandName, PackageId, PackageName};

/// All that a recipe is built from, in one shape for every ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// What it is.
    pub id: PackageId,
    /// The version these facts are about, as the registry spells it.
    pub version: String,
    /// What it puts on `PATH`.
    pub executables: Executables,
    /// One line; empty where the registry has none.
    pub description: String,
    /// https only; anything else is left out.
    pub homepage: Option<String>,
    /// Tool or library.
    pub kind: PackageKind,
    /// Recipes it needs while it runs.
    pub runtime_dependencies: Vec<PackageName>,
    /// The cells it declares to run in; empty means any.
    pub platforms: Vec<Cell>,
    /// What is downloaded.
    pub artifacts: Vec<Artifact>,
    /// How it is installed.
    pub install: Action,
    /// What a person should know: deprecated, scripts at install.
    pub notes: Vec<String>,
}

/// What a package puts on `PATH`. Never guessed from its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Executables {
    /// In a fixed order; the first is the one to verify. Empty for a library.
    Known(Vec<CommandName>),
    /// Why they are not known.
    Unknown(String),
}

/// What a package is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageKind {
    /// To be run.
    Tool,
    /// To be linked or imported.
    Library,
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Where it runs; empty means anywhere.
    pub cells: Vec<Cell>,
    /// On the registry's own host.
    pub url: String,
    /// `<algorithm>-<digest>`, as the registry gives it; empty where it gives none.
    pub digest: String,
    /// Whether all of it was read for these facts and has that digest; false where only parts were
    /// read, or there is none: then the installer is the first to compare. Absent where nothing of
    /// it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest_verified: Option<bool>,
}

impl Artifact {
    /// Of which nothing has been read.
    pub fn unread(cells: Vec<Cell>, url: String, digest: String) -> Self {
        Self { cells, url, digest, digest_verified: None }
    }
}

/// A recipe step that installs, with sorted parameters, so that equal facts make equal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// As recipes call it.
    pub name: String,
    /// As recipes write them.
    pub parameters: BTreeMap<String, Parameter>,
}

/// A parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the shapes that recipes use")]
pub enum Parameter {
    Text(String),
    List(Vec<String>),
    Flag(bool),
}
