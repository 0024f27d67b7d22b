//! What is known about a failed attempt, and what it says.

use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{FailureKind, InvalidId, PackageName};

/// How firmly the evidence names the cause.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The text says so.
    Stated,
    /// It follows from the text.
    Inferred,
    /// The text ends before any cause.
    Lost,
}

/// Where in a run an attempt failed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Stage {
    Seed,
    Generate,
    Validate,
    Merge,
}

/// What is known about a failed attempt.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Where in the run.
    pub stage: Stage,
    /// The program that failed, as it is called on `PATH`.
    pub tool: String,
    /// `None` when a signal ended the tool.
    pub exit_code: Option<i32>,
    /// What it printed, escape sequences removed. Hostile: any text may come.
    pub text: String,
}

/// What the evidence of a failure says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Row of the table.
    pub kind: FailureKind,
    /// Host or tool that failed, where the text tells.
    pub service: Option<String>,
    /// How firmly the evidence names the cause.
    pub confidence: Confidence,
}

/// Hash of kind and normalised final error lines: same cause, same fingerprint. Written as 16 hex
/// digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Fingerprint(pub u64);

/// Why one attempt failed, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Where in the run.
    pub stage: Stage,
    /// The cause.
    pub finding: Finding,
    /// For clusters and for the systemic rule.
    pub fingerprint: Fingerprint,
    /// The final error lines, at most 2 KiB.
    pub message: String,
    /// What the failing program printed, first and last part; empty where none ran.
    pub output: String,
    /// Of the failing program.
    pub exit_code: Option<i32>,
    /// What the package waits for; empty unless the kind says so.
    pub blocked_by: Vec<PackageName>,
}

impl Finding {
    /// The text says so, and no service is to blame.
    pub fn stated(kind: FailureKind) -> Self {
        Self { kind, service: None, confidence: Confidence::Stated }
    }

    /// As `self`, naming the host or tool that failed.
    #[must_use]
    pub fn of_service(self, service: impl Into<String>) -> Self {
        Self { service: Some(service.into()), ..self }
    }

    /// Whether this says that a host or tool of `own` is unwell.
    ///
    /// A foreign service blames no ecosystem, and nothing inferred blames anyone.
    pub fn blames(&self, own: &BTreeSet<&str>) -> bool {
        self.kind.row().breaker
            && self.confidence == Confidence::Stated
            && self.service.as_deref().is_some_and(|service| own.contains(service))
    }

    /// Whether a broken generator or validator may be the cause, rather than a fact about the
    /// package.
    pub fn may_be_systemic(&self) -> bool {
        let is_broken_tool = self.kind.row().category == "validation_failed"
            || matches!(
                self.kind,
                FailureKind::BinaryDiscoveryFailed | FailureKind::ArchiveExtractionFailed
            );
        is_broken_tool && self.confidence == Confidence::Stated
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        u64::from_str_radix(s, 16).map(Self).map_err(|_| InvalidId::new("fingerprint", s))
    }
}

crate::model::id::serde_as_text!(Fingerprint);
