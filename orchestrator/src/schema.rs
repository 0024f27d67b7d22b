//! The JSON schemas of everything that is stored or printed.

use std::{collections::BTreeMap, io, path::Path};

use batch_core::io::Manifest;
use batch_core::model::{
    BreakerTransition, Control, CuratedSource, EcosystemId, Fact, FailureKind, FailureRecord,
    Fault, OutputRecord, PackageName, Remembered, Repro, Row, RunRecord, SeedingRecord,
    SourceAudit, StoredEntry, TierMeanings,
};
use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use crate::run::RunPlan;

/// `data/queues/priority-queue-<ecosystem>.json`.
#[derive(JsonSchema)]
#[schemars(rename = "Queue")]
#[expect(dead_code, reason = "stands for the file, which is read entry by entry")]
struct QueueDocument {
    schema_version: u32,
    ecosystem: EcosystemId,
    updated_at: DateTime<Utc>,
    #[schemars(default)]
    tiers: TierMeanings,
    packages: Vec<StoredEntry>,
}

/// `data/seeding/<ecosystem>.json`.
#[derive(JsonSchema)]
#[schemars(rename = "Seeding")]
#[expect(dead_code, reason = "stands for the file")]
struct RememberedDocument {
    schema_version: u32,
    ecosystem: EcosystemId,
    packages: BTreeMap<PackageName, Remembered>,
}

/// A row of the failure taxonomy in the exported file.
#[derive(Serialize)]
struct ExportedRow {
    category: &'static str,
    subcategory: &'static str,
    transient: bool,
    breaker: bool,
    fault: Fault,
    remediation: &'static str,
}

/// The name and the text of every schema, and of the exported taxonomy. `outputs` are the schemas
/// of printed documents.
pub fn all(
    outputs: impl IntoIterator<Item = (&'static str, Schema)>,
) -> BTreeMap<&'static str, String> {
    let stored = [
        ("queue", schema_for!(QueueDocument)),
        ("batch-control", schema_for!(Control)),
        ("batch-run", schema_for!(RunRecord)),
        ("failure", schema_for!(FailureRecord)),
        ("archived-output", schema_for!(OutputRecord)),
        ("fact", schema_for!(Fact)),
        ("repro", schema_for!(Repro)),
        ("run-plan", schema_for!(RunPlan)),
        ("manifest", schema_for!(Manifest)),
        ("seeding-run", schema_for!(SeedingRecord)),
        ("seeding", schema_for!(RememberedDocument)),
        ("curated-source", schema_for!(CuratedSource)),
        ("source-audit", schema_for!(SourceAudit)),
        ("breaker-transition", schema_for!(BreakerTransition)),
    ];
    let schemas = stored.into_iter().chain(outputs).chain(analytics::schemas());
    let mut texts: BTreeMap<_, _> =
        schemas.map(|(name, schema)| (name, to_text(&schema))).collect();
    let rows: Vec<ExportedRow> = FailureKind::ALL.iter().map(|&kind| exported(kind)).collect();
    texts.insert("taxonomy", to_text(&serde_json::json!({ "const": rows })));
    texts
}

fn exported(kind: FailureKind) -> ExportedRow {
    let Row { category, subcategory, transient, breaker, remediation } = kind.row();
    ExportedRow { category, subcategory, transient, breaker, fault: kind.fault(), remediation }
}

fn to_text<T: Serialize>(document: &T) -> String {
    serde_json::to_string_pretty(document).expect("a schema is made of texts") + "\n"
}

/// Whether the file at `path` contains `text`. A file that does not exist contains nothing.
#[expect(clippy::disallowed_methods, reason = "schemas are this program's own, no state")]
pub fn is_written(path: &Path, text: &str) -> io::Result<bool> {
    match std::fs::read_to_string(path) {
        Ok(found) => Ok(found == text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes `text` to `path`. Creates the folder if necessary.
#[expect(clippy::disallowed_methods, reason = "schemas are this program's own, no state")]
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    std::fs::write(path, text)
}
