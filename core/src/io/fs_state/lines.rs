//! Records, one to a line. A line that cannot be read costs itself only.

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    io::{Quarantined, Records, StateError, StateErrorKind, regular, state},
    model::SCHEMA_VERSION,
};

/// All that every format has in common.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    schema_version: u64,
}

impl Versioned {
    fn check(&self) -> Result<(), StateErrorKind> {
        let (found, known) = (self.schema_version, SCHEMA_VERSION);
        let is_known = found == u64::from(known);
        is_known.then_some(()).ok_or(StateErrorKind::SchemaVersion { found, known })
    }
}

/// Whether `content` is a document of this program's version.
pub(super) fn check_version(path: &Path, content: &[u8]) -> Result<(), StateError> {
    let version: Versioned =
        serde_json::from_slice(content).map_err(|error| StateError::json(path, &error))?;
    version.check().map_err(|kind| StateError::new(path, kind))
}

/// Adds the records of the file at `path` to `records`; `label` is how a person names it. A file
/// that cannot be read at all because of what it is goes to quarantine as a whole.
pub(in crate::io) fn read<T: DeserializeOwned>(
    path: &Path,
    label: &str,
    records: &mut Records<T>,
) -> Result<(), StateError> {
    let mut quarantine = |place, reason, raw: &[u8]| {
        let raw = String::from_utf8_lossy(raw).into_owned();
        let file = label.to_owned();
        records.quarantined.push(Quarantined { file, place, reason, raw });
    };
    let content = match regular::read(path) {
        Ok(content) => content.unwrap_or_default(),
        Err(StateError { kind, .. }) if kind.is_about_the_file() => {
            quarantine(0, kind.to_string(), b"");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    if let Some(reason) = is_one_document(&content) {
        quarantine(0, reason, b"");
        return Ok(());
    }
    for (place, line) in (1..).zip(content.split(|&byte| byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match record(line) {
            Ok(record) => records.records.push(record),
            Err(reason) => quarantine(place, reason, line),
        }
    }
    Ok(())
}

/// The error is the reason.
fn record<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let read = || -> Result<_, serde_json::Error> {
        let version: Versioned = serde_json::from_slice(line)?;
        Ok(version.check().map(|()| serde_json::from_slice(line)))
    };
    match read() {
        Ok(Ok(record)) => record.map_err(|error| state::reason(&error)),
        Ok(Err(kind)) => Err(kind.to_string()),
        Err(error) => Err(state::reason(&error)),
    }
}

/// Older metrics are indented documents over many lines, none of which says anything by itself.
fn is_one_document(content: &[u8]) -> Option<String> {
    let first = content.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    let is_cut = serde_json::from_slice::<Versioned>(first).is_err_and(|error| error.is_eof());
    if !is_cut {
        return None;
    }
    let mut documents = serde_json::Deserializer::from_slice(content).into_iter::<Versioned>();
    let version = documents.next()?.ok()?;
    let reason = version.check().err().map(|kind| format!("not one record a line: {kind}"));
    Some(reason.unwrap_or_else(|| "not one record a line".to_owned()))
}

/// `records`, one to a line.
pub(super) fn to_text<T: Serialize>(path: &Path, records: &[T]) -> Result<String, StateError> {
    let mut text = String::new();
    for record in records {
        text.push_str(&to_line(path, record)?);
        text.push('\n');
    }
    Ok(text)
}

/// `record` without a newline.
pub(in crate::io) fn to_line<T: Serialize>(path: &Path, record: &T) -> Result<String, StateError> {
    serde_json::to_string(record).map_err(|error| StateError::json(path, &error))
}
