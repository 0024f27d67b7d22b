//! What `try` prints.

use std::fmt;

use batch_core::{
    model::{
        Executables, ExecutablesFrom, Failure, GeneratedRecipe, PackageFacts, PackageId,
        PackageKind,
    },
    plugin::Registry,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::run::FailureSummary;

/// What `try --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TryReport {
    /// In the registry's own spelling.
    pub(super) package_id: PackageId,
    /// The newest version, if the registry names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// Whether it is a tool or a library.
    pub(super) kind: TryKind,
    /// The commands that it installs on `PATH`.
    pub(super) executables: Vec<String>,
    /// Who told the commands; absent if they are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) executables_from: Option<ExecutablesFrom>,
    /// What a person should know about the package, for example that it is deprecated, a
    /// prerelease, or runs code when it is installed.
    pub(super) notes: Vec<String>,
    /// The recipe, as TOML, with the verification that was seen to hold. If the failure is
    /// `missing_dep/recipe_missing`, the recipe that will be made as soon as the missing recipes
    /// exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recipe: Option<String>,
    /// How far the attempt came.
    pub(super) outcome: TryOutcome,
    /// Why it came no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureSummary>,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TryKind {
    Tool,
    Library,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TryOutcome {
    /// There is a recipe; it was not installed.
    Generated,
    /// The recipe was installed and verified.
    Verified,
    /// There is a failure.
    Failed,
}

impl TryReport {
    pub(super) fn new(package_id: PackageId, facts: Option<&PackageFacts>) -> Self {
        let (executables, executables_from) = match facts.map(|it| (&it.executables, it)) {
            Some((Executables::Known(commands), facts)) => {
                let names = commands.iter().map(ToString::to_string).collect();
                (names, Some(facts.executables_from))
            }
            Some((Executables::Unknown(_), _)) | None => (vec![], None),
        };
        let kind = match facts.map(|facts| facts.kind) {
            Some(PackageKind::Tool) => TryKind::Tool,
            Some(PackageKind::Library) => TryKind::Library,
            None => TryKind::Unknown,
        };
        Self {
            package_id,
            version: facts.map(|facts| facts.version.clone()),
            kind,
            executables,
            executables_from,
            notes: facts.map(|facts| facts.notes.clone()).unwrap_or_default(),
            recipe: None,
            outcome: TryOutcome::Generated,
            failure: None,
        }
    }

    /// The report of an attempt that ended with `failure`.
    pub(super) fn failed(self, failure: &Failure, registry: &Registry) -> Self {
        let failure = FailureSummary::new(failure, &self.package_id, registry);
        Self { outcome: TryOutcome::Failed, failure: Some(failure), ..self }
    }

    /// The report of a recipe that was not installed.
    pub(super) fn generated(generated: &GeneratedRecipe) -> Self {
        let report = Self::new(generated.facts.id.clone(), Some(&generated.facts));
        Self { recipe: Some(generated.toml.clone()), ..report }
    }
}

impl fmt::Display for TryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(recipe) = &self.recipe {
            writeln!(f, "{recipe}")?;
        }
        let version = self.version.as_deref().unwrap_or("-");
        let verdict = match self.outcome {
            TryOutcome::Generated => "generated, not installed",
            TryOutcome::Verified => "installed and verified",
            TryOutcome::Failed => "failed",
        };
        writeln!(f, "{} {version}: {verdict}", self.package_id)?;
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        if let Some(failure) = &self.failure {
            writeln!(f, "  {}/{}", failure.category, failure.subcategory)?;
            writeln!(f, "  {}", failure.headline)?;
            writeln!(f, "  what to do: {}", failure.remediation)?;
            if let Some(command) = &failure.command {
                writeln!(f, "    {command}")?;
            }
            for line in failure.message.lines() {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}
