//! Decisions about the source of a tool: those of a person, all in one record, and those of the
//! program, one file each.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::old_formats::{
    OldInstant, OldRecords, Refused,
    pieces::{LineCounter, document, error_reason, pieces},
};

/// The source that was selected for a tool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Selection {
    /// The line in which it begins, from 1.
    #[serde(skip)]
    pub line: u64,
    pub tool: String,
    /// `<ecosystem>:<name>`, with any spelling of the ecosystem.
    pub selected: String,
    #[serde(default, deserialize_with = "or_default")]
    pub alternatives: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub selection_reason: String,
    #[serde(default)]
    pub high_risk: bool,
}

/// What one registry said about a tool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Probe {
    pub source: String,
    #[serde(default)]
    pub downloads: u64,
    #[serde(default)]
    pub version_count: u64,
    #[serde(default)]
    pub has_repository: bool,
}

/// A decision of the program, with its evidence.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Audit {
    #[serde(flatten)]
    pub selection: Selection,
    pub downloads_ratio: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    pub probe_results: Vec<Probe>,
    pub previous_source: Option<String>,
    #[serde(default)]
    pub disambiguated_at: OldInstant,
    #[serde(default)]
    pub seeding_run: OldInstant,
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
struct Envelope<'a> {
    schema_version: Option<u64>,
    #[serde(borrow)]
    disambiguations: Vec<&'a RawValue>,
}

/// The selections in `content`, whose records contain many selections each.
pub fn selections(content: &[u8]) -> OldRecords<Selection> {
    let (pieces, refused) = pieces(content);
    let mut found = OldRecords { records: vec![], refused };
    let mut lines = LineCounter::new(content);
    for piece in pieces {
        let envelope = serde_json::from_str::<Envelope<'_>>(piece.json)
            .map_err(|error| error_reason(&error))
            .and_then(|envelope| {
                super::check_version(envelope.schema_version).map(|()| envelope.disambiguations)
            });
        let selections = match envelope {
            Ok(selections) => selections,
            Err(reason) => {
                found.refused.push(Refused { line: piece.line, reason });
                continue;
            }
        };
        for json in selections {
            let line = lines.line_of(json.get());
            match serde_json::from_str::<Selection>(json.get()) {
                Ok(selection) => found.records.push(Selection { line, ..selection }),
                Err(error) => {
                    found.refused.push(Refused { line, reason: error_reason(&error) });
                }
            }
        }
    }
    found
}

/// The audit in `content`.
pub fn audit(content: &[u8]) -> Result<Audit, Refused> {
    let read = serde_json::from_str(document(content)?);
    read.map_err(|error| Refused { line: 1, reason: error_reason(&error) })
}
