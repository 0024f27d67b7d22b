//! Runs: documents of many lines, one after the other.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::old_formats::{
    OldInstant, OldRecords, Refused,
    pieces::{Piece, error_reason, pieces},
};

/// Results in one environment, as numbers of recipes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct OldCounts {
    #[serde(default)]
    pub tested: u64,
    #[serde(default)]
    pub passed: u64,
    #[serde(default)]
    pub failed: u64,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRun {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// The ecosystem of a run of the older kind, which was for one ecosystem.
    pub ecosystem: Option<String>,
    /// How many packages of each ecosystem were attempted. Older runs do not say it.
    pub attempts: BTreeMap<String, u64>,
    /// Recipes that were merged or excluded.
    pub total: u64,
    /// Recipes that were generated.
    pub generated: u64,
    /// Recipes that were merged.
    pub merged: u64,
    /// Recipes that were left out.
    pub excluded: u64,
    /// Recipes that were restricted.
    pub constrained: u64,
    /// Results by environment, in old spellings.
    pub platforms: BTreeMap<String, OldCounts>,
    /// When it was recorded.
    pub timestamp: DateTime<Utc>,
    /// Duration of its last job in seconds.
    pub duration_seconds: u64,
}

#[derive(Deserialize)]
struct Written {
    schema_version: Option<u64>,
    ecosystem: Option<String>,
    ecosystems: Option<BTreeMap<String, u64>>,
    #[serde(default)]
    total: u64,
    #[serde(default)]
    generated: u64,
    #[serde(default)]
    merged: u64,
    #[serde(default)]
    excluded: u64,
    #[serde(default)]
    constrained: u64,
    platforms: Option<BTreeMap<String, OldCounts>>,
    #[serde(default)]
    timestamp: OldInstant,
    #[serde(default)]
    duration_seconds: u64,
}

/// The runs in `content`.
pub fn runs(content: &[u8]) -> OldRecords<OldRun> {
    let (pieces, refused) = pieces(content);
    let mut found = OldRecords { records: vec![], refused };
    for piece in pieces {
        match run(&piece) {
            Ok(run) => found.records.push(run),
            Err(reason) => found.refused.push(Refused { line: piece.line, reason }),
        }
    }
    found
}

fn run(piece: &Piece<'_>) -> Result<OldRun, String> {
    let written: Written =
        serde_json::from_str(piece.json).map_err(|error| error_reason(&error))?;
    super::check_version(written.schema_version)?;
    Ok(OldRun {
        line: piece.line,
        ecosystem: written.ecosystem,
        attempts: written.ecosystems.unwrap_or_default(),
        total: written.total,
        generated: written.generated,
        merged: written.merged,
        excluded: written.excluded,
        constrained: written.constrained,
        platforms: written.platforms.unwrap_or_default(),
        timestamp: written.timestamp.at().ok_or("it has no instant that can be read")?,
        duration_seconds: written.duration_seconds,
    })
}
