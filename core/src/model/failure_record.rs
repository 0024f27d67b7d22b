//! The record of a failure.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    BatchId, Cell, Confidence, EcosystemId, Environment, ExecutablesFrom, FailureKind, Finding,
    Fingerprint, OutputRef, PackageId, PackageName, SCHEMA_VERSION, Stage,
};

/// One failed attempt, or one failed validation of a recipe that works elsewhere: a line of `data/failures/<batch id>.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureRecord {
    /// Version of this line's format.
    pub schema_version: u32,
    /// `<batch id>-<package slug>`, followed by `-<environment>` when several environments failed.
    pub id: String,
    /// The package.
    pub package_id: PackageId,
    /// The ecosystem of the package.
    pub ecosystem: EcosystemId,
    /// The id of the run. Imported records have the id of their file.
    pub batch_id: String,
    /// The stage of the run.
    pub stage: Stage,
    category: Cow<'static, str>,
    subcategory: Cow<'static, str>,
    /// The host or tool that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How reliably the evidence names the cause.
    pub confidence: Confidence,
    /// The last error lines, at most 2 KiB.
    pub message: String,
    /// The whole output of the failing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRef>,
    /// What repeats the attempt: its recipe and everything that was carried out, as JSON of
    /// [`Repro`](crate::model::Repro). Absent when nothing was made or carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repro: Option<OutputRef>,
    /// The exit code of the failing program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The environment; absent when the attempt failed before its validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Name and version of the generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// The sandbox backend that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// The cell that the recipe lost because of this failure. The attempt itself succeeded: the
    /// recipe works in other cells. Absent when the attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_cell: Option<Cell>,
    /// The packages whose recipes are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<PackageName>,
    /// What a person should know about the package, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Who told the commands of the package; absent if they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executables_from: Option<ExecutablesFrom>,
    /// Equal causes have equal fingerprints.
    pub fingerprint: Fingerprint,
    /// When the attempt ended.
    pub timestamp: DateTime<Utc>,
    /// The address of the CI run that the batch belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_run_url: Option<String>,
    /// The source of an imported record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// The file and the record number that an imported record came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct Origin {
    pub file: String,
    pub record: u64,
}

/// The required fields of a [`FailureRecord`]. Optional fields are set afterwards.
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
    /// A record without optional fields.
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
            repro: None,
            exit_code: None,
            environment: None,
            generator: None,
            sandbox: None,
            removed_cell: None,
            blocked_by: vec![],
            notes: vec![],
            executables_from: None,
            fingerprint: head.fingerprint,
            timestamp: head.timestamp,
            workflow_run_url: None,
            origin: None,
        }
    }

    /// The kind of failure. A pair that only later versions know becomes `unknown/unclassified`;
    /// its text is kept.
    pub fn kind(&self) -> FailureKind {
        FailureKind::parse(&self.category, &self.subcategory).unwrap_or(FailureKind::Unclassified)
    }

    /// Replaces everything that classification yields. The rest of the record stays.
    pub fn set_finding(&mut self, finding: Finding, fingerprint: Fingerprint) {
        let row = finding.kind.row();
        self.category = Cow::Borrowed(row.category);
        self.subcategory = Cow::Borrowed(row.subcategory);
        self.service = finding.service;
        self.confidence = finding.confidence;
        self.fingerprint = fingerprint;
    }

    /// The category: the first half of the stored pair.
    pub fn category(&self) -> &str {
        &self.category
    }

    /// The subcategory: the second half of the stored pair.
    pub fn subcategory(&self) -> &str {
        &self.subcategory
    }
}
