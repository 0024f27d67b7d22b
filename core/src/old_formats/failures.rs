//! Failures: one record for each batch with the failures of all its packages, or one line for each
//! recipe that failed in one environment.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::old_formats::{
    OldInstant, OldRecords, Refused,
    pieces::{LineCounter, Piece, error_reason, pieces},
};

/// The package that failed, as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An id of the form `<ecosystem>:<name>`, with any spelling of the ecosystem.
    Package(String),
    /// The name of a recipe, without ecosystem.
    Recipe(String),
}

/// One failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldFailure {
    /// The number of the failure in its file, from 0.
    pub record: u64,
    /// The line in which it begins, from 1.
    pub line: u64,
    /// The package.
    pub subject: Subject,
    /// The old category.
    pub category: String,
    /// What the program printed; empty for a line about a recipe.
    pub message: String,
    /// The exit code, if it was stored.
    pub exit_code: Option<i32>,
    /// The environment, in an old spelling.
    pub environment: Option<String>,
    /// The packages whose recipes are missing.
    pub blocked_by: Vec<String>,
    /// When the attempt ended.
    pub timestamp: DateTime<Utc>,
    /// When its record was written, if the record says so.
    pub written_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Line<'a> {
    schema_version: Option<u64>,
    environment: Option<String>,
    #[serde(default)]
    updated_at: OldInstant,
    #[serde(borrow)]
    failures: Option<Vec<&'a RawValue>>,
    recipe: Option<String>,
    platform: Option<String>,
    exit_code: Option<i32>,
    category: Option<String>,
    #[serde(default)]
    timestamp: OldInstant,
    blocked_by: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Nested {
    package_id: String,
    category: String,
    message: Option<String>,
    #[serde(default)]
    timestamp: OldInstant,
    blocked_by: Option<Vec<String>>,
}

/// The failures in `content`. `started_at` is the instant in the name of the file, if there is one.
/// It takes the place of instants that are missing.
pub fn failures(content: &[u8], started_at: Option<DateTime<Utc>>) -> OldRecords<OldFailure> {
    let (pieces, refused) = pieces(content);
    let mut reader = Reader {
        found: OldRecords { records: vec![], refused },
        lines: LineCounter::new(content),
        started_at,
        record: 0,
    };
    for piece in pieces {
        if let Err(reason) = reader.piece(&piece) {
            reader.found.refused.push(Refused { line: piece.line, reason });
        }
    }
    reader.found.refused.sort_by_key(|refused| refused.line);
    reader.found
}

struct Reader<'a> {
    found: OldRecords<OldFailure>,
    lines: LineCounter<'a>,
    started_at: Option<DateTime<Utc>>,
    record: u64,
}

impl Reader<'_> {
    fn piece(&mut self, piece: &Piece<'_>) -> Result<(), String> {
        let line: Line<'_> =
            serde_json::from_str(piece.json).map_err(|error| error_reason(&error))?;
        super::check_version(line.schema_version)?;
        let Some(nested) = line.failures else { return self.recipe(piece.line, line) };
        for json in nested {
            let place = self.lines.line_of(json.get());
            if let Err(reason) =
                self.nested(place, json, line.updated_at, line.environment.as_ref())
            {
                self.found.refused.push(Refused { line: place, reason });
            }
            self.record += 1;
        }
        Ok(())
    }

    fn nested(
        &mut self,
        line: u64,
        json: &RawValue,
        updated_at: OldInstant,
        environment: Option<&String>,
    ) -> Result<(), String> {
        let nested: Nested =
            serde_json::from_str(json.get()).map_err(|error| error_reason(&error))?;
        let timestamp = nested.timestamp.at().or(updated_at.at()).or(self.started_at);
        self.found.records.push(OldFailure {
            record: self.record,
            line,
            subject: Subject::Package(nested.package_id),
            category: nested.category,
            message: nested.message.unwrap_or_default(),
            exit_code: None,
            environment: environment.cloned(),
            blocked_by: nested.blocked_by.unwrap_or_default(),
            timestamp: timestamp.ok_or("it has no instant")?,
            written_at: updated_at.at(),
        });
        Ok(())
    }

    fn recipe(&mut self, place: u64, line: Line<'_>) -> Result<(), String> {
        let recipe = line.recipe.ok_or("it has neither failures nor a recipe")?;
        let timestamp = line.timestamp.at().or(self.started_at).ok_or("it has no instant")?;
        self.found.records.push(OldFailure {
            record: self.record,
            line: place,
            subject: Subject::Recipe(recipe),
            category: line.category.unwrap_or_default(),
            message: String::new(),
            exit_code: line.exit_code,
            environment: line.platform,
            blocked_by: line.blocked_by.unwrap_or_default(),
            timestamp,
            written_at: None,
        });
        self.record += 1;
        Ok(())
    }
}
