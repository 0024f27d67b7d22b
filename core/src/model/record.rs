//! Records of what happened: one line each, never changed afterwards.

use std::{borrow::Cow, collections::BTreeMap};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, Confidence, EcosystemId, Environment, FailureKind, Fingerprint, HostUsage, PackageId,
    PackageName, RecipeName, Stage,
};

/// Version of every file and line that this program writes.
pub const SCHEMA_VERSION: u32 = 2;

/// What became of the slot of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlotOutcome {
    /// The ecosystem whose turn it was, or that was asked for.
    Ran,
    /// Another one used it.
    FellThrough,
    /// Nothing could be attempted.
    Skipped,
}

/// One run: a line of `data/metrics/batch-runs-<batch id>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Version of this line's format.
    pub schema_version: u32,
    /// The run's one id; `slot-<time>` for a slot that ran nothing.
    pub batch_id: String,
    /// Absent when nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<EcosystemId>,
    /// Whose turn it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<EcosystemId>,
    /// Start of the run.
    pub timestamp: DateTime<Utc>,
    /// Whole run, in seconds.
    pub duration_seconds: u64,
    /// What became of the slot.
    pub outcome: SlotOutcome,
    /// Why nothing ran, or why the slot fell through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// Attempts.
    pub total: u64,
    /// Attempts whose recipe installed and verified.
    pub succeeded: u64,
    /// Attempts that ended in a failure, blocked ones apart.
    pub failed: u64,
    /// Attempts that need recipes that do not exist.
    pub blocked: u64,
    /// Recipes made.
    pub generated: u64,
    /// Recipes that reached main.
    pub merged: u64,
    /// Recipes left out of the batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub excluded: u64,
    /// Recipes with constraints derived from results.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub constrained: u64,
    /// Entries released or retried at the start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requeued: u64,
    /// Attempts that a curated override sent here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub used_disambiguation: u64,
    /// In order of their end.
    #[serde(default)]
    pub packages_processed: Vec<PackageId>,
    /// Recipes that installed and verified.
    #[serde(default)]
    pub recipes_generated: Vec<RecipeName>,
    /// Results per environment that was tried.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<Environment, EnvironmentCounts>,
    /// Minutes used.
    #[serde(default)]
    pub minutes: Minutes,
    /// What was asked of each host.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<String, HostUsage>,
    /// The run that the batch was part of, `run-<time>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Whether it ended before its plan was done.
    #[serde(default, skip_serializing_if = "is_false")]
    pub interrupted: bool,
    /// Planned and not attempted: still due.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<PackageId>,
    /// Generator and version.
    #[serde(default)]
    pub generator: String,
    /// The CI run it was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
}

/// Results in one environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the usual words")]
pub struct EnvironmentCounts {
    pub tested: u64,
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

/// Minutes of validation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "proper names")]
pub struct Minutes {
    pub macos: u64,
    pub linux: u64,
}

/// One failed attempt: a line of `data/failures/<batch id>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureRecord {
    /// Version of this line's format.
    pub schema_version: u32,
    /// `<batch id>-<package slug>`, and `-<environment>` where several environments failed.
    pub id: String,
    /// What was attempted.
    pub package_id: PackageId,
    /// Whose registry.
    pub ecosystem: EcosystemId,
    /// The run's id; imported records keep that of their file.
    pub batch_id: String,
    /// Where in the run.
    pub stage: Stage,
    category: Cow<'static, str>,
    subcategory: Cow<'static, str>,
    /// Host or tool that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How firmly the evidence names the cause.
    pub confidence: Confidence,
    /// The final error lines, at most 2 KiB.
    pub message: String,
    /// Everything the failing program printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRef>,
    /// Of the failing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Where it was tried; absent before validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Generator and version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// The backend that contained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// What the package waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<PackageName>,
    /// What a person should know of the package, each in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Same cause, same fingerprint.
    pub fingerprint: Fingerprint,
    /// End of the attempt.
    pub timestamp: DateTime<Utc>,
    /// The CI run it was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
    /// Where an imported record comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// An output stored once per content, under `data/outputs/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputRef {
    /// Of the stored text, 64 hex digits.
    pub sha256: String,
    /// Of the stored text.
    pub bytes: u64,
    /// Whether the middle of the output was left out.
    pub truncated: bool,
}

/// File and record number of an imported record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct Origin {
    pub file: String,
    pub record: u64,
}

/// The fixed part of a [`FailureRecord`]; what is optional is set afterwards.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "FailureRecord says it")]
pub struct FailureHead {
    pub id: String,
    pub package_id: PackageId,
    pub batch_id: BatchId,
    pub stage: Stage,
    pub kind: FailureKind,
    pub confidence: Confidence,
    pub message: String,
    pub fingerprint: Fingerprint,
    pub timestamp: DateTime<Utc>,
}

impl FailureRecord {
    /// A record with nothing optional in it.
    pub fn new(head: FailureHead) -> Self {
        let row = head.kind.row();
        Self {
            schema_version: SCHEMA_VERSION,
            id: head.id,
            ecosystem: head.package_id.ecosystem.clone(),
            package_id: head.package_id,
            batch_id: head.batch_id.to_string(),
            stage: head.stage,
            category: Cow::Borrowed(row.category),
            subcategory: Cow::Borrowed(row.subcategory),
            service: None,
            confidence: head.confidence,
            message: head.message,
            output: None,
            exit_code: None,
            environment: None,
            generator: None,
            sandbox: None,
            blocked_by: vec![],
            notes: vec![],
            fingerprint: head.fingerprint,
            timestamp: head.timestamp,
            workflow_run_url: None,
            origin: None,
        }
    }

    /// Row of the table. A pair of a later version is `unknown/unclassified`, and keeps its text.
    pub fn kind(&self) -> FailureKind {
        FailureKind::parse(&self.category, &self.subcategory).unwrap_or(FailureKind::Unclassified)
    }

    /// First half of the stored pair.
    pub fn category(&self) -> &str {
        &self.category
    }

    /// Second half of the stored pair.
    pub fn subcategory(&self) -> &str {
        &self.subcategory
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
