//! Queues: the first one, those of one ecosystem, and the one of all ecosystems.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    model::Tier,
    old_formats::{
        OldInstant, Refused,
        pieces::{LineCounter, document, error_reason},
    },
};

/// The words that the earlier pipeline used for the state of an entry. `Generated` was never legal,
/// and was in many entries for a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the stored words")]
pub enum OldStatus {
    Pending,
    InProgress,
    Generated,
    Success,
    Failed,
    Blocked,
    RequiresManual,
    Excluded,
    Skipped,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldEntry {
    /// The line in which it begins, from 1.
    pub line: u64,
    /// The name of its recipe.
    pub name: String,
    /// The package, `<ecosystem>:<name>`, with any spelling of the ecosystem.
    pub source: String,
    /// How soon it is wanted.
    pub tier: Tier,
    /// Its state.
    pub status: OldStatus,
    /// When it was queued; older than the choice of its source.
    pub added_at: OldInstant,
    /// When its source was chosen.
    pub disambiguated_at: OldInstant,
    /// Number of failure records, successful times included.
    pub failure_count: u64,
    /// No attempt was to be made before this instant.
    pub next_retry_at: OldInstant,
}

/// A queue file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldQueue {
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
    /// Its entries.
    pub entries: Vec<OldEntry>,
    /// The entries that were not understood.
    pub refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Document<'a> {
    schema_version: Option<u64>,
    #[serde(default)]
    updated_at: OldInstant,
    #[serde(borrow)]
    packages: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    entries: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Written {
    id: Option<String>,
    name: Option<String>,
    source: Option<String>,
    tier: Option<u8>,
    priority: Option<u8>,
    status: Option<String>,
    #[serde(default)]
    added_at: OldInstant,
    #[serde(default)]
    disambiguated_at: OldInstant,
    failure_count: Option<u64>,
    #[serde(default)]
    next_retry_at: OldInstant,
}

/// The queue in `content`. The error is about the whole file.
pub fn queue(content: &[u8]) -> Result<OldQueue, Refused> {
    let json = document(content)?;
    let refused = |reason| Refused { line: 1, reason };
    let document: Document<'_> =
        serde_json::from_str(json).map_err(|error| refused(error_reason(&error)))?;
    super::check_version(document.schema_version).map_err(refused)?;
    let written = document.entries.or(document.packages);
    let written = written.ok_or_else(|| refused("it has no entries".to_owned()))?;
    let mut queue = OldQueue {
        updated_at: document.updated_at.at().unwrap_or_default(),
        entries: vec![],
        refused: vec![],
    };
    let mut lines = LineCounter::new(content);
    for json in written {
        let line = lines.line_of(json.get());
        match entry(line, json.get()) {
            Ok(entry) => queue.entries.push(entry),
            Err(reason) => queue.refused.push(Refused { line, reason }),
        }
    }
    Ok(queue)
}

fn entry(line: u64, json: &str) -> Result<OldEntry, String> {
    let written: Written = serde_json::from_str(json).map_err(|error| error_reason(&error))?;
    let source = match (written.id, written.source) {
        (Some(id), _) => id,
        (None, Some(source)) if source.contains(':') => source,
        (None, source) => {
            let name = written.name.as_deref().ok_or("it has no name")?;
            format!("{}:{name}", source.ok_or("it has no source")?)
        }
    };
    let of_source = || source.split_once(':').map_or("", |(_, name)| name).to_owned();
    let tier = written.priority.or(written.tier).map_or(Ok(Tier::REST), Tier::try_from);
    let status = written.status.ok_or("it has no status")?;
    Ok(OldEntry {
        line,
        name: written.name.unwrap_or_else(of_source),
        tier: tier.map_err(|error| error.to_string())?,
        status: read_status(&status)?,
        added_at: written.added_at,
        disambiguated_at: written.disambiguated_at,
        failure_count: written.failure_count.unwrap_or(0),
        next_retry_at: written.next_retry_at,
        source,
    })
}

fn read_status(word: &str) -> Result<OldStatus, String> {
    let known = OldStatus::deserialize(serde_json::Value::from(word));
    known.map_err(|_| format!("unknown status {:?}", word.chars().take(80).collect::<String>()))
}
