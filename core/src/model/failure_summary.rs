//! The part of a failure record that counting needs.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::model::{EcosystemId, Environment, FailureKind, FailureRecord, Fingerprint, PackageId};

/// Some fields of a [`FailureRecord`]. It can be read from the same line, in a fraction of the time:
/// the long texts of the record are skipped and not checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "FailureRecord says it")]
pub struct FailureSummary {
    pub schema_version: u32,
    pub id: String,
    pub package_id: PackageId,
    pub ecosystem: EcosystemId,
    pub batch_id: String,
    category: String,
    subcategory: String,
    #[serde(default)]
    pub environment: Option<Environment>,
    pub fingerprint: Fingerprint,
    pub timestamp: DateTime<Utc>,
}

impl FailureSummary {
    /// The stored pair of category and subcategory.
    pub fn pair(&self) -> [&str; 2] {
        [&self.category, &self.subcategory]
    }

    /// The kind of failure. A pair that only later versions know becomes `unknown/unclassified`.
    pub fn kind(&self) -> FailureKind {
        let [category, subcategory] = self.pair();
        FailureKind::parse(category, subcategory).unwrap_or(FailureKind::Unclassified)
    }
}

impl From<FailureRecord> for FailureSummary {
    fn from(record: FailureRecord) -> Self {
        Self {
            schema_version: record.schema_version,
            category: record.category().to_owned(),
            subcategory: record.subcategory().to_owned(),
            id: record.id,
            package_id: record.package_id,
            ecosystem: record.ecosystem,
            batch_id: record.batch_id,
            environment: record.environment,
            fingerprint: record.fingerprint,
            timestamp: record.timestamp,
        }
    }
}
