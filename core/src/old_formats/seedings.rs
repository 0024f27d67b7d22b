//! Seeding runs: one line each.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::old_formats::{
    OldInstant, OldRecords, Refused,
    pieces::{Piece, error_reason, pieces},
};

/// A package for which another source was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SourceChange {
    /// The name of its recipe.
    pub package: String,
    /// The source that it had.
    pub old: String,
    /// The source that was found.
    pub new: String,
    /// Whether the change was made without a person.
    #[serde(default)]
    pub auto_accepted: bool,
}

/// A seeding run. It was for all ecosystems.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct OldSeeding {
    /// The line in which it begins, from 1.
    pub line: u64,
    pub run_at: DateTime<Utc>,
    pub sources_processed: Vec<String>,
    pub sources_failed: Vec<String>,
    pub new_packages: u64,
    pub stale_refreshed: u64,
    pub source_changes: Vec<SourceChange>,
    /// Curated entries that were left as they are.
    pub curated_skipped: u64,
    /// Number of error messages.
    pub n_errors: u64,
}

#[derive(Deserialize)]
struct Written {
    schema_version: Option<u64>,
    #[serde(default)]
    run_at: OldInstant,
    sources_processed: Option<Vec<String>>,
    sources_failed: Option<Vec<String>>,
    new_packages: Option<u64>,
    stale_refreshed: Option<u64>,
    source_changes: Option<Vec<SourceChange>>,
    curated_skipped: Option<u64>,
    errors: Option<Vec<serde::de::IgnoredAny>>,
}

/// The seeding runs in `content`.
pub fn seedings(content: &[u8]) -> OldRecords<OldSeeding> {
    let (pieces, refused) = pieces(content);
    let mut found = OldRecords { records: vec![], refused };
    for piece in pieces {
        match seeding(&piece) {
            Ok(seeding) => found.records.push(seeding),
            Err(reason) => found.refused.push(Refused { line: piece.line, reason }),
        }
    }
    found
}

fn seeding(piece: &Piece<'_>) -> Result<OldSeeding, String> {
    let written: Written =
        serde_json::from_str(piece.json).map_err(|error| error_reason(&error))?;
    super::check_version(written.schema_version)?;
    let errors = written.errors.unwrap_or_default().len();
    Ok(OldSeeding {
        line: piece.line,
        run_at: written.run_at.at().ok_or("it has no instant that can be read")?,
        sources_processed: written.sources_processed.unwrap_or_default(),
        sources_failed: written.sources_failed.unwrap_or_default(),
        new_packages: written.new_packages.unwrap_or(0),
        stale_refreshed: written.stale_refreshed.unwrap_or(0),
        source_changes: written.source_changes.unwrap_or_default(),
        curated_skipped: written.curated_skipped.unwrap_or(0),
        n_errors: u64::try_from(errors).unwrap_or(u64::MAX),
    })
}
