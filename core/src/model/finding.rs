//! The evidence about a failed attempt, and what it says.

use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{FailureKind, InvalidId, PackageName, RanStep};

/// How reliably the evidence names the cause.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The text states the cause.
    Stated,
    /// The cause follows from the text.
    Inferred,
    /// The text ends before it states a cause.
    Lost,
}

/// The stage of a run in which an attempt failed.
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
    /// The stage of the run.
    pub stage: Stage,
    /// The program that failed, by its name on `PATH`.
    pub tool: String,
    /// The exit code; `None` when a signal ended the program.
    pub exit_code: Option<i32>,
    /// What the program printed, without escape sequences. It is hostile input and may be any text.
    pub text: String,
}

/// What the evidence of a failure says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The host or tool that failed, if the text names it.
    pub service: Option<String>,
    /// How reliably the evidence names the cause.
    pub confidence: Confidence,
}

/// A hash of the kind and of the normalised last error lines: equal causes have equal fingerprints.
/// Written as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(with = "String")]
pub struct Fingerprint(pub u64);

/// Why one attempt failed, and on what evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The stage of the run.
    pub stage: Stage,
    /// The cause.
    pub finding: Finding,
    /// Groups equal failures, and recognises systemic ones.
    pub fingerprint: Fingerprint,
    /// The last error lines, at most 2 KiB.
    pub message: String,
    /// What the failing program printed: the first and the last part. Empty when no program ran.
    pub output: String,
    /// The exit code of the failing program.
    pub exit_code: Option<i32>,
    /// The packages whose recipes are missing; empty unless the kind says so.
    pub blocked_by: Vec<PackageName>,
    /// Everything that was carried out until the failure, in this order. Empty when nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<RanStep>,
}

impl Finding {
    /// A cause that the text states, with no host or tool to blame.
    pub fn stated(kind: FailureKind) -> Self {
        Self { kind, service: None, confidence: Confidence::Stated }
    }

    /// Adds the host or tool that failed.
    #[must_use]
    pub fn of_service(self, service: impl Into<String>) -> Self {
        Self { service: Some(service.into()), ..self }
    }

    /// Whether this finding says that one of the hosts or tools in `own` does not work.
    ///
    /// A failure of another ecosystem's host blames no ecosystem, and an inferred cause blames
    /// nobody.
    pub fn blames(&self, own: &BTreeSet<&str>) -> bool {
        self.kind.row().breaker
            && self.confidence == Confidence::Stated
            && self.service.as_deref().is_some_and(|service| own.contains(service))
    }

    /// Whether the cause may be a broken generator or validator, and not a property of the package.
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
        let mut digits = [0; 16];
        hex::encode_to_slice(self.0.to_be_bytes(), &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        u64::from_str_radix(s, 16).map(Self).map_err(|_| InvalidId::new("fingerprint", s))
    }
}

crate::model::as_text::serde_as_text!(Fingerprint);
