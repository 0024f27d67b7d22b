//! The packages that old texts mean.

use std::collections::BTreeMap;

use crate::{
    decide::{clean::Cleaner, import::UNKNOWN},
    model::{EcosystemId, EcosystemNames, Evidence, Finding, InvalidId, PackageId, PackageName},
};

/// Checks the name of a package of an ecosystem and returns it in its own spelling.
pub type Normalise<'a> = &'a dyn Fn(&EcosystemId, &str) -> Result<PackageName, InvalidId>;

/// What the classifier of an ecosystem says about a failure.
pub type Classify<'a> = &'a dyn Fn(&EcosystemId, &Evidence) -> Option<Finding>;

/// What this program knows about ecosystems.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The ids and aliases of all ecosystems.
    pub names: &'a EcosystemNames,
    /// Their rules for names.
    pub normalise: Normalise<'a>,
    /// Their classifiers.
    pub classify: Classify<'a>,
    /// Cleans the messages.
    pub cleaner: &'a Cleaner,
    /// Whether the old tree has a recipe of a name; `None` if it has no recipes at all.
    pub has_recipe: Option<&'a dyn Fn(&str) -> bool>,
}

/// A package that an old text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) id: PackageId,
    pub(super) support: Support,
    /// Whether the text names the ecosystem otherwise than its id does.
    pub(super) is_alias: bool,
}

/// Whether a plugin can build a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Support {
    Supported,
    /// Its plugin refuses the name, for this reason.
    Refused(String),
    /// No plugin builds packages of this ecosystem.
    Foreign,
}

impl Known<'_> {
    /// The package that `text`, `<ecosystem>:<name>`, means.
    pub(super) fn source(&self, text: &str) -> Result<Source, InvalidId> {
        let (spelling, name) =
            text.split_once(':').ok_or_else(|| InvalidId::new("package id", text))?;
        let Some(ecosystem) = self.names.resolve(spelling) else {
            let support = Support::Foreign;
            return Ok(Source { id: text.parse()?, support, is_alias: false });
        };
        let is_alias = ecosystem.as_str() != spelling;
        let ecosystem = ecosystem.clone();
        let (name, support) = match (self.normalise)(&ecosystem, name) {
            Ok(name) => (name, Support::Supported),
            Err(error) => (name.parse()?, Support::Refused(error.to_string())),
        };
        Ok(Source { id: PackageId { ecosystem, name }, support, is_alias })
    }
}

/// The packages of the queue by name, for records that name no ecosystem of ours.
#[derive(Debug, Default)]
pub(super) struct QueuedNames {
    of_entries: BTreeMap<String, PackageId>,
    of_packages: BTreeMap<String, PackageId>,
}

impl QueuedNames {
    /// Adds an entry of an ecosystem of ours. The first one of a name counts.
    pub(super) fn add(&mut self, name: &str, id: &PackageId) {
        self.of_entries.entry(name.to_owned()).or_insert_with(|| id.clone());
        self.of_packages.entry(id.name.to_string()).or_insert_with(|| id.clone());
    }

    /// The package of the entry called `name`, or else the entry of a package called so.
    pub(super) fn package(&self, name: &str) -> Option<&PackageId> {
        self.of_entries.get(name).or_else(|| self.of_packages.get(name))
    }
}

/// The package called `name` of no known ecosystem.
pub(super) fn unknown(name: &str) -> Result<PackageId, InvalidId> {
    Ok(PackageId { ecosystem: UNKNOWN, name: name.parse()? })
}
