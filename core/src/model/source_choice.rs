//! Which source of several a tool is taken from, and who decided it.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{PackageId, PackageName, RecipeName};

/// A decision of a person: a line of `data/disambiguations/curated.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CuratedSource {
    /// Version of this line's format.
    pub schema_version: u32,
    /// The tool, as people call it.
    pub tool: PackageName,
    /// The package that it is taken from.
    pub selected: PackageId,
    /// The name of its recipe, if it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe_name: Option<RecipeName>,
    /// Packages of other sources that are redirected to the selected one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<PackageId>,
    /// Why, in one line.
    pub selection_reason: String,
    /// Whether the packages may be different programs of the same name.
    pub high_risk: bool,
    /// When a person looked at it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_at: Option<DateTime<Utc>>,
    /// When somebody should look at it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// An attempt at a package that took the place of another one, because of a decision of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redirection {
    /// The package that was queued before.
    pub from: PackageId,
    /// The package that was attempted.
    pub to: PackageId,
    /// Why, in the words of that person; empty if the decision is not in force any more.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A decision of the earlier pipeline with its evidence: a line of
/// `data/disambiguations/audits.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceAudit {
    /// Version of this line's format.
    pub schema_version: u32,
    /// The tool.
    pub tool: PackageName,
    /// The package that was selected.
    pub selected: PackageId,
    /// The packages that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<PackageId>,
    /// The rule that decided.
    pub selection_reason: String,
    /// Whether the packages may be different programs of the same name.
    pub high_risk: bool,
    /// By how much the selected one had more downloads than the next one. The numbers are not
    /// comparable, because each registry counts in its own way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downloads_ratio: Option<f64>,
    /// What the registries said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<SourceProbe>,
    /// The source that the tool had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_source: Option<PackageId>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// The start of the seeding run that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeding_run: Option<DateTime<Utc>>,
}

/// What a registry said about a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceProbe {
    /// The package.
    pub source: PackageId,
    /// Its downloads as the registry counts them; 0 may mean unknown.
    pub downloads: u64,
    /// Number of its versions; 0 may mean unknown.
    pub version_count: u64,
    /// Whether it names a repository.
    pub has_repository: bool,
}
