//! Records, one on each line. An unreadable line does not affect the others.

use std::{mem, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    io::{Quarantined, Records, StateError, StateErrorKind, regular, state_error},
    model::SCHEMA_VERSION,
};

/// The field that all formats have.
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

/// Adds the records of the file at `path` to `records`. `label` is the name of the file in
/// messages. A file that cannot be read at all is quarantined as a whole.
pub(in crate::io) fn read<T: DeserializeOwned>(
    path: &Path,
    label: &str,
    records: &mut Records<T>,
) -> Result<(), StateError> {
    match regular::read(path) {
        Ok(content) => add(&content.unwrap_or_default(), label, &|_| true, record, records),
        Err(error) => quarantine_file(error, label, records)?,
    }
    Ok(())
}

/// Quarantines a file that cannot be read because it is not a regular file. Any other error is
/// returned.
pub(super) fn quarantine_file<T>(
    error: StateError,
    label: &str,
    records: &mut Records<T>,
) -> Result<(), StateError> {
    if !error.kind.is_about_the_file() {
        return Err(error);
    }
    records.quarantined.push(damaged_file(&error, label.to_owned()));
    Ok(())
}

/// The file called `file`, which cannot be read because of `error`.
pub(super) fn damaged_file(error: &StateError, file: String) -> Quarantined {
    Quarantined { file, place: 0, reason: error.kind.to_string(), raw: String::new() }
}

/// What a line contains.
pub(super) enum Line<T> {
    /// A record, and the number of its line.
    Record(u64, T),
    Damaged(Quarantined),
}

/// Adds the records that `parse` reads in `content`, the content of the file `label`. A line that
/// `may_be_wanted` rejects is skipped without parsing, unless its first or last character shows that
/// it is not a record.
pub(super) fn add<T>(
    content: &[u8],
    label: &str,
    may_be_wanted: &dyn Fn(&[u8]) -> bool,
    parse: fn(&[u8]) -> Result<T, String>,
    records: &mut Records<T>,
) {
    each((content, label), may_be_wanted, parse, &mut |line| match line {
        Line::Record(_, record) => records.records.push(record),
        Line::Damaged(damaged) => records.quarantined.push(damaged),
    });
}

/// The same, line by line.
pub(super) fn each<T>(
    (content, label): (&[u8], &str),
    may_be_wanted: &dyn Fn(&[u8]) -> bool,
    parse: fn(&[u8]) -> Result<T, String>,
    visit: &mut dyn FnMut(Line<T>),
) {
    let is_read = |line: &[u8]| !is_object(line) || may_be_wanted(line);
    let damaged = |place, reason, raw: &[u8]| {
        let raw = String::from_utf8_lossy(raw).into_owned();
        let file = label.to_owned();
        Line::Damaged(Quarantined { file, place, reason, raw })
    };
    // Whether the content may be one document. A record in the first line shows that it is none.
    let mut may_be_document = true;
    for (n, (place, line)) in lines(content).enumerate().filter(|(_, (_, line))| is_read(line)) {
        let record = parse(line);
        if mem::take(&mut may_be_document)
            && (0 < n || record.is_err())
            && let Some(reason) = is_one_document(content)
        {
            visit(damaged(0, reason, b""));
            return;
        }
        visit(match record {
            Ok(record) => Line::Record(place, record),
            Err(reason) => damaged(place, reason, line),
        });
    }
}

/// The lines of `content` that are not empty, with their numbers from 1.
pub(super) fn lines(content: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let ends = memchr::memchr_iter(b'\n', content).chain([content.len()]);
    let mut start = 0;
    let all = ends.map(move |end| &content[mem::replace(&mut start, end + 1)..end]);
    (1..).zip(all).filter(|(_, line)| !line.trim_ascii().is_empty())
}

/// Whether `line` begins and ends like a record. A line that was cut off does not.
fn is_object(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.starts_with(b"{") && line.ends_with(b"}")
}

/// The record in `line`. The error is the reason why there is none.
pub(super) fn record<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    let read = || -> Result<_, serde_json::Error> {
        let version: Versioned = serde_json::from_slice(line)?;
        Ok(version.check().map(|()| serde_json::from_slice(line)))
    };
    match read() {
        Ok(Ok(record)) => record.map_err(|error| state_error::reason(&error)),
        Ok(Err(kind)) => Err(kind.to_string()),
        Err(error) => Err(state_error::reason(&error)),
    }
}

/// Older metrics are indented documents of many lines, none of which can be read alone.
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

/// `records`, one on each line.
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
